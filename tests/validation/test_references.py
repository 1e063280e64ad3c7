"""References: their form, the types that they may point at, and contained resources."""

from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.outcome import Issue
from fhir_server.validation import Validator
from tests.validation import samples

VALIDATOR = Validator(r4())

FORM = (
    "A reference is [type]/[id], an absolute http(s) address, urn:uuid:…, urn:oid:…, #[id] of a contained resource, or"
    " in a transaction [type]?[criteria]."
)
ALLOWED_SUBJECTS = "This must refer to Device or Group or Location or Patient"
SUBJECT = ALLOWED_SUBJECTS + ", not to {}."
UNRESOLVED = "There is no contained resource with this id (ref-1)."
UNUSED = (
    "A contained resource must be referred to from the resource around it (#id), or refer to that (#) (dom-3); its"
    " reference is missing."
)


def _observation(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "c"}, **elements}


def _subject(reference: dict[str, Any]) -> dict[str, Any]:
    return _observation(subject=reference)


REFUSED: dict[str, tuple[dict[str, Any], list[Issue]]] = {
    "wrong type": (
        _subject({"reference": "Practitioner/1"}),
        [Issue("value", SUBJECT.format("Practitioner"), ("Observation.subject.reference",))],
    ),
    "wrong type, a version of it": (
        _subject({"reference": "Practitioner/1/_history/2"}),
        [Issue("value", SUBJECT.format("Practitioner"), ("Observation.subject.reference",))],
    ),
    "wrong type, absolute": (
        _subject({"reference": "https://example.org/fhir/Practitioner/1"}),
        [Issue("value", SUBJECT.format("Practitioner"), ("Observation.subject.reference",))],
    ),
    "wrong type, conditional": (
        _subject({"reference": "Practitioner?identifier=a|1"}),
        [Issue("value", SUBJECT.format("Practitioner"), ("Observation.subject.reference",))],
    ),
    "wrong type, stated only": (
        _subject({"type": "Practitioner", "identifier": {"value": "1"}}),
        [Issue("value", SUBJECT.format("Practitioner"), ("Observation.subject.type",))],
    ),
    "type that disagrees": (
        _subject({"reference": "Patient/1", "type": "Group"}),
        [Issue("value", "The reference is to a Patient, its type element says Group.", ("Observation.subject.type",))],
    ),
    "type that is none": (
        _subject({"reference": "Patient/1", "type": "Person1"}),
        [Issue("value", "The type `Person1` is not a FHIR R4 resource type.", ("Observation.subject.type",))],
    ),
    "unknown type": (
        _subject({"reference": "Resident/1"}),
        [Issue("value", "`Resident` is not a FHIR R4 resource type.", ("Observation.subject.reference",))],
    ),
    "only an id": (_subject({"reference": "1"}), [Issue("value", FORM, ("Observation.subject.reference",))]),
    "a path": (_subject({"reference": "../../admin"}), [Issue("value", FORM, ("Observation.subject.reference",))]),
    "a script": (
        _subject({"reference": "javascript:alert(1)"}),
        [Issue("value", FORM, ("Observation.subject.reference",))],
    ),
    "an id too long": (
        _subject({"reference": "Patient/" + "a" * 65}),
        [Issue("value", FORM, ("Observation.subject.reference",))],
    ),
    "a type without id": (
        _subject({"reference": "Patient/"}),
        [Issue("value", FORM, ("Observation.subject.reference",))],
    ),
    "something behind": (
        _subject({"reference": "Patient/1/name"}),
        [Issue("value", FORM, ("Observation.subject.reference",))],
    ),
    "nothing": (
        _subject({"type": "Patient"}),
        [
            Issue(
                "required",
                "A reference needs one of reference, identifier and display, or an extension.",
                ("Observation.subject",),
            )
        ],
    ),
    "no contained resource": (
        _subject({"reference": "#p"}),
        [Issue("invariant", UNRESOLVED, ("Observation.subject.reference",))],
    ),
    "the container itself, of a wrong type": (
        _subject({"reference": "#"}),
        [
            Issue(
                "value",
                f"{ALLOWED_SUBJECTS}; the resource with this id is of type Observation.",
                ("Observation.subject.reference",),
            )
        ],
    ),
    "contained of a wrong type": (
        _observation(subject={"reference": "#p"}, contained=[{"resourceType": "Practitioner", "id": "p"}]),
        [
            Issue(
                "value",
                f"{ALLOWED_SUBJECTS}; the resource with this id is of type Practitioner.",
                ("Observation.subject.reference",),
            )
        ],
    ),
    "contained of another type than stated": (
        _observation(subject={"reference": "#p", "type": "Group"}, contained=[{"resourceType": "Patient", "id": "p"}]),
        [
            Issue(
                "value",
                "This must refer to Group; the resource with this id is of type Patient.",
                ("Observation.subject.reference",),
            )
        ],
    ),
    "contained, not referred to": (
        _observation(contained=[{"resourceType": "Patient", "id": "p"}]),
        [Issue("invariant", UNUSED, ("Observation.contained[0]",))],
    ),
    "contained without id": (
        _observation(contained=[{"resourceType": "Patient"}]),
        [
            Issue(
                "required",
                "A contained resource needs an id, by which it is referred to.",
                ("Observation.contained[0].id",),
            )
        ],
    ),
    "contained twice under one id": (
        _observation(subject={"reference": "#p"}, contained=[{"resourceType": "Patient", "id": "p"}] * 2),
        [Issue("invariant", "Two contained resources have the same id.", ("Observation.contained[1].id",))],
    ),
    "contained in contained": (
        _observation(
            subject={"reference": "#p"},
            contained=[
                {
                    "resourceType": "Patient",
                    "id": "p",
                    "contained": [{"resourceType": "Organization", "id": "o"}],
                    "managingOrganization": {"reference": "#o"},
                }
            ],
        ),
        [
            Issue("invariant", UNRESOLVED, ("Observation.contained[0].managingOrganization.reference",)),
            Issue(
                "invariant",
                "A contained resource must not contain resources (dom-2).",
                ("Observation.contained[0].contained",),
            ),
        ],
    ),
    "contained with a version and labels": (
        _observation(
            subject={"reference": "#p"},
            contained=[
                {
                    "resourceType": "Patient",
                    "id": "p",
                    "meta": {"versionId": "1", "lastUpdated": "2020-01-01T00:00:00Z", "security": [{"code": "R"}]},
                }
            ],
        ),
        [
            Issue(
                "invariant",
                f"The meta of a contained resource must not have {name} ({rule}).",
                (f"Observation.contained[0].meta.{name}",),
            )
            for name, rule in (("versionId", "dom-4"), ("lastUpdated", "dom-4"), ("security", "dom-5"))
        ],
    ),
    "contained with faults": (
        _observation(subject={"reference": "#p"}, contained=[{"resourceType": "Patient", "id": "p", "gender": "f"}]),
        [
            Issue(
                "code-invalid",
                "The code `f` is not allowed here: the value set http://hl7.org/fhir/ValueSet/administrative-gender has"
                " female, male, other, unknown.",
                ("Observation.contained[0].gender",),
            )
        ],
    ),
    "contained of no type": (
        _observation(contained=[{"resourceType": "Resident", "id": "p"}, 7]),
        [
            Issue(
                "structure", "`Resident` is not a FHIR R4 resource type.", ("Observation.contained[0].resourceType",)
            ),
            Issue("structure", "This must be an object, not a number.", ("Observation.contained[1]",)),
            Issue("invariant", UNUSED, ("Observation.contained[0]",)),
        ],
    ),
    "the entry of a Bundle is a world of its own": (
        samples.bundle(
            "collection",
            [
                _observation(subject={"reference": "#p"}, contained=[{"resourceType": "Patient", "id": "p"}]),
                _observation(subject={"reference": "#p"}),
            ],
        ),
        [Issue("invariant", UNRESOLVED, ("Bundle.entry[1].resource.subject.reference",))],
    ),
    "an entry of a wrong type": (
        samples.bundle(
            "transaction",
            [
                _subject({"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"}),
                {"resourceType": "Practitioner"},
            ],
        ),
        [
            Issue(
                "value",
                f"{ALLOWED_SUBJECTS}; the entry with this fullUrl is of type Practitioner.",
                ("Bundle.entry[0].resource.subject.reference",),
            )
        ],
    ),
}

