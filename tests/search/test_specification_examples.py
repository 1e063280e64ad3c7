"""The examples of the specification's search page, one test each. https://hl7.org/fhir/R4/search.html

`elements` are left out here: other tests hold them.
"""

from dataclasses import replace
from typing import Any

import pytest

from fhir_server.outcome import NotSupported
from fhir_server.search.include import Include
from fhir_server.store.criteria import (
    AnyOf,
    Chained,
    Criterion,
    DateIs,
    IdentifierIs,
    IdIs,
    IsPresent,
    LastUpdatedIs,
    Not,
    Prefix,
    ReferenceTo,
    ReverseChained,
    StringIs,
    TokenIs,
    UriIs,
)
from tests.search.queries import criteria, outside, search, system_search
from tests.search.reading.test_dates import us


def bare(found: Any) -> Any:
    """Criteria without the elements that they read."""
    if isinstance(found, tuple):
        return tuple(map(bare, found))
    if hasattr(found, "criteria"):
        found = replace(found, criteria=bare(found.criteria))
    if isinstance(found, Not):
        return Not(bare(found.criterion))
    return replace(found, elements=()) if hasattr(found, "elements") else found


def date(param: str, prefix: Prefix, first: str, end: str, *beside: str) -> DateIs:
    return DateIs(param, prefix, us(first), us(end), beside=beside)


def chained(param: str, types: tuple[str, ...], *asked: Criterion) -> Criterion:
    found = tuple(Chained(param, type, asked) for type in types)
    return found[0] if len(found) == 1 else AnyOf(found)


ACME = "http://acme.org/conditions/codes"
PRACTITIONERS = ("Organization", "Practitioner")

