"""AllergyIntolerance: statuses are coded, and there is always one that R4 requires."""

import pytest

from mappers.gp_connect.element import Unfaithful
from mappers.gp_connect.resources.allergy_intolerance import ALLERGY_INTOLERANCE
from mappers.mapper import Json
from tests.mappers.gp_connect.documents import SOURCE, document, mapped
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
CODE: Json = {"coding": [{"system": "http://snomed.info/sct", "code": "91936005", "display": "Allergy to penicillin"}]}
MINIMAL: Json = {"clinicalStatus": "active", "verificationStatus": "unconfirmed", "code": CODE}
RICH: Json = MINIMAL | {
    "clinicalStatus": "resolved",
    "verificationStatus": "confirmed",
    "type": "allergy",
    "category": ["medication"],
    "criticality": "high",
    "onsetDateTime": "1998",
    "assertedDate": "2004-06-01T00:00:00+01:00",
    "recorder": {"reference": "Practitioner/gp"},
    "asserter": {"reference": "Practitioner/nurse"},
    "lastOccurrence": "2003-12",
    "note": [{"text": "As a child"}],
    "reaction": [
        {
            "substance": {"text": "Penicillin V"},
            "manifestation": [{"text": "Rash"}],
            "description": "Both arms",
            "onset": "1998-03",
            "severity": "moderate",
            "exposureRoute": {"text": "Oral"},
            "note": [{"text": "Within a day"}],
        }
    ],
}


def _statuses(clinical: str, verification: str) -> Json:
    return {
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": clinical}]},
        "verificationStatus": {"coding": [{"system": VERIFICATION, "code": verification}]},
    }


def test_a_minimal_allergy() -> None:
    expected = _statuses("active", "unconfirmed") | {"code": CODE}
    assert one_entry(ALLERGY_INTOLERANCE, MINIMAL) == (expected, [], [])


def test_a_rich_allergy() -> None:
    resource, issues, left = one_entry(ALLERGY_INTOLERANCE, RICH)
    expected = RICH | _statuses("resolved", "confirmed") | {"recordedDate": RICH["assertedDate"]}
    del expected["assertedDate"]
    assert resource == expected
    assert (issues, left) == ([], [])


def test_no_known_allergy_stays_the_code_that_was_recorded() -> None:
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "716186003", "display": "No known allergy"}]}
    resource, issues, left = one_entry(ALLERGY_INTOLERANCE, MINIMAL | {"code": code})
    assert resource == _statuses("active", "unconfirmed") | {"code": code}
    assert (issues, left) == ([], [])


def test_what_was_entered_in_error_has_no_clinical_status() -> None:
    resource, issues, left = one_entry(ALLERGY_INTOLERANCE, MINIMAL | {"verificationStatus": "entered-in-error"})
    url = "http://hl7.org/fhir/3.0/StructureDefinition/extension-AllergyIntolerance.clinicalStatus"
    assert resource == {
        "verificationStatus": {"coding": [{"system": VERIFICATION, "code": "entered-in-error"}]},
        "code": CODE,
        "extension": [{"url": url, "valueCode": "active"}],
    }
    assert (issues, left) == ([], [])


def test_a_clinical_status_that_is_missing_is_said_and_never_invented() -> None:
    resource, issues, left = one_entry(ALLERGY_INTOLERANCE, {"verificationStatus": "confirmed", "code": CODE})
    assert resource == {
        "verificationStatus": {"coding": [{"system": VERIFICATION, "code": "confirmed"}]},
        "code": CODE,
    }
    assert (issues, left) == ([("required", "Entry.clinicalStatus")], [])


@pytest.mark.parametrize("name", ["clinicalStatus", "verificationStatus"])
def test_a_status_is_never_guessed(name: str) -> None:
    with pytest.raises(Unfaithful):
        one_entry(ALLERGY_INTOLERANCE, MINIMAL | {name: "perhaps"})


def test_an_ended_allergy_inside_of_a_list_is_mapped_too() -> None:
    subject = {"reference": "Patient/person-1"}
    end = "StructureDefinition/Extension-"
    ended = RICH | {
        "resourceType": "AllergyIntolerance",
        "id": "ended-1",
        "patient": subject,
        "recorder": {"display": "A GP"},
        "asserter": {"display": "A nurse"},
        "extension": [
            {
                "url": f"https://fhir.nhs.uk/STU3/{end}CareConnect-GPC-AllergyIntoleranceEnd-1",
                "extension": [{"url": "endDate", "valueDateTime": "2010-01-01"}],
            }
        ],
    }
    ended_allergies = {
        "resourceType": "List",
        "id": "ended",
        "contained": [ended],
        "status": "current",
        "mode": "snapshot",
        "title": "Ended allergies",
        "subject": subject,
        "entry": [{"item": {"reference": "#ended-1"}}],
    }
    found = mapped(document(ended_allergies))
    resource = found.resources[-1].resource
    here = {"reference": f"Patient/{found.patient_id}"}
    expected = {
        **ended,
        **_statuses("resolved", "confirmed"),
        "recordedDate": RICH["assertedDate"],
        "patient": here,
        "extension": [
            {
                "url": f"https://fhir.hl7.org.uk/{end}UKCore-AllergyIntoleranceEnd",
                "extension": [{"url": "endDate", "valueDateTime": "2010-01-01"}],
            }
        ],
    }
    del expected["assertedDate"]
    assert resource["contained"] == [expected]
    assert resource["entry"] == [{"item": {"reference": "#ended-1"}}]
    assert resource["identifier"] == [{"system": SOURCE, "value": "List/ended"}]
    assert found.reports[-1].issues == ()


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(ALLERGY_INTOLERANCE, RICH)
