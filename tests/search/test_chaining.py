"""Chains forwards and backwards: the criteria, and what cannot be chained."""

from dataclasses import replace

import pytest

from fhir_server.outcome import FhirError, Invalid, NotSupported, TooCostly
from fhir_server.search.context import Limits
from fhir_server.search.parse import parse
from fhir_server.store.criteria import (
    AnyOf,
    Chained,
    Criterion,
    IdentifierIs,
    IdIs,
    InGroup,
    IsPresent,
    Not,
    ReferenceTo,
    ReverseChained,
    StringIs,
    TokenIs,
)
from tests.search.queries import criteria, criterion, outside, search
from tests.search.samples import CONTEXT

SUBJECT = ("Observation.subject",)
ENCOUNTER_SUBJECT = ("Encounter.subject",)


@pytest.mark.parametrize(
    ("resource_type", "query", "expected"),
    [
        (
            "Observation",
            "subject:Patient.name=peter",
            Chained("subject", "Patient", (StringIs("name", "peter", elements=("Patient.name",)),), SUBJECT),
        ),
        # Without a type: every target that has the rest; here Device and Group have no name.
        (
            "Observation",
            "subject.name=peter",
            AnyOf(
                (
                    Chained(
                        "subject",
                        "Location",
                        (StringIs("name", "peter", elements=("Location.alias", "Location.name")),),
                        SUBJECT,
                    ),
                    Chained("subject", "Patient", (StringIs("name", "peter", elements=("Patient.name",)),), SUBJECT),
                )
            ),
        ),
        (
            "Observation",
            "patient.gender:not=male,female",
            Chained(
                "patient",
                "Patient",
                (
                    Not(
                        AnyOf(
                            (
                                TokenIs("gender", None, "male", ("Patient.gender",)),
                                TokenIs("gender", None, "female", ("Patient.gender",)),
                            )
                        )
                    ),
                ),
                SUBJECT,
            ),
        ),
        (
            "Encounter",
            "patient.organization.name=ely",
            Chained(
                "patient",
                "Patient",
                (
                    Chained(
                        "organization",
                        "Organization",
                        (StringIs("name", "ely", elements=("Organization.alias", "Organization.name")),),
                        ("Patient.managingOrganization",),
                    ),
                ),
                ENCOUNTER_SUBJECT,
            ),
        ),
        (
            "Patient",
            "general-practitioner:Practitioner.identifier=urn:x|1",
            Chained(
                "general-practitioner",
                "Practitioner",
                (IdentifierIs("identifier", "urn:x", "1", ("Practitioner.identifier",)),),
                ("Patient.generalPractitioner",),
            ),
        ),
        (
            "Observation",
            "patient._id=a,b",
            Chained("patient", "Patient", (IdIs(("a", "b"), ("Patient.id",)),), SUBJECT),
        ),
        (
            "Observation",
            "patient.birthdate:missing=true",
            Chained("patient", "Patient", (Not(IsPresent("birthdate", ("Patient.birthDate",))),), SUBJECT),
        ),
        (
            "Observation",
            "patient._list=42",
            Chained(
                "patient",
                "Patient",
                (ReverseChained("List", "item", (IdIs(("42",), ("List.id",)),), ("List.entry", "List.entry.item")),),
                SUBJECT,
            ),
        ),
        (
            "Patient",
            "_has:Observation:patient:code=1234-5",
            ReverseChained(
                "Observation", "patient", (TokenIs("code", None, "1234-5", ("Observation.code",)),), SUBJECT
            ),
        ),
        (
            "Patient",
            "_has:Observation:patient:_has:AuditEvent:entity:agent=Practitioner/1",
            ReverseChained(
                "Observation",
                "patient",
                (
                    ReverseChained(
                        "AuditEvent",
                        "entity",
                        (ReferenceTo("agent", "Practitioner", "1", ("AuditEvent.agent", "AuditEvent.agent.who")),),
                        ("AuditEvent.entity", "AuditEvent.entity.what"),
                    ),
                ),
                SUBJECT,
            ),
        ),
        (
            "Encounter",
            "patient._has:Group:member:_id=102",
            Chained(
                "patient",
                "Patient",
                (
                    ReverseChained(
                        "Group", "member", (IdIs(("102",), ("Group.id",)),), ("Group.member", "Group.member.entity")
                    ),
                ),
                ENCOUNTER_SUBJECT,
            ),
        ),
        (
            "Patient",
            "_has:Observation:patient:subject:Patient.gender=male",
            ReverseChained(
                "Observation",
                "patient",
                (Chained("subject", "Patient", (TokenIs("gender", None, "male", ("Patient.gender",)),), SUBJECT),),
                SUBJECT,
            ),
        ),
        # A value that one target can have and the other cannot: only the first counts.
        (
            "Observation",
            "subject.status:not=active",
            AnyOf(
                tuple(
                    Chained("subject", type, (Not(TokenIs("status", None, "active", (f"{type}.status",))),), SUBJECT)
                    for type in ("Device", "Location")
                )
            ),
        ),
        (
            "Patient",
            "_list=42,List/43,42",
            ReverseChained("List", "item", (IdIs(("42", "43"), ("List.id",)),), ("List.entry", "List.entry.item")),
        ),
    ],
)
async def test_a_chain(resource_type: str, query: str, expected: Criterion) -> None:
    assert outside(await criterion(resource_type, query)) == expected