EXAMPLES: list[tuple[str, str, tuple[Criterion, ...]]] = [
    # Parameters for all resources
    ("Patient", "_id=23", (IdIs(("23",)),)),
    (
        "Observation",
        "_lastUpdated=gt2010-10-01",
        (LastUpdatedIs("gt", us("2010-09-30T23:00:00Z"), us("2010-10-01T23:00:00Z")),),
    ),
    (
        "Condition",
        "_tag=http://acme.org/codes|needs-review",
        (TokenIs("_tag", "http://acme.org/codes", "needs-review"),),
    ),
    (
        "DiagnosticReport",
        "_profile=http://hl7.org/fhir/StructureDefinition/lipid",
        (UriIs("_profile", "http://hl7.org/fhir/StructureDefinition/lipid"),),
    ),
    # Date
    ("Procedure", "date=2013-01-14", (date("date", "eq", "2013-01-14T00:00:00Z", "2013-01-15T00:00:00Z", "code"),)),
    (
        "Patient",
        "birthdate=ge2013-03-14",
        (date("birthdate", "ge", "2013-03-14T00:00:00Z", "2013-03-15T00:00:00Z"),),
    ),
    (
        "Patient",
        "birthdate=ge2010-01-01&birthdate=le2011-12-31",
        (
            date("birthdate", "ge", "2010-01-01T00:00:00Z", "2010-01-02T00:00:00Z"),
            date("birthdate", "le", "2011-12-31T00:00:00Z", "2012-01-01T00:00:00Z"),
        ),
    ),
    # String
    ("Patient", "given=eve", (StringIs("given", "eve"),)),
    # Uri
    ("ValueSet", "url=http://acme.org/fhir/ValueSet/123", (UriIs("url", "http://acme.org/fhir/ValueSet/123"),)),
    ("ValueSet", "url=urn:oid:1.2.3.4.5", (UriIs("url", "urn:oid:1.2.3.4.5"),)),
    # Token
    (
        "Patient",
        "identifier=http://acme.org/patient|2345",
        (IdentifierIs("identifier", "http://acme.org/patient", "2345"),),
    ),
    ("Patient", "gender=male", (TokenIs("gender", None, "male"),)),
    ("Patient", "gender:not=male", (Not(TokenIs("gender", None, "male")),)),
    ("Composition", "section=48765-2", (TokenIs("section", None, "48765-2"),)),
    ("Composition", "section:not=48765-2", (Not(TokenIs("section", None, "48765-2")),)),
    ("Patient", "active=true", (TokenIs("active", None, "true"),)),
    ("Condition", f"code={ACME}|ha125", (TokenIs("code", ACME, "ha125"),)),
    ("Condition", "code=ha125", (TokenIs("code", None, "ha125"),)),
    # Reference
    ("Observation", "subject=Patient/23", (ReferenceTo("subject", "Patient", "23"),)),
    (
        "Observation",
        "subject=http://acme.org/fhir/Patient/23",
        (ReferenceTo("subject", "", "http://acme.org/fhir/Patient/23"),),
    ),
    # Chained parameters
    (
        "DiagnosticReport",
        "subject:Patient.name=peter",
        (chained("subject", ("Patient",), StringIs("name", "peter")),),
    ),
    (
        "DiagnosticReport",
        "subject.name=peter",
        (chained("subject", ("Location", "Patient"), StringIs("name", "peter")),),
    ),
    (
        "Patient",
        "general-practitioner.name=Joe&general-practitioner.address-state=MN",
        (
            chained("general-practitioner", PRACTITIONERS, StringIs("name", "joe")),
            chained("general-practitioner", PRACTITIONERS, StringIs("address-state", "mn")),
        ),
    ),
    # Reverse chaining
    (
        "Patient",
        "_has:Observation:patient:code=1234-5",
        (ReverseChained("Observation", "patient", (TokenIs("code", None, "1234-5"),)),),
    ),
    (
        "Patient",
        "_has:Observation:patient:code=123,456",
        (
            ReverseChained(
                "Observation", "patient", (AnyOf((TokenIs("code", None, "123"), TokenIs("code", None, "456"))),)
            ),
        ),
    ),
    (
        "Patient",
        "_has:Observation:patient:_has:AuditEvent:entity:agent-name=MyUserId",
        (
            ReverseChained(
                "Observation",
                "patient",
                (ReverseChained("AuditEvent", "entity", (StringIs("agent-name", "myuserid"),)),),
            ),
        ),
    ),
    (
        "Encounter",
        "patient._has:Group:member:_id=102",
        (chained("patient", ("Patient",), ReverseChained("Group", "member", (IdIs(("102",)),))),),
    ),
    # Combining
    ("Patient", "language=FR&language=NL", (TokenIs("language", None, "FR"), TokenIs("language", None, "NL"))),
    ("Patient", "language=FR,NL", (AnyOf((TokenIs("language", None, "FR"), TokenIs("language", None, "NL"))),)),
    # Missing values
    ("Patient", "gender:missing=true", (Not(IsPresent("gender")),)),
    ("Patient", "gender:missing=false", (IsPresent("gender"),)),
    # Lists
    ("Patient", "_list=42", (ReverseChained("List", "item", (IdIs(("42",)),)),)),
    # Filters
    (
        "Patient",
        'given:missing=false&_filter=given eq "peter"',
        (IsPresent("given"), StringIs("given", "peter", "equals")),
    ),
]


@pytest.mark.parametrize(("resource_type", "query", "expected"), EXAMPLES, ids=[f"{t}?{q}" for t, q, _ in EXAMPLES])
async def test_an_example(resource_type: str, query: str, expected: tuple[Criterion, ...]) -> None:
    assert bare(outside(await criteria(resource_type, query))) == expected


NOT_OFFERED = (
    # What needs lists that change with time, or names that the server gives to queries
    ("AllergyIntolerance", "patient=42&_list=$current-allergies"),
    ("Patient", "_query=current-high-risk&ward=1A"),
)


@pytest.mark.parametrize(("resource_type", "query"), NOT_OFFERED)
async def test_an_example_that_is_not_offered(resource_type: str, query: str) -> None:
    with pytest.raises(NotSupported):
        await search(resource_type, query)


