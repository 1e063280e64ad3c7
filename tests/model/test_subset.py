"""Parts of a resource: what is kept, and that it says so."""

from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.model.subset import elements_subset, is_subsetted, summary
from fhir_server.outcome import Invalid, Issue
from fhir_server.validation import Validator
from tests.validation import samples

TAG = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
CODE = {"coding": [{"system": "http://snomed.info/sct", "code": "1", "userSelected": True}], "text": "t"}

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "meta": {"versionId": "2", "tag": [{"code": "t"}]},
    "implicitRules": "https://example.org/rules",
    "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"},
    "contained": [
        {"resourceType": "Device", "id": "used", "owner": {"reference": "#owner"}},
        {"resourceType": "Organization", "id": "owner"},
        {"resourceType": "Practitioner", "id": "unused"},
    ],
    "extension": [{"url": "https://e", "valueCode": "x"}],
    "modifierExtension": [{"url": "https://m", "valueBoolean": True}],
    "status": "final",
    "_status": {"id": "s"},
    "code": CODE,
    "subject": {"reference": "Patient/1", "id": "ref"},
    "device": {"reference": "#used"},
    "valueQuantity": {"value": 1, "unit": "kg"},
    "note": [{"text": "n", "authorReference": {"reference": "#unused"}}],
    "component": [{"id": "c", "code": CODE, "valueString": "v", "dataAbsentReason": {"text": "d"}}],
}


def _part(*names: str, **more: Any) -> dict[str, Any]:
    whole = {**OBSERVATION, **more, "meta": {"versionId": "2", "tag": [{"code": "t"}, TAG]}}
    return {name: value for name, value in whole.items() if name in ("resourceType", "id", "meta", *names)}


KEPT_ALWAYS = ("implicitRules", "modifierExtension", "status", "_status", "code")


@pytest.mark.parametrize("name", ["value", "value[x]", "valueQuantity"])
def test_elements_asked_for_come_with_mandatory_and_modifier_elements(name: str) -> None:
    before = repr(OBSERVATION)
    part = elements_subset(OBSERVATION, [name, "subject", "unknown"], r4())
    assert part == _part(*KEPT_ALWAYS, "subject", "valueQuantity")
    assert list(part) == [key for key in OBSERVATION if key in part]
    assert repr(OBSERVATION) == before


def test_contained_resources_that_the_part_refers_to_come_along() -> None:
    part = elements_subset(OBSERVATION, ["device"], r4())
    assert part == _part(*KEPT_ALWAYS, "device", "contained", contained=OBSERVATION["contained"][:2])


def test_a_choice_is_kept_in_the_type_it_has() -> None:
    data = {"resourceType": "Observation", "status": "final", "code": {"text": "c"}, "_valueString": {"id": "v"}}
    assert elements_subset(data, ["valueQuantity"], r4()) == {
        "resourceType": "Observation",
        "meta": {"tag": [TAG]},
        "status": "final",
        "code": {"text": "c"},
    }
    assert "_valueString" in elements_subset(data, ["value"], r4())


def test_summary_text() -> None:
    assert summary(OBSERVATION, "text", r4()) == _part(*KEPT_ALWAYS, "text")


def test_summary_data() -> None:
    assert summary(OBSERVATION, "data", r4()) == _part(*(name for name in OBSERVATION if name != "text"))


def test_summary_true_keeps_summary_elements_at_every_level() -> None:
    code = {"coding": CODE["coding"], "text": "t"}
    assert summary(OBSERVATION, "true", r4()) == _part(
        *KEPT_ALWAYS, "subject", "valueQuantity", "component", subject={"reference": "Patient/1"},
        component=[{"code": code, "valueString": "v"}],
    )  # fmt: skip


def test_a_summary_never_empties_an_element() -> None:
    data = {**OBSERVATION, "subject": {"extension": [{"url": "https://e", "valueCode": "unknown"}]}}
    assert summary(data, "true", r4())["subject"] == data["subject"]


def test_summary_false_is_the_resource() -> None:
    assert summary(OBSERVATION, "false", r4()) is OBSERVATION


@pytest.mark.parametrize("mode", ["count", "", "TRUE"])
def test_another_summary_is_refused(mode: str) -> None:
    with pytest.raises(Invalid) as caught:
        summary(OBSERVATION, mode, r4())
    assert caught.value.issues == (Issue("invalid", "_summary of one resource is true, text, data or false."),)


def test_a_part_without_meta_gets_one_at_the_front() -> None:
    part = summary({"resourceType": "Patient", "active": True}, "true", r4())
    assert list(part.items()) == [("resourceType", "Patient"), ("meta", {"tag": [TAG]}), ("active", True)]


@pytest.mark.parametrize("make", samples.ALL)
@pytest.mark.parametrize("mode", ["true", "text", "data"])
def test_a_part_of_a_right_resource_is_right_itself(make: Any, mode: str) -> None:
    part = summary(make(), mode, r4())
    assert is_subsetted(part)
    assert Validator(r4()).validate(part) == []
    assert summary(part, mode, r4()) == part


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"tag": [TAG]}, True),
        ({"tag": [{"code": "x"}, {"code": "SUBSETTED"}]}, True),
        ({"tag": [{"system": "http://hl7.org/fhir/v3/ObservationValue", "code": "SUBSETTED"}]}, True),
        ({"tag": [{"system": "https://example.org/else", "code": "SUBSETTED"}]}, False),
        ({"security": [TAG]}, False),
        ({}, False),
        ({"tag": "SUBSETTED"}, False),
        ("SUBSETTED", False),
        (None, False),
    ],
)
def test_a_part_is_known_by_its_tag(meta: Any, expected: bool) -> None:
    assert is_subsetted({"resourceType": "Patient", "meta": meta}) is expected
