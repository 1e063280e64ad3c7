"""ProcedureRequest becomes a ServiceRequest: a diary entry, or a request of a test."""

import pytest

from mappers.gp_connect.resources.procedure_request import PROCEDURE_REQUEST
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

CODE: Json = {"coding": [{"system": "http://snomed.info/sct", "code": "182836005", "display": "Review of medication"}]}
DIARY: Json = {
    "status": "active",
    "intent": "plan",
    "code": CODE,
    "context": {"reference": "Encounter/visit"},
    "occurrenceDateTime": "2025-01-15",
    "authoredOn": "2024-03-01T09:30:00+00:00",
    "requester": {"agent": {"reference": "Practitioner/gp"}},
    "note": [{"text": "Bring the list"}],
}
ORDER: Json = {
    "basedOn": [{"reference": "ReferralRequest/first"}],
    "replaces": [{"reference": "ProcedureRequest/before"}],
    "requisition": {"value": "R1"},
    "status": "suspended",
    "intent": "order",
    "priority": "urgent",
    "doNotPerform": False,
    "category": [{"text": "Laboratory"}],
    "code": {"text": "No code available"},
    "occurrenceTiming": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}},
    "asNeededBoolean": True,
    "requester": {
        "agent": {"reference": "Practitioner/gp", "display": "Dr Example"},
        "onBehalfOf": {"reference": "Organization/hub"},
    },
    "performerType": {"text": "Laboratory"},
    "performer": {"reference": "Organization/lab"},
    "reasonCode": [{"text": "Tired"}],
    "reasonReference": [{"reference": "Condition/anaemia"}],
    "supportingInfo": [{"reference": "Observation/before"}],
    "specimen": [{"reference": "Specimen/tube"}],
    "bodySite": [{"text": "Arm"}],
    "relevantHistory": [{"reference": "Provenance/signed"}],
}


def test_a_diary_entry() -> None:
    resource, issues, left = one_entry(PROCEDURE_REQUEST, DIARY)
    assert resource == {
        "status": "active",
        "intent": "plan",
        "category": [{"text": "Diary entry"}],
        "code": CODE,
        "encounter": {"reference": "Encounter/visit"},
        "occurrenceDateTime": "2025-01-15",
        "authoredOn": "2024-03-01T09:30:00+00:00",
        "requester": {"reference": "Practitioner/gp"},
        "note": [{"text": "Bring the list"}],
    }
    assert (issues, left) == ([], [])


def test_a_request_of_a_test() -> None:
    resource, issues, left = one_entry(PROCEDURE_REQUEST, ORDER)
    url = "http://hl7.org/fhir/3.0/StructureDefinition/extension-ProcedureRequest.requester.onBehalfOf"
    assert resource == ORDER | {
        "basedOn": [{"reference": "ServiceRequest/first"}],
        "replaces": [{"reference": "ServiceRequest/before"}],
        "status": "on-hold",
        "requester": {
            "reference": "Practitioner/gp",
            "display": "Dr Example",
            "extension": [{"url": url, "valueReference": {"reference": "Organization/hub"}}],
        },
        "performer": [{"reference": "Organization/lab"}],
    }
    assert (issues, left) == ([], [])


@pytest.mark.parametrize(
    ("received", "mapped"),
    [("suspended", "on-hold"), ("cancelled", "revoked"), ("unknown", "unknown"), ("completed", "completed")],
)
def test_statuses(received: str, mapped: str) -> None:
    resource, _, _ = one_entry(PROCEDURE_REQUEST, DIARY | {"status": received})
    assert resource["status"] == mapped


def test_what_r4_requires_is_said_to_be_unknown() -> None:
    resource, issues, _ = one_entry(PROCEDURE_REQUEST, {"code": CODE})
    unknown = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert resource == {"status": "unknown", "_intent": {"extension": [unknown]}, "code": CODE}
    assert issues == [("required", "Entry.status"), ("required", "Entry.intent")]


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(PROCEDURE_REQUEST, DIARY)
    survives(PROCEDURE_REQUEST, ORDER)
