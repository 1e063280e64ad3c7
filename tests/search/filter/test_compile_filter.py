"""Filters to criteria: every operator on every type of parameter, or the refusal that names both."""

import pytest

from fhir_server.outcome import FhirError, Invalid, NotSupported, TooCostly
from fhir_server.search.context import Limits
from fhir_server.search.filter.syntax import OPERATORS
from fhir_server.store.criteria import (
    AllOf,
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
from tests.search.queries import criterion, outside, search
from tests.search.reading.test_dates import us

NAME = ("Patient.name",)
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb")
UCUM = "http://unitsofmeasure.org"
SUBJECT = ("Observation.subject",)
DAY = (us("2014-10-09T23:00:00Z"), us("2014-10-10T23:00:00Z"))
PETER = StringIs("given", "peter", "equals", ("Patient.name", "Patient.name.given"))
MALE = TokenIs("gender", None, "male", ("Patient.gender",))
FINAL = TokenIs("status", None, "final", ("Observation.status",))


def born(prefix: Prefix) -> DateIs:
    return DateIs("birthdate", prefix, *DAY, ("Patient.birthDate",))


@pytest.mark.parametrize(
    ("resource_type", "filter", "expected"),
    [
        # string
        ("Patient", 'given eq "Péter"', PETER),
        (
            "Patient",
            "given ne peter",
            AllOf((IsPresent("given", ("Patient.name", "Patient.name.given")), Not(PETER))),
        ),
        ("Patient", 'name sw "Pet er"', StringIs("name", "pet er", "starts", NAME)),
        ("Patient", "name pr true", IsPresent("name", NAME)),
        ("Patient", "name pr false", Not(IsPresent("name", NAME))),
        ("Patient", 'name sw "a,b"', StringIs("name", "a,b", "starts", NAME)),
        # date
        *(("Patient", f"birthdate {prefix} 2014-10-10", born(prefix)) for prefix in ("eq", "ne", "gt", "lt", "ge")),
        *(("Patient", f"birthdate {prefix} 2014-10-10", born(prefix)) for prefix in ("le", "sa", "eb")),
        ("Patient", "birthdate po 2014-10-10", born("ap")),
        (
            "Patient",
            "_lastUpdated po 2014-10-10",
            LastUpdatedIs("ap", *DAY, ("Patient.meta", "Patient.meta.lastUpdated")),
        ),
        ("Patient", "_lastUpdated pr true", AllOf(())),
        ("Patient", "_id pr false", AnyOf(())),
        ("Patient", "_id eq 42", IdIs(("42",), ("Patient.id",))),
        # token
        ("Patient", "gender eq male", MALE),
        ("Patient", 'gender eq "male"', MALE),
        ("Patient", "gender ne male", AllOf((IsPresent("gender", ("Patient.gender",)), Not(MALE)))),
        ("Patient", "identifier eq urn:x|1", IdentifierIs("identifier", "urn:x", "1", ("Patient.identifier",))),
        (
            "Observation",
            "code eq http://loinc.org|1234-5",
            TokenIs("code", "http://loinc.org", "1234-5", ("Observation.code",)),
        ),
        (
            "Observation",
            "code eq loinc|1234-5",
            TokenIs("code", "http://loinc.org", "1234-5", ("Observation.code",)),
        ),
        ("Observation", "code eq snomed|", TokenIs("code", "http://snomed.info/sct", None, ("Observation.code",))),
        ("Observation", "code eq loinc", TokenIs("code", None, "loinc", ("Observation.code",))),
        # reference, uri
        ("Observation", "subject re Patient/1", ReferenceTo("subject", "Patient", "1", SUBJECT)),
        ("Observation", "patient eq 1", ReferenceTo("patient", "Patient", "1", SUBJECT)),
        (
            "Observation",
            "patient ne 1",
            AllOf((IsPresent("patient", SUBJECT), Not(ReferenceTo("patient", "Patient", "1", SUBJECT)))),
        ),
        ("ValueSet", "url eq http://a", UriIs("url", "http://a", ("ValueSet.url",))),
        # logic
        ("Patient", 'given eq "peter" and birthdate ge 2014-10-10', AllOf((PETER, born("ge")))),
        (
            "Patient",
            "gender eq male or given eq peter and birthdate lt 2014-10-10",
            AllOf((AnyOf((MALE, PETER)), born("lt"))),
        ),
        ("Patient", "not (gender eq male)", Not(MALE)),
        # paths
        (
            "Observation",
            'patient.gender eq "male"',
            Chained("patient", "Patient", (MALE,), SUBJECT),
        ),
        (
            "Observation",
            "subject:Patient.given eq peter",
            Chained("subject", "Patient", (PETER,), SUBJECT),
        ),
        (
            "Observation",
            "patient[gender eq male or given eq peter].birthdate ge 2014-10-10",
            Chained("patient", "Patient", (AnyOf((MALE, PETER)), born("ge")), SUBJECT),
        ),
        (
            "Patient",
            "_has:Observation:patient:status eq final and gender eq male",
            AllOf((ReverseChained("Observation", "patient", (FINAL,), SUBJECT), MALE)),
        ),
        # The filter inside holds for Patients only: other targets lack what it asks.
        (
            "Observation",
            "subject[birthdate ge 2014-10-10].identifier eq 1",
            Chained(
                "subject",
                "Patient",
                (born("ge"), IdentifierIs("identifier", None, "1", ("Patient.identifier",))),
                SUBJECT,
            ),
        ),
    ],
)
async def test_a_filter(resource_type: str, filter: str, expected: Criterion) -> None:
    assert outside(await criterion(resource_type, f"_filter={filter}")) == expected


GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"


@pytest.mark.parametrize(
    ("resource_type", "filter", "query"),
    [
        ("Patient", "name co ete", "name:contains=ete"),
        ("Patient", f"gender in {GENDERS}", f"gender:in={GENDERS}"),
        ("Patient", f"gender ni {GENDERS}", f"gender:not-in={GENDERS}"),
        *(("RiskAssessment", f"probability {prefix} 0.8", f"probability={prefix}0.8") for prefix in PREFIXES),
        *(("Patient", f"birthdate {prefix} 1941", f"birthdate={prefix}1941") for prefix in PREFIXES),
        *(
            ("Observation", f"value-quantity {prefix} 5.4|ucum|mg", f"value-quantity={prefix}5.4|{UCUM}|mg")
            for prefix in PREFIXES
        ),
        ("Observation", "value-quantity gt 5.4||mg", "value-quantity=gt5.4||mg"),
        ("Observation", "value-quantity lt -5", "value-quantity=lt-5"),
        ("Observation", "code-value-quantity eq a$gt5", "code-value-quantity=a$gt5"),
        ("Observation", "patient.name co ete", "patient.name:contains=ete"),
        ("Location", "near eq 53.54|-2.11|10|km", "near=53.54|-2.11|10|km"),
        ("Patient", '_text eq "broken hip"', "_text=broken hip"),
        ("Patient", "_content pr false", "_content:missing=true"),
        ("ValueSet", "url eq http://a", "url=http://a"),
    ],
)
async def test_a_filter_that_means_what_a_parameter_means(resource_type: str, filter: str, query: str) -> None:
    assert await criterion(resource_type, f"_filter={filter}") == await criterion(resource_type, query)


@pytest.mark.parametrize(
    ("resource_type", "filter", "kind", "words"),
    [
        ("Patient", "name ew x", NotSupported, "_filter: the operator ew on name, a string parameter, is not offered."),
        ("Patient", "name gt x", NotSupported, "_filter: the operator gt on name, a string parameter, is not offered."),
        ("Patient", "birthdate co 2014", NotSupported, "the operator co on birthdate, a date parameter, is not"),
        ("Patient", "birthdate sw 2014", Invalid, "the operator sw does not apply to birthdate, a date parameter."),
        ("Patient", "gender gt m", Invalid, "_filter: the operator gt does not apply to gender, a token parameter."),
        ("Patient", "gender re m", Invalid, "_filter: the operator re does not apply to gender, a token parameter."),
        ("Patient", "name sb m", Invalid, "_filter: the operator sb does not apply to name, a string parameter."),
        ("ValueSet", "url sw http://a", Invalid, "_filter: the operator sw does not apply to url, a uri parameter."),
        ("Patient", "name pr x", Invalid, "_filter: name pr is true or false."),
        ("Patient", "name eq \u0301", Invalid, "The parameter name needs a text of at least one letter or digit."),
        ("Patient", "birthdate eq ge2014", Invalid, "_filter: birthdate takes a value without a prefix"),
        ("Patient", "birthdate eq soon", Invalid, "_filter: birthdate takes a value without a prefix"),
        ("Patient", "birthdate eq 20", Invalid, "The parameter birthdate needs a date or time such as"),
        ("Patient", "phonetic eq x", NotSupported, "The parameter phonetic cannot be used"),
        ("Patient", "phonetic pr true", NotSupported, "The parameter phonetic cannot be used"),
        ("Patient", "colour eq x", Invalid, "_filter, character 1: Patient has no search parameter colour for this."),
        (
            "Patient",
            "(name eq x) or colour.name eq x",
            Invalid,
            "_filter, character 16: Patient has no search parameter colour for this.",
        ),
        ("Observation", "subject.colour eq x", Invalid, "None of the types that subject refers to has what is chained"),
        ("Observation", "code.name eq x", Invalid, "The parameter code is no reference"),
        (
            "Group",
            "characteristic[code eq x].value eq x",
            NotSupported,
            "_filter: a filter in brackets is offered after references, and characteristic is none",
        ),
        (
            "Observation",
            "related[type eq x].target pr true",
            Invalid,
            "Observation has no search parameter related for",
        ),
        (
            "Observation",
            "subject[name eq x] eq x",
            Invalid,
            "_filter: after subject with a type or a filter stands a dot and a further parameter.",
        ),
        ("Observation", "patient:Patient eq 1", Invalid, "_filter: after patient with a type or a filter stands a dot"),
        (
            "Observation",
            "patient[colour eq red].name eq x",
            Invalid,
            "_filter, character 9: Patient has no search parameter colour for this.",
        ),
        ("Patient", "_filter eq x", Invalid, "a filter stands in parentheses or square brackets, not as a parameter."),
        ("Patient", "name", Invalid, "The parameter _filter is wrong at character 5: expected a dot, or a space"),
        ("Patient", "", Invalid, "The parameter _filter is wrong at character 1: expected the name"),
        (
            "Patient",
            "link." * 9 + "name eq a",
            TooCostly,
            "A chain goes along at most 8 references",
        ),
        (
            "Observation",
            "patient[" + "link[" * 9 + "name eq x" + "].name eq x" * 10,
            TooCostly,
            "A chain goes along at most 8 references",
        ),
        ("Patient", "(" * 20 + "name eq x" + ")" * 20, TooCostly, "The parameter _filter nests deeper than 12"),
    ],
)
async def test_what_a_filter_cannot_ask(resource_type: str, filter: str, kind: type[FhirError], words: str) -> None:
    with pytest.raises(kind) as caught:
        await search(resource_type, f"_filter={filter}")
    assert type(caught.value) is kind
    assert words in str(caught.value)


async def test_a_filter_has_no_modifier_and_no_alternatives() -> None:
    with pytest.raises(Invalid, match=r"^The parameter _filter has no modifiers\.$"):
        await search("Patient", "_filter:exact=name eq x")
    found = await search("Patient", "_filter=name eq a,b&_filter=gender eq male")
    assert found.used == (("_filter", "name eq a,b"), ("_filter", "gender eq male"))


async def test_comparisons_count_against_the_limit_of_criteria() -> None:
    filter = " or ".join(["gender eq male"] * 11)
    with pytest.raises(TooCostly):
        await search("Patient", f"_filter={filter}", limits=Limits(criteria=10))


VALUES = {
    "string": ("Patient", "name", "a"),
    "token": ("Patient", "gender", "male"),
    "date": ("Patient", "birthdate", "2026"),
    "number": ("RiskAssessment", "probability", "0.8"),
    "quantity": ("Observation", "value-quantity", "5.4"),
    "reference": ("Patient", "link", "Patient/1"),
    "uri": ("ValueSet", "url", "urn:x"),
    "composite": ("Observation", "code-value-quantity", "a$5"),
    "special": ("Location", "near", "1|2"),
}
OFFERED = {
    "string": "eq ne co sw pr",
    "token": "eq ne in ni ss sb pr",
    "date": "eq ne gt lt ge le ap sa eb po pr",
    "number": "eq ne gt lt ge le ap sa eb pr",
    "quantity": "eq ne gt lt ge le ap sa eb pr",
    "reference": "re eq ne pr",
    "uri": "eq ne pr",
    "composite": "eq pr",
    "special": "eq pr",
}
NOT_OFFERED = {"string": "ew gt lt ge le", "date": "co", "number": "co"}
BY_MODIFIER = {"in": GENDERS, "ni": GENDERS, "ss": "http://hl7.org/fhir/restful-interaction|search"}
BY_MODIFIER["sb"] = BY_MODIFIER["ss"]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("type_name", VALUES)
async def test_every_operator_on_every_type(type_name: str, operator: str) -> None:
    resource_type, name, value = VALUES[type_name]
    query = f"_filter={name} {operator} {'true' if operator == 'pr' else BY_MODIFIER.get(operator, value)}"
    if operator in OFFERED[type_name].split():
        assert await criterion(resource_type, query)
        return
    kind = NotSupported if operator in NOT_OFFERED.get(type_name, "").split() else Invalid
    with pytest.raises(kind, match=f"^_filter: the operator {operator} .*{name}, a {type_name} parameter") as caught:
        await search(resource_type, query)
    assert type(caught.value) is kind