async def test_a_chain_leads_to_what_is_contained_too() -> None:
    """Where the entries of a contained resource decide it: not where the chain goes on, and not by id."""
    peter = (StringIs("name", "peter", elements=("Patient.name",)),)
    assert await criterion("Observation", "subject:Patient.name=peter") == AnyOf(
        (
            Chained("subject", "Patient", peter, SUBJECT),
            InGroup("subject#Patient", peter, (*SUBJECT, "Observation.contained")),
        )
    )
    by_id = await criterion("Observation", "patient._id=a")
    assert by_id == Chained("patient", "Patient", (IdIs(("a",), ("Patient.id",)),), SUBJECT)
    longer = await criterion("Observation", "patient.organization.name=ely")
    assert isinstance(longer, Chained)
    (inner,) = longer.criteria
    assert isinstance(inner, AnyOf)
    assert isinstance(inner.criteria[1], InGroup)
    assert inner.criteria[1].group == "organization#Organization"


@pytest.mark.parametrize(
    ("resource_type", "query", "kind", "words"),
    [
        ("Observation", "code.name=a", Invalid, "The parameter code is no reference, so nothing can be chained to it."),
        ("Observation", "subject:Encounter.status=a", Invalid, "The parameter subject cannot refer to Encounter."),
        ("Observation", "subject:Nothing.status=a", Invalid, "The parameter subject cannot refer to Nothing."),
        ("Observation", "subject:.status=a", Invalid, "The parameter subject cannot refer to ."),
        ("Observation", "subject:Group.name=a", Invalid, "Group does not have what is chained to subject."),
        (
            "Observation",
            "subject.colour=a",
            Invalid,
            "None of the types that subject refers to has what is chained to it.",
        ),
        (
            "Observation",
            "subject.name.name=a",
            Invalid,
            "The parameter name is no reference, so nothing can be chained to it.",
        ),
        ("Observation", "patient.birthdate=soon", Invalid, "The parameter birthdate needs a date or time such as"),
        ("Observation", "subject.name:not=a", Invalid, "The modifier :not does not apply to name, a string parameter."),
        ("Observation", "patient.name=", Invalid, "The parameter name has an empty value"),
        ("Observation", "patient.phonetic=a", NotSupported, "The parameter phonetic cannot be used: matching by sound"),
        ("Observation", "patient._filter=a", NotSupported, "The parameter _filter cannot be chained"),
        (
            "QuestionnaireResponse",
            "questionnaire.title=a",
            NotSupported,
            "The parameter questionnaire of QuestionnaireResponse cannot be followed: it refers by canonical URL.",
        ),
        (
            "Bundle",
            "composition.title=a",
            NotSupported,
            "The parameter composition of Bundle cannot be followed: it names a resource inside the Bundle.",
        ),
        (
            "Questionnaire",
            "_has:QuestionnaireResponse:questionnaire:status=a",
            NotSupported,
            "The parameter questionnaire of QuestionnaireResponse cannot be followed: it refers by canonical URL.",
        ),
        ("Patient", "_has:Nothing:patient:code=1", Invalid, "_has: there is no resource type Nothing."),
        ("Patient", "_has:Observation:colour:code=1", Invalid, "_has: Observation has no search parameter colour."),
        ("Patient", "_has:Observation:code:code=1", Invalid, "The parameter code is no reference"),
        (
            "Patient",
            "_has:Observation:encounter:code=1",
            Invalid,
            "_has: the parameter encounter of Observation cannot refer to Patient.",
        ),
        (
            "Patient",
            "_has:Observation:patient:colour=1",
            Invalid,
            "_has: Observation does not have the parameter that is asked for.",
        ),
        ("Patient", "_has=1", Invalid, "The parameter _has is written _has:[type]:"),
        ("Observation", "subject" + ".subject" * 8 + ".name=a", TooCostly, "A chain goes along at most 8 references"),
        # Provenance.target and its kin refer to every type: chains of them fan out.
        ("Provenance", "target.entity.entity.entity.entity._id=a", TooCostly, "asks for too many alternatives"),
    ],
)
async def test_what_cannot_be_chained(resource_type: str, query: str, kind: type[FhirError], words: str) -> None:
    with pytest.raises(kind) as caught:
        await search(resource_type, query)
    assert type(caught.value) is kind
    assert words in str(caught.value)