BY_VALUE = (
    # What a value or a modifier of one type means is the work of `parameter_types`: here, that each is offered.
    ("RiskAssessment", "probability=gt0.8"),
    ("Patient", "given:contains=eve"),
    ("Patient", "given:exact=Eve"),
    ("ValueSet", "url:below=http://acme.org/fhir/"),
    ("ValueSet", "url:above=http://acme.org/fhir/ValueSet/123/_history/5"),
    ("Condition", "code:text=headache"),
    ("Condition", "code:in=http://hl7.org/fhir/ValueSet/administrative-gender"),
    ("Condition", "code:not-in=http://hl7.org/fhir/ValueSet/administrative-gender"),
    ("Observation", "value-quantity=5.4|http://unitsofmeasure.org|mg"),
    ("Observation", "value-quantity=5.40e-3|http://unitsofmeasure.org|g"),
    ("Observation", "value-quantity=5.4||mg"),
    ("Observation", "value-quantity=5.4"),
    ("Observation", "value-quantity=le5.4|http://unitsofmeasure.org|mg"),
    ("Observation", "value-quantity=ap5.4|http://unitsofmeasure.org|mg"),
    ("Observation", "subject:Patient=23"),
    ("Observation", "subject:identifier=http://acme.org/fhir/identifier/mrn|123456"),
    ("DiagnosticReport", "result.code-value-quantity=http://loinc.org|2823-3$gt5.4|http://unitsofmeasure.org|mmol/L"),
    ("Observation", "component-code-value-quantity=http://loinc.org|8480-6$lt60"),
    ("Group", "characteristic-value=gender$mixed"),
    ("Questionnaire", "context-type-value=focus$http://snomed.info/sct|408934002"),
    ("Location", "near=42.25|-83.76|11.20|km"),
    ("Condition", "_text=(bone OR liver) and metastases"),
    ("DocumentReference", "contenttype:below=text/xml"),
    ("Observation", "code=a\\,b"),
    ("Procedure", "location:below=42"),
    ("Condition", "_content=headache"),
)


@pytest.mark.parametrize(("resource_type", "query"), BY_VALUE)
async def test_an_example_of_a_value(resource_type: str, query: str) -> None:
    assert len(await criteria(resource_type, query)) == 1


async def test_the_example_of_sorting() -> None:
    found = await search("Observation", "_sort=status,-date,category", strict=True)
    assert [(key.param, key.descending, key.type) for key in found.query.sort] == [
        ("status", False, "token"),
        ("date", True, "date"),
        ("category", False, "token"),
    ]


@pytest.mark.parametrize(
    ("resource_type", "query", "expected"),
    [
        (
            "MedicationRequest",
            "_include=MedicationRequest:patient",
            [Include("MedicationRequest", "patient", ("Patient",))],
        ),
        (
            "MedicationRequest",
            "_revinclude=Provenance:target",
            [Include("Provenance", "target", ("MedicationRequest",), reverse=True)],
        ),
        (
            "Observation",
            "_include=Observation:derived-from:Observation",
            [Include("Observation", "derived-from", ("Observation",))],
        ),
        (
            "MedicationDispense",
            "_include=MedicationDispense:prescription&_include:iterate=MedicationRequest:requester:Practitioner",
            [
                Include("MedicationDispense", "prescription", ("MedicationRequest",)),
                Include("MedicationRequest", "requester", ("Practitioner",), iterate=True),
            ],
        ),
    ],
)
async def test_an_example_of_including(resource_type: str, query: str, expected: list[Include]) -> None:
    found = await search(resource_type, query, strict=True)
    assert [replace(each, elements=()) for each in found.includes] == expected


@pytest.mark.parametrize(
    ("resource_type", "query"),
    [
        ("Patient", "_elements=identifier,active,link"),
        ("ValueSet", "_summary=true"),
        ("Patient", "_summary=count"),
        ("Patient", "_total=accurate"),
        ("Patient", "_count=10"),
        ("Medication", "code=1&_contained=both&_containedType=container"),
    ],
)
async def test_an_example_of_showing_results(resource_type: str, query: str) -> None:
    found = await search(resource_type, query, strict=True)
    assert "&".join(f"{name}={value}" for name, value in found.used) == query


async def test_the_example_of_several_types() -> None:
    found = await system_search(
        "_type=Condition,Observation&_tag=a", "Condition", "Observation", "Patient", strict=True
    )
    assert found.used == (("_type", "Condition,Observation"), ("_tag", "a"))
