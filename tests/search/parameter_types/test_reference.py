"""reference: what each form and modifier asks, what is refused, and what values are indexed by.

https://hl7.org/fhir/R4/search.html#reference
"""

from typing import Any

import pytest

from fhir_server.store.criteria import (
    AnyOf,
    Criterion,
    IdentifierIs,
    InHierarchy,
    IsPresent,
    Not,
    ReferenceTo,
    TermIs,
)
from tests.search.parameter_types.asking import asked, indexed, refused
from tests.search.samples import BASE

SUBJECT = ("Observation.subject",)
MANAGING = ("Patient.managingOrganization",)
CANONICAL = ("CarePlan.instantiatesCanonical",)


def subject(type: str, id: str) -> ReferenceTo:
    return ReferenceTo("subject", type, id, SUBJECT)


def hierarchy(id: str, *, above: bool = False) -> InHierarchy:
    return InHierarchy("organization", "Organization", id, "partof", above, MANAGING, ("Organization.partOf",))


@pytest.mark.parametrize(
    ("query", "criterion"),
    [
        (
            "Observation?subject=23",
            AnyOf(tuple(subject(type, "23") for type in ("Device", "Group", "Location", "Patient"))),
        ),
        ("Observation?subject=Patient/23", subject("Patient", "23")),
        (f"Observation?subject={BASE}/Patient/23", subject("Patient", "23")),
        ("Observation?subject=http://acme.org/Patient/23", subject("", "http://acme.org/Patient/23")),
        ("Observation?subject=urn:uuid:1", subject("", "urn:uuid:1")),
        ("Observation?subject:Patient=23", subject("Patient", "23")),
        ("Observation?subject:Patient=Patient/23", subject("Patient", "23")),
        ("Observation?subject=Patient/1,Group/2", AnyOf((subject("Patient", "1"), subject("Group", "2")))),
        ("Patient?organization=o", ReferenceTo("organization", "Organization", "o", MANAGING)),
        (  # one version of it, and that only where a reference names it
            "Patient?organization=Organization/o/_history/3",
            ReferenceTo("organization:versioned", "Organization", "o/_history/3", MANAGING),
        ),
        (
            f"Patient?organization={BASE}/Organization/o/_history/3",
            ReferenceTo("organization:versioned", "Organization", "o/_history/3", MANAGING),
        ),
        (
            "Observation?subject=http://acme.org/Patient/23/_history/3",
            subject("", "http://acme.org/Patient/23"),
        ),
        (
            "CarePlan?instantiates-canonical=http://acme.org/PlanDefinition/a|1",
            ReferenceTo("instantiates-canonical", "", "http://acme.org/PlanDefinition/a|1", CANONICAL),
        ),
    ],
)
async def test_what_a_value_asks(query: str, criterion: Criterion) -> None:
    assert await asked(query) == criterion


@pytest.mark.parametrize(
    ("query", "criterion"),
    [
        ("Observation?subject:missing=true", Not(IsPresent("subject", SUBJECT))),
        ("Observation?subject:identifier=urn:x|1", IdentifierIs("subject:identifier", "urn:x", "1", SUBJECT)),
        ("Observation?subject:identifier=1", IdentifierIs("subject:identifier", None, "1", SUBJECT)),
        ("Observation?subject:identifier=|1", IdentifierIs("subject:identifier", "", "1", SUBJECT)),
        ("Observation?subject:identifier=urn:x|", IdentifierIs("subject:identifier", "urn:x", None, SUBJECT)),
        (r"Observation?subject:identifier=a\|b", IdentifierIs("subject:identifier", None, "a|b", SUBJECT)),
        ("Patient?organization:below=o", hierarchy("o")),
        ("Patient?organization:above=Organization/o", hierarchy("o", above=True)),
        ("Patient?organization:below=o,p", AnyOf((hierarchy("o"), hierarchy("p")))),
        (
            "Location?partof:below=l",
            InHierarchy("partof", "Location", "l", "partof", False, ("Location.partOf",), ("Location.partOf",)),
        ),
        (  # of the types that it may refer to only this one builds a hierarchy
            "Observation?subject:below=l",
            InHierarchy("subject", "Location", "l", "partof", False, SUBJECT, ("Location.partOf",)),
        ),
        (
            "CarePlan?instantiates-canonical:below=http://acme.org/a",
            ReferenceTo("instantiates-canonical", "", "http://acme.org/a", CANONICAL),
        ),
        (
            "CarePlan?instantiates-canonical:below=http://acme.org/a|1",
            AnyOf(
                (
                    TermIs("instantiates-canonical:below", "http://acme.org/a|1", "equals", CANONICAL),
                    TermIs("instantiates-canonical:below", "http://acme.org/a|1.", "starts", CANONICAL),
                )
            ),
        ),
    ],
)
async def test_what_a_modifier_asks(query: str, criterion: Criterion) -> None:
    assert await asked(query) == criterion


