"""MedicationRequest: authorisations (`plan`) and issues (`order`) stay what they are."""

import pytest

from mappers.gp_connect.resources.medication_request import MEDICATION_REQUEST
from mappers.mapper import Json
from tests.mappers.gp_connect.documents import document, mapped
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

STU3 = "http://hl7.org/fhir/3.0/StructureDefinition/extension-MedicationRequest."
GPC = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-"
UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
PRODUCT: Json = {"reference": "Medication/product"}
MINIMAL: Json = {"status": "active", "intent": "plan", "medicationReference": PRODUCT}
RICH: Json = {
    "definition": [{"reference": "Observation/protocol"}],
    "basedOn": [{"reference": "MedicationRequest/plan"}],
    "groupIdentifier": {"value": "G1"},
    "status": "completed",
    "intent": "order",
    "category": {"text": "Community"},
    "priority": "routine",
    "medicationReference": PRODUCT,
    "context": {"reference": "Encounter/visit"},
    "supportingInformation": [{"reference": "Observation/weight"}],
    "authoredOn": "2024-02-01T09:00:00+00:00",
    "requester": {"agent": {"reference": "Practitioner/gp"}, "onBehalfOf": {"reference": "Organization/hub"}},
    "recorder": {"reference": "Practitioner/nurse"},
    "reasonCode": [{"text": "Pain"}],
    "reasonReference": [{"reference": "Condition/pain"}],
    "note": [{"text": "Blister pack"}],
    "dosageInstruction": [
        {"text": "One a day", "doseQuantity": {"value": 1, "unit": "tablet"}},
        {"text": "As directed"},
    ],
    "dispenseRequest": {
        "validityPeriod": {"start": "2024-02-01", "end": "2024-02-28"},
        "quantity": {"value": 28, "unit": "tablet"},
        "expectedSupplyDuration": {
            "value": 28,
            "unit": "day",
            "system": "http://unitsofmeasure.org",
            "code": "d",
        },
        "performer": {"reference": "Organization/pharmacy"},
    },
    "substitution": {"allowed": False, "reason": {"text": "Brand needed"}},
    "priorPrescription": {"reference": "MedicationRequest/before"},
}
CHANGED = ("definition", "category", "context", "requester", "dosageInstruction", "substitution")


def test_a_minimal_authorisation() -> None:
    assert one_entry(MEDICATION_REQUEST, MINIMAL) == (MINIMAL, [], [])


def test_a_rich_issue() -> None:
    resource, issues, left = one_entry(MEDICATION_REQUEST, RICH)
    assert resource == {name: value for name, value in RICH.items() if name not in CHANGED} | {
        "category": [{"text": "Community"}],
        "encounter": {"reference": "Encounter/visit"},
        "requester": {
            "reference": "Practitioner/gp",
            "extension": [
                {"url": STU3 + "requester.onBehalfOf", "valueReference": {"reference": "Organization/hub"}},
            ],
        },
        "dosageInstruction": [
            {"text": "One a day", "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]},
            {"text": "As directed"},
        ],
        "substitution": {"allowedBoolean": False, "reason": {"text": "Brand needed"}},
        "extension": [{"url": STU3 + "definition", "valueReference": {"reference": "Observation/protocol"}}],
    }
    assert (issues, left) == ([], [])


@pytest.mark.parametrize(
    "status", ["active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"]
)
def test_a_status_stays_what_it_is(status: str) -> None:
    assert one_entry(MEDICATION_REQUEST, MINIMAL | {"status": status})[0]["status"] == status


def test_who_asked_may_be_an_organisation_alone() -> None:
    organization = {"reference": "Organization/hub"}
    resource, issues, left = one_entry(MEDICATION_REQUEST, MINIMAL | {"requester": {"onBehalfOf": organization}})
    beside = {"url": STU3 + "requester.onBehalfOf", "valueReference": organization}
    assert resource == MINIMAL | {"requester": {"extension": [beside]}}
    assert (issues, left) == ([], [])


def test_nobody_asked_is_not_an_empty_requester() -> None:
    assert one_entry(MEDICATION_REQUEST, MINIMAL | {"requester": {}})[0] == MINIMAL


def test_what_r4_requires_is_said_to_be_unknown() -> None:
    resource, issues, _ = one_entry(MEDICATION_REQUEST, {"medicationReference": PRODUCT})
    unknown = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert resource == {
        "status": "unknown",
        "_intent": {"extension": [unknown]},
        "medicationReference": PRODUCT,
    }
    assert issues == [("required", "Entry.status"), ("required", "Entry.intent")]


def test_the_extensions_of_a_repeat_that_was_stopped() -> None:
    change = {"url": "statusChangeDate", "valueDateTime": "2024-03-01"}
    reason = {"url": "statusReason", "valueCodeableConcept": {"text": "No longer needed"}}
    allowed = {"url": "numberOfRepeatPrescriptionsAllowed", "valuePositiveInt": 6}
    issued = {"url": "numberOfRepeatPrescriptionsIssued", "valueUnsignedInt": 2}
    kind = {
        "coding": [
            {
                "system": "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-PrescriptionType-1",
                "code": "repeat",
                "display": "Repeat",
            }
        ]
    }
    source: Json = {
        "resourceType": "MedicationRequest",
        "id": "plan",
        "extension": [
            {"url": GPC + "MedicationRepeatInformation-1", "extension": [allowed, issued]},
            {"url": GPC + "MedicationStatusReason-1", "extension": [reason, change]},
            {"url": GPC + "PrescriptionType-1", "valueCodeableConcept": kind},
        ],
        "status": "stopped",
        "intent": "plan",
        "medicationCodeableConcept": {"text": "Paracetamol"},
        "subject": {"reference": "Patient/person-1"},
        "dispenseRequest": {
            "quantity": {"extension": [{"url": GPC + "MedicationQuantityText-1", "valueString": "1 pack"}]}
        },
    }
    found = mapped(document(source))
    resource = found.resources[-1].resource
    of_uk_core = {
        "coding": [
            {
                "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-PrescriptionType",
                "code": "repeat",
                "display": "Repeat",
            }
        ]
    }
    assert {name: value for name, value in resource.items() if name not in ("id", "meta", "identifier")} == {
        "resourceType": "MedicationRequest",
        "extension": [
            {
                "url": UK_CORE + "MedicationRepeatInformation",
                "extension": [allowed, {"url": "numberOfPrescriptionsIssued", "valueUnsignedInt": 2}],
            },
            {"url": GPC + "MedicationStatusReason-1", "extension": [reason, change]},
            {"url": UK_CORE + "PrescriptionType", "valueCodeableConcept": of_uk_core},
        ],
        "status": "stopped",
        "statusReason": {"text": "No longer needed"},
        "intent": "plan",
        "medicationCodeableConcept": {"text": "Paracetamol"},
        "subject": {"reference": f"Patient/{found.patient_id}"},
        "dispenseRequest": {
            "quantity": {"extension": [{"url": UK_CORE + "MedicationQuantityText", "valueString": "1 pack"}]}
        },
    }
    assert found.reports[-1].issues == ()


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(MEDICATION_REQUEST, RICH)
