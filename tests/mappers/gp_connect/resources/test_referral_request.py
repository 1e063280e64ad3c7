"""ReferralRequest becomes a ServiceRequest; its code stays the reason, its description the first note."""

from mappers.gp_connect.resources.referral_request import REFERRAL_REQUEST
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

REASON: Json = {"coding": [{"system": "http://snomed.info/sct", "code": "308447003"}]}
RICH: Json = {
    "groupIdentifier": {"value": "G1"},
    "status": "unknown",
    "intent": "order",
    "type": {"text": "Two week wait"},
    "priority": "asap",
    "serviceRequested": [{"text": "Physiotherapy"}, {"text": "at home"}],
    "context": {"reference": "Encounter/visit"},
    "occurrencePeriod": {"start": "2024-03"},
    "authoredOn": "2024-03-01",
    "requester": {"agent": {"reference": "Practitioner/gp"}, "onBehalfOf": {"reference": "Organization/hub"}},
    "specialty": {"text": "Musculoskeletal"},
    "recipient": [{"reference": "Practitioner/physio"}, {"reference": "HealthcareService/clinic"}],
    "reasonCode": [REASON],
    "description": "Stiff shoulder since the fall",
    "supportingInfo": [{"reference": "DocumentReference/letter"}],
    "note": [{"text": "Sent by: letter"}],
}


def test_everything_finds_its_place() -> None:
    resource, issues, left = one_entry(REFERRAL_REQUEST, RICH)
    url = "http://hl7.org/fhir/3.0/StructureDefinition/extension-ReferralRequest.requester.onBehalfOf"
    assert resource == {
        "requisition": {"value": "G1"},
        "status": "unknown",
        "intent": "order",
        "category": [{"text": "Two week wait"}],
        "priority": "asap",
        "code": {"text": "Physiotherapy"},
        "orderDetail": [{"text": "at home"}],
        "encounter": {"reference": "Encounter/visit"},
        "occurrencePeriod": {"start": "2024-03"},
        "authoredOn": "2024-03-01",
        "requester": {
            "reference": "Practitioner/gp",
            "extension": [{"url": url, "valueReference": {"reference": "Organization/hub"}}],
        },
        "performerType": {"text": "Musculoskeletal"},
        "performer": [{"reference": "Practitioner/physio"}, {"reference": "HealthcareService/clinic"}],
        "reasonCode": [REASON],
        "supportingInfo": [{"reference": "DocumentReference/letter"}],
        "note": [{"text": "Stiff shoulder since the fall"}, {"text": "Sent by: letter"}],
    }
    assert (issues, left) == ([], [])


def test_the_least_says_that_it_is_a_referral() -> None:
    resource, issues, left = one_entry(REFERRAL_REQUEST, {"status": "active", "intent": "order"})
    assert resource == {"status": "active", "intent": "order", "category": [{"text": "Referral"}]}
    assert (issues, left) == ([], [])


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(REFERRAL_REQUEST, RICH)