FORM = "The parameter subject is an id, Type/id or an absolute URL."
NO_HIERARCHY = "The parameter {}: what it refers to builds no single hierarchy."
IDENTIFIER = "The parameter subject:identifier is a value, system|value, |value or system|."


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("Observation?subject=a b", "invalid", FORM),
        ("Observation?subject=#p", "invalid", FORM),
        ("Observation?subject=Patient/a b", "invalid", FORM),
        ("Observation?subject=Person of no type/1", "invalid", FORM),
        ("Observation?subject:Patient=Device/1", "invalid", "The parameter subject:Patient is the id of a Patient."),
        (
            "Observation?subject:Patient=http://acme.org/Patient/1",
            "invalid",
            "The parameter subject:Patient is the id of a Patient.",
        ),
        ("Observation?subject:Medication=1", "invalid", "The parameter subject cannot refer to Medication."),
        (
            "Observation?subject:type=Patient",
            "not-supported",
            "The modifier :type of the parameter subject is not offered.",
        ),
        ("Observation?subject:not=1", "invalid", "The modifier :not does not apply to subject, a reference parameter."),
        ("Observation?subject:identifier=a|b|c", "invalid", IDENTIFIER),
        ("Observation?subject:identifier=|", "invalid", IDENTIFIER),
        ("Observation?subject:below=Patient/1", "not-supported", NO_HIERARCHY.format("subject:below")),
        ("Patient?organization:above=urn:uuid:1", "not-supported", NO_HIERARCHY.format("organization:above")),
        (
            "Patient?organization:below=Organization/o/_history/1",
            "not-supported",
            NO_HIERARCHY.format("organization:below"),
        ),
        (
            "CarePlan?instantiates-canonical:above=http://acme.org/a|1",
            "not-supported",
            "The modifier :above of the parameter instantiates-canonical is not offered.",
        ),
        (
            "CarePlan?instantiates-canonical:below=a",
            "invalid",
            "The parameter instantiates-canonical:below is a canonical URL, or url|version.",
        ),
    ],
)
async def test_what_is_refused(query: str, code: str, message: str) -> None:
    assert await refused(query) == (code, message)


def references(*found: tuple[str, str, str]) -> dict[str, list[tuple[Any, ...]]]:
    return {"references": list(found)}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"reference": "Organization/o"}, references(("organization", "Organization", "o"))),
        ({"reference": f"{BASE}/Organization/o"}, references(("organization", "Organization", "o"))),
        (
            {"reference": "Organization/o/_history/3"},
            references(
                ("organization:versioned", "Organization", "o/_history/3"), ("organization", "Organization", "o")
            ),
        ),
        (
            {"reference": "http://acme.org/Organization/o/_history/2"},
            references(("organization", "", "http://acme.org/Organization/o")),
        ),
        ({"reference": "urn:uuid:1"}, references(("organization", "", "urn:uuid:1"))),
        ({"reference": "#contained"}, {}),
        ({"display": "The home"}, {}),
        ({"identifier": {"use": "old"}}, {}),
        (
            {"identifier": {"system": "urn:x", "value": "1"}},
            {"identifiers": [("organization:identifier", "urn:x", "1")]},
        ),
        ({"identifier": {"value": "1"}}, {"identifiers": [("organization:identifier", "", "1")]}),
        (
            {"reference": "Organization/o", "identifier": {"system": "urn:x", "value": "1"}},
            {"identifiers": [("organization:identifier", "urn:x", "1")]}
            | references(("organization", "Organization", "o")),
        ),
    ],
)
def test_what_a_reference_is_indexed_by(value: dict[str, Any], found: dict[str, list[tuple[Any, ...]]]) -> None:
    patient = {"resourceType": "Patient", "managingOrganization": value}
    assert indexed(patient, "organization", "organization:versioned", "organization:identifier") == found


@pytest.mark.parametrize(
    ("canonical", "found"),
    [
        (
            "http://acme.org/PlanDefinition/a|1.2",
            [("", "http://acme.org/PlanDefinition/a|1.2"), ("", "http://acme.org/PlanDefinition/a")],
        ),
        ("http://acme.org/PlanDefinition/a", [("", "http://acme.org/PlanDefinition/a")]),
        (
            f"{BASE}/PlanDefinition/a|2",
            [("", f"{BASE}/PlanDefinition/a|2"), ("", f"{BASE}/PlanDefinition/a"), ("PlanDefinition", "a")],
        ),
    ],
)
def test_what_a_canonical_is_indexed_by(canonical: str, found: list[tuple[str, str]]) -> None:
    name = "instantiates-canonical"
    care_plan = {"resourceType": "CarePlan", "instantiatesCanonical": [canonical]}
    assert indexed(care_plan, name, f"{name}:below") == {
        "references": [(name, *each) for each in found],
        "uris": [(name, canonical)],
        "terms": [(f"{name}:below", canonical)],
    }


@pytest.mark.parametrize(
    ("entry", "name", "found"),
    [
        ({"resourceType": "Composition", "id": "c"}, "composition", references(("composition", "Composition", "c"))),
        ({"resourceType": "MessageHeader", "id": "m"}, "message", references(("message", "MessageHeader", "m"))),
        ({"resourceType": "MessageHeader", "id": "m"}, "composition", {}),
        ({"resourceType": "Composition"}, "composition", {}),
    ],
)
def test_what_a_resource_in_a_bundle_is_indexed_by(
    entry: dict[str, Any], name: str, found: dict[str, list[tuple[Any, ...]]]
) -> None:
    assert indexed({"resourceType": "Bundle", "entry": [{"resource": entry}]}, name) == found
