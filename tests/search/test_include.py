"""What `_include` and `_revinclude` ask for."""

from dataclasses import replace

import pytest

from fhir_server.outcome import FhirError, Invalid, Issue, NotSupported, TooCostly
from fhir_server.search.context import Limits
from fhir_server.search.include import Include, Includes, read_include
from tests.search.queries import search
from tests.search.samples import CONTEXT

PERFORMERS = ("CareTeam", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson")


def read(name: str, value: str, *types: str) -> Includes:
    return read_include(name, value, types or ("Observation",), CONTEXT)


@pytest.mark.parametrize(
    ("type", "name", "value", "include"),
    [
        (
            "Observation",
            "_include",
            "Observation:performer",
            Include("Observation", "performer", PERFORMERS, elements=("Observation.performer",)),
        ),
        (
            "Observation",
            "_include",
            "Observation:subject:Patient",
            Include("Observation", "subject", ("Patient",), elements=("Observation.subject",)),
        ),
        (
            "MedicationRequest",
            "_include:iterate",
            "Patient:organization",
            Include(
                "Patient", "organization", ("Organization",), iterate=True, elements=("Patient.managingOrganization",)
            ),
        ),
        (
            "Patient",
            "_revinclude",
            "Observation:subject",
            Include("Observation", "subject", ("Patient",), reverse=True, elements=("Observation.subject",)),
        ),
        (
            "Patient",
            "_revinclude:iterate",
            "Observation:performer",
            Include(
                "Observation", "performer", PERFORMERS, reverse=True, iterate=True, elements=("Observation.performer",)
            ),
        ),
        (
            "Organization",
            "_revinclude",
            "Patient:general-practitioner:Organization",
            Include(
                "Patient",
                "general-practitioner",
                ("Organization",),
                reverse=True,
                elements=("Patient.generalPractitioner",),
            ),
        ),
    ],
)
def test_an_include(type: str, name: str, value: str, include: Include) -> None:
    assert read(name, value, type) == Includes((include,), (name, value))


def test_the_older_name_of_iterate() -> None:
    found = read("_include:recurse", "Location:partof", "Location")
    assert found.used == ("_include:iterate", "Location:partof")
    assert found.includes[0].iterate


@pytest.mark.parametrize("value", ["*", "Patient:*"])
def test_every_reference_of_a_patient(value: str) -> None:
    found = read("_include", value, "Patient")
    assert [(each.source, each.param, each.targets) for each in found.includes] == [
        ("Patient", "general-practitioner", ("Organization", "Practitioner", "PractitionerRole")),
        ("Patient", "link", ("Patient", "RelatedPerson")),
        ("Patient", "organization", ("Organization",)),
    ]
    assert found.notes == (
        Issue(
            "not-supported",
            "_include: Patient:part-agree is not followed, because its definition has no expression for Patient.",
            severity="information",
        ),
    )


def test_every_reference_to_a_patient_from_one_type() -> None:
    found = read("_revinclude", "QuestionnaireResponse:*", "Patient")
    assert [(each.param, each.targets) for each in found.includes] == [
        ("author", ("Patient",)),
        ("patient", ("Patient",)),
        ("source", ("Patient",)),
        ("subject", ("Patient",)),
    ]
    assert [note.diagnostics for note in found.notes] == [
        "_revinclude: QuestionnaireResponse:item-subject is not followed, because its definition does not say which "
        "types it refers to.",
        "_revinclude: QuestionnaireResponse:questionnaire is not followed, because it refers by canonical URL.",
    ]


def test_of_several_types_each_may_be_the_source() -> None:
    assert {each.source for each in read("_include", "*", "Patient", "Encounter").includes} == {"Patient", "Encounter"}


@pytest.mark.parametrize(
    ("name", "value", "kind", "words"),
    [
        ("_include:exact", "Observation:subject", Invalid, "The parameter _include has the modifier :iterate and no"),
        ("_include:", "Observation:subject", Invalid, "The parameter _include has the modifier :iterate and no"),
        ("_include", "", Invalid, "_include is written [type]:[parameter] or [type]:[parameter]:[target type]."),
        ("_include", "Observation", Invalid, "_include is written [type]:[parameter]"),
        ("_include", "Observation:", Invalid, "_include is written [type]:[parameter]"),
        ("_include", "Observation:subject:Patient:x", Invalid, "_include is written [type]:[parameter]"),
        ("_include", "Nothing:subject", Invalid, "_include: there is no resource type Nothing."),
        ("_include", "Observation:subject:Nothing", Invalid, "_include: there is no resource type Nothing."),
        (
            "_include",
            "Observation:subject:Encounter",
            Invalid,
            "_include: Observation:subject cannot refer to Encounter.",
        ),
        ("_include", "Observation:colour", Invalid, "_include: Observation has no search parameter colour."),
        ("_include", "Observation:code", Invalid, "_include: the parameter code of Observation is no reference."),
        ("_include", "Patient:link", Invalid, "_include: the search is not for Patient; with :iterate"),
        ("_include:iterate", "*", NotSupported, "_include: * alone is offered for _include without :iterate"),
        ("_revinclude", "*", NotSupported, "_revinclude: * alone is offered for _include without :iterate"),
        ("_revinclude", "Patient:link", Invalid, "_revinclude: nothing in Observation can be included by this."),
        (
            "_include:iterate",
            "QuestionnaireResponse:questionnaire",
            NotSupported,
            "The parameter questionnaire of QuestionnaireResponse cannot be followed: it refers by canonical URL.",
        ),
        ("_include:iterate", "Parameters:*", Invalid, "_include: nothing in Observation can be included by this."),
    ],
)
def test_what_cannot_be_included(name: str, value: str, kind: type[FhirError], words: str) -> None:
    with pytest.raises(kind) as caught:
        read(name, value)
    assert type(caught.value) is kind
    assert words in str(caught.value)


async def test_includes_in_a_search() -> None:
    query = "_include=Observation:subject:Patient&_revinclude=Provenance:target&_include:recurse=Patient:link"
    found = await search("Observation", query, strict=True)
    assert [(each.source, each.param, each.reverse, each.iterate) for each in found.includes] == [
        ("Observation", "subject", False, False),
        ("Provenance", "target", True, False),
        ("Patient", "link", False, True),
    ]
    assert found.used == (
        ("_include", "Observation:subject:Patient"),
        ("_revinclude", "Provenance:target"),
        ("_include:iterate", "Patient:link"),
    )


async def test_a_remark_is_no_error_for_those_who_asked_to_be_strict() -> None:
    found = await search("Patient", "_include=*", strict=True)
    assert [issue.severity for issue in found.issues] == ["information"]


async def test_what_is_asked_twice_is_included_once() -> None:
    once = await search("Patient", "_include=*", strict=True)
    again = await search("Patient", "_include=*&_include=Patient:link&_include=Patient:*", strict=True)
    assert (again.includes, len(again.used)) == (once.includes, 3)
    assert [issue.diagnostics for issue in again.issues] == [issue.diagnostics for issue in once.issues]


async def test_how_many_references_a_search_includes_along() -> None:
    limits = Limits(includes=3)
    assert len((await search("Patient", "_include=*", limits=limits)).includes) == 3
    with pytest.raises(TooCostly, match=r"^A search includes along at most 3 references: name them instead of \*\.$"):
        await search("Patient", "_include=*&_revinclude=Observation:patient", limits=limits)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_revinclude", "AuditEvent:entity"),
        ("_revinclude", "AuditEvent:*"),
        ("_include", "Provenance:target:AuditEvent"),
        ("_include:iterate", "AuditEvent:agent"),
    ],
)
def test_what_is_kept_apart_is_not_included(name: str, value: str) -> None:
    apart = replace(CONTEXT, kept_apart=frozenset({"AuditEvent"}))
    with pytest.raises(NotSupported) as caught:
        read_include(name, value, ("Provenance",), apart)
    assert str(caught.value) == (
        "Resources of the type AuditEvent are kept apart: chains and includes do not reach them."
    )