async def test_a_chain_from_an_unknown_parameter_is_an_unknown_parameter() -> None:
    found = await search("Observation", "colour.name=a")
    assert (found.used, [issue.diagnostics for issue in found.issues]) == (
        (),
        ["Observation has no search parameter colour.name: it was not used."],
    )


async def test_chains_count_against_the_limit_of_criteria() -> None:
    with pytest.raises(TooCostly):
        await search("Observation", "focus._id=1", limits=Limits(criteria=100))


@pytest.mark.parametrize(
    ("resource_type", "name"),
    [
        ("Patient", "_has:AuditEvent:patient:type"),
        ("Patient", "_has:Observation:patient:_has:AuditEvent:entity:type"),
        ("Provenance", "target:AuditEvent._id"),
        ("Provenance", "target:AuditEvent.patient.name"),
    ],
)
async def test_what_is_kept_apart_is_not_reached(resource_type: str, name: str) -> None:
    apart = replace(CONTEXT, kept_apart=frozenset({"AuditEvent"}))
    with pytest.raises(NotSupported, match="^Resources of the type AuditEvent are kept apart"):
        await parse(resource_type, [(name, "x")], apart, strict=False)


async def test_chains_along_a_single_reference_ask_for_one_resource() -> None:
    family = StringIs("family", "bell", elements=("Patient.name", "Patient.name.family"))
    given = StringIs("given", "ada", elements=("Patient.name", "Patient.name.given"))
    query = "subject:Patient.family=Bell&status=final&subject:Patient.given=Ada"
    chain, status = (outside(each) for each in await criteria("Observation", query))
    assert chain == Chained("subject", "Patient", (family, given), SUBJECT)
    assert status == TokenIs("status", None, "final", ("Observation.status",))
    # A performer may be one, and another performer the other.
    repeating = await criteria("Observation", "performer:Patient.family=Bell&performer:Patient.given=Ada")
    assert len(repeating) == 2
    # Where one of them is not known of what is contained, both are asked of a resource of its own.
    (by_id,) = await criteria("Observation", "subject:Patient.family=Bell&subject:Patient._id=a")
    assert isinstance(by_id, Chained)
    assert len(by_id.criteria) == 2
