"""Procedure: what was not done is a status in R4."""

import pytest

from mappers.gp_connect.resources.procedure import PROCEDURE
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

CODE: Json = {"coding": [{"system": "http://snomed.info/sct", "code": "80146002", "display": "Appendectomy"}]}
RICH: Json = {
    "basedOn": [{"reference": "ReferralRequest/asked"}],
    "partOf": [{"reference": "Procedure/whole"}],
    "status": "completed",
    "category": {"text": "Surgery"},
    "code": CODE,
    "context": {"reference": "Encounter/visit"},
    "performedPeriod": {"start": "2001"},
    "performer": [
        {
            "role": {"text": "Surgeon"},
            "actor": {"reference": "Practitioner/surgeon"},
            "onBehalfOf": {"reference": "Organization/hospital"},
        }
    ],
    "location": {"reference": "Location/theatre"},
    "reasonCode": [{"text": "Pain"}],
    "reasonReference": [{"reference": "Condition/appendicitis"}],
    "bodySite": [{"text": "Abdomen"}],
    "outcome": {"text": "Good"},
    "report": [{"reference": "DiagnosticReport/histology"}],
    "complication": [{"text": "None"}],
    "followUp": [{"text": "Stitches out"}],
    "note": [{"text": "As told by the patient"}],
    "focalDevice": [{"manipulated": {"reference": "Device/clip"}}],
    "usedCode": [{"text": "Clip"}],
}


def test_everything_finds_its_place() -> None:
    resource, issues, left = one_entry(PROCEDURE, RICH)
    renamed = {
        "basedOn": [{"reference": "ServiceRequest/asked"}],
        "encounter": {"reference": "Encounter/visit"},
        "performer": [
            {
                "function": {"text": "Surgeon"},
                "actor": {"reference": "Practitioner/surgeon"},
                "onBehalfOf": {"reference": "Organization/hospital"},
            }
        ],
    }
    assert resource == {name: value for name, value in RICH.items() if name != "context"} | renamed
    assert (issues, left) == ([], [])


@pytest.mark.parametrize(
    ("received", "mapped"),
    [
        ({"status": "suspended"}, {"status": "on-hold"}),
        ({"status": "aborted"}, {"status": "stopped"}),
        ({"status": "completed", "notDone": False}, {"status": "completed"}),
        (
            {"status": "completed", "notDone": True, "notDoneReason": {"text": "Declined"}},
            {"status": "not-done", "statusReason": {"text": "Declined"}},
        ),
    ],
)
def test_statuses(received: Json, mapped: Json) -> None:
    assert one_entry(PROCEDURE, received) == (mapped, [], [])


def test_an_entry_made_in_error_stays_that_above_all() -> None:
    resource, _, left = one_entry(PROCEDURE, {"status": "entered-in-error", "notDone": True})
    assert resource == {"status": "entered-in-error"}
    assert left == ["Entry.notDone"]


def test_what_r4_requires_is_said_to_be_unknown() -> None:
    assert one_entry(PROCEDURE, {"code": CODE}) == (
        {"status": "unknown", "code": CODE},
        [("required", "Entry.status")],
        [],
    )


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(PROCEDURE, RICH | {"notDone": True, "notDoneReason": {"text": "Declined"}})
