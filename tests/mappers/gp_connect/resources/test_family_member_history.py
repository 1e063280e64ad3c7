"""FamilyMemberHistory: sex, and a history that was not taken."""

import pytest

from mappers.gp_connect.resources.family_member_history import FAMILY_MEMBER_HISTORY
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

MOTHER: Json = {"coding": [{"system": "http://hl7.org/fhir/v3/RoleCode", "code": "MTH"}]}
RICH: Json = {
    "status": "completed",
    "date": "2024-03-01",
    "name": "Her mother",
    "relationship": MOTHER,
    "gender": "female",
    "bornString": "before the war",
    "estimatedAge": True,
    "deceasedAge": {"value": 81, "unit": "years", "system": "http://unitsofmeasure.org", "code": "a"},
    "reasonCode": [{"text": "Asked at registration"}],
    "note": [{"text": "As told"}],
    "condition": [{"code": {"text": "Stroke"}, "onsetString": "in her seventies", "note": [{"text": "two"}]}],
}


def test_everything_finds_its_place() -> None:
    resource, issues, left = one_entry(FAMILY_MEMBER_HISTORY, RICH)
    renamed = {
        "relationship": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]},
        "sex": {
            "coding": [{"system": "http://hl7.org/fhir/administrative-gender", "code": "female", "display": "Female"}]
        },
    }
    assert resource == {name: value for name, value in RICH.items() if name != "gender"} | renamed
    assert (issues, left) == ([], [])


@pytest.mark.parametrize(
    ("reason", "absent"),
    [
        ({}, {"text": "The history was not taken"}),
        ({"notDoneReason": {"text": "Adopted"}}, {"text": "Adopted"}),
        (
            {
                "notDoneReason": {
                    "coding": [{"system": "http://hl7.org/fhir/history-not-done-reason", "code": "withheld"}]
                }
            },
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/history-absent-reason", "code": "withheld"}]},
        ),
    ],
)
def test_a_history_that_was_not_taken_says_so(reason: Json, absent: Json) -> None:
    source: Json = {"status": "partial", "relationship": MOTHER, "notDone": True}
    resource, _, _ = one_entry(FAMILY_MEMBER_HISTORY, source | reason)
    assert resource["dataAbsentReason"] == absent


def test_a_history_that_was_taken_does_not() -> None:
    source: Json = {"status": "completed", "relationship": MOTHER, "notDone": False}
    resource, issues, _ = one_entry(FAMILY_MEMBER_HISTORY, source)
    assert "dataAbsentReason" not in resource
    assert issues == []


def test_what_r4_requires_is_said_to_be_unknown() -> None:
    resource, issues, _ = one_entry(FAMILY_MEMBER_HISTORY, {})
    unknown = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert resource["_status"] == {"extension": [unknown]}
    assert resource["relationship"] == {"extension": [unknown]}
    assert issues == [("required", "Entry.status"), ("required", "Entry.relationship")]


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(FAMILY_MEMBER_HISTORY, RICH | {"notDone": True, "notDoneReason": {"text": "Adopted"}})
