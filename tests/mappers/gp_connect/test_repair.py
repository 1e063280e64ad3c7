"""Primitives that R4 does not take are kept in a faithful form."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.validation import Validator
from mappers.gp_connect.repair import AS_RECEIVED, repaired

LONDON = ZoneInfo("Europe/London")
VALIDATOR = Validator(r4())


def _condition(**changed: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c",
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
        },
        "subject": {"reference": "Patient/1"},
    } | changed


@pytest.mark.parametrize(
    ("received", "read"),
    [
        ("2021-07-01T10:00:00", "2021-07-01T10:00:00+01:00"),
        ("2021-01-01T10:00:00.5", "2021-01-01T10:00:00.5+00:00"),
    ],
)
def test_a_time_without_a_zone_is_local_time(received: str, read: str) -> None:
    condition = _condition(recordedDate=received)
    done = repaired(condition, VALIDATOR.validate(condition), LONDON)
    assert done is not None
    assert [issue.expression for issue in done] == [("Condition.recordedDate",)]
    assert condition["recordedDate"] == read
    assert VALIDATOR.validate(condition) == []


def test_a_date_that_is_none_is_kept_as_received() -> None:
    condition = _condition(onsetDateTime="19")
    done = repaired(condition, VALIDATOR.validate(condition), LONDON)
    assert done is not None
    assert "onsetDateTime" not in condition
    assert condition["_onsetDateTime"] == {"extension": [{"url": AS_RECEIVED, "valueString": "19"}]}
    assert VALIDATOR.validate(condition) == []


@pytest.mark.parametrize("changed", [{"subject": "Patient/1"}, {"note": ["text"]}, {"invented": 1}])
def test_what_is_no_primitive_of_an_object_is_not_repaired(changed: dict[str, Any]) -> None:
    condition = _condition(**changed)
    before = dict(condition)
    assert repaired(condition, VALIDATOR.validate(condition), LONDON) is None or VALIDATOR.validate(condition)
    assert condition.keys() - {"_" + name for name in changed} <= before.keys()