ALLOWED: dict[str, dict[str, Any]] = {
    "a version": _subject({"reference": "Patient/1/_history/3"}),
    "a fragment": _subject({"reference": "Patient/1#part"}),
    "absolute": _subject({"reference": "http://example.org:8080/base/Patient/1", "type": "Patient"}),
    "absolute, of no form": _subject({"reference": "https://example.org/?r=Practitioner/1"}),
    "absolute, of no type of FHIR": _subject({"reference": "https://example.org/Resident/1"}),
    "urn": _subject({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}),
    "urn of another kind": _subject({"reference": "urn:oid:1.2.3"}),
    "conditional": _subject({"reference": "Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018"}),
    "logical": _subject({"type": "Patient", "identifier": {"system": "https://example.org", "value": "1"}}),
    "a name": _subject({"display": "Edith"}),
    "an extension": _subject({"extension": [{"url": "https://example.org/absent", "valueCode": "unknown"}]}),
    "a type as address": _subject(
        {"reference": "Patient/1", "type": "http://hl7.org/fhir/StructureDefinition/Patient"}
    ),
    "the address of a logical model": _subject({"display": "x", "type": "https://example.org/StructureDefinition/Bed"}),
    "any type where all are allowed": {
        "resourceType": "Basic",
        "code": {"text": "c"},
        "subject": {"reference": "Basic/1"},
    },
    "contained": _observation(
        subject={"reference": "#p", "type": "Patient"}, contained=[{"resourceType": "Patient", "id": "p"}]
    ),
    "contained, referred to by a contained one": _observation(
        subject={"reference": "#p"},
        contained=[
            {"resourceType": "Organization", "id": "o"},
            {"resourceType": "Patient", "id": "p", "managingOrganization": {"reference": "#o"}},
        ],
    ),
    "contained, referring to what contains it": _observation(
        contained=[{"resourceType": "Provenance", "id": "p", "target": [{"reference": "#"}],
                    "recorded": "2020-01-01T00:00:00Z", "agent": [{"who": {"display": "E"}}]}],
    ),
    "contained, referred to by an extension": _observation(
        extension=[{"url": "https://example.org/e", "valueReference": {"reference": "#p"}}],
        contained=[{"resourceType": "Patient", "id": "p"}],
    ),
    "contained, referred to by a canonical": {
        "resourceType": "Questionnaire",
        "status": "draft",
        "contained": [{"resourceType": "ValueSet", "id": "v", "status": "draft"}],
        "item": [{"linkId": "1", "type": "choice", "answerValueSet": "#v"}],
    },
    "entries that refer to each other": samples.bundle(
        "transaction",
        [_subject({"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"}), {"resourceType": "Patient"}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_references_are_refused(name: str) -> None:
    data, expected = REFUSED[name]
    assert VALIDATOR.validate(data) == expected


@pytest.mark.parametrize("name", ALLOWED)
def test_right_references_are_allowed(name: str) -> None:
    assert VALIDATOR.validate(ALLOWED[name]) == []
