"""Condition: a problem keeps what was recorded about its status and its end, within the rules of R4."""

import pytest

from mappers.gp_connect.element import Unfaithful
from mappers.gp_connect.resources.condition import CONDITION
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
STU3 = "http://hl7.org/fhir/3.0/StructureDefinition/extension-"
CODE: Json = {
    "coding": [
        {"system": "http://snomed.info/sct", "code": "38341003", "display": "Hypertension", "userSelected": True},
        {"system": "http://read.info/readv2", "code": "G20..00", "display": "Essential hypertension"},
    ],
    "text": "Raised blood pressure",
}
MINIMAL: Json = {"clinicalStatus": "active", "code": CODE}
RICH: Json = {
    "clinicalStatus": "resolved",
    "verificationStatus": "confirmed",
    "category": [
        {
            "coding": [
                {
                    "system": "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-ConditionCategory-1",
                    "code": "problem-list-item",
                }
            ]
        }
    ],
    "severity": {"text": "Mild"},
    "code": CODE,
    "bodySite": [{"text": "Arm"}],
    "context": {"reference": "Encounter/visit"},
    "onsetDateTime": "2019",
    "abatementDateTime": "2021-05",
    "assertedDate": "2019-04-02T10:00:00+01:00",
    "asserter": {"reference": "Practitioner/gp"},
    "stage": {"summary": {"text": "Stage 1"}},
    "evidence": [{"detail": [{"reference": "Observation/reading"}]}],
    "note": [{"text": "Seen at home"}],
}


def _status(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def test_a_minimal_problem() -> None:
    assert one_entry(CONDITION, MINIMAL) == ({"clinicalStatus": _status(CLINICAL, "active"), "code": CODE}, [], [])


def test_a_rich_problem() -> None:
    resource, issues, left = one_entry(CONDITION, RICH)
    assert resource == {
        "clinicalStatus": _status(CLINICAL, "resolved"),
        "verificationStatus": _status(VERIFICATION, "confirmed"),
        "category": [_status("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item")],
        "severity": {"text": "Mild"},
        "code": CODE,
        "bodySite": [{"text": "Arm"}],
        "encounter": {"reference": "Encounter/visit"},
        "onsetDateTime": "2019",
        "abatementDateTime": "2021-05",
        "recordedDate": "2019-04-02T10:00:00+01:00",
        "asserter": {"reference": "Practitioner/gp"},
        "stage": [{"summary": {"text": "Stage 1"}}],
        "evidence": [{"detail": [{"reference": "Observation/reading"}]}],
        "note": [{"text": "Seen at home"}],
    }
    assert (issues, left) == ([], [])


@pytest.mark.parametrize("code", ["inactive", "remission", "resolved"])
def test_a_problem_that_ended_has_its_end(code: str) -> None:
    resource, issues, _ = one_entry(CONDITION, MINIMAL | {"clinicalStatus": code, "abatementString": "last year"})
    assert resource == {
        "clinicalStatus": _status(CLINICAL, code),
        "code": CODE,
        "abatementString": "last year",
    }
    assert issues == []


@pytest.mark.parametrize("code", ["active", "recurrence", None])
def test_the_end_of_a_problem_that_is_not_said_to_have_ended_is_kept_beside(code: str | None) -> None:
    status = {} if code is None else {"clinicalStatus": code}
    resource, issues, left = one_entry(CONDITION, status | {"code": CODE, "abatementDateTime": "2021-05"})
    coded = {} if code is None else {"clinicalStatus": _status(CLINICAL, code)}
    end = {"url": STU3 + "Condition.abatement", "valueDateTime": "2021-05"}
    assert resource == coded | {"code": CODE, "extension": [end]}
    assert (issues, left) == ([("business-rule", "Entry.abatement")], [])


def test_what_was_entered_in_error_has_no_clinical_status_and_so_no_end() -> None:
    source = MINIMAL | {
        "clinicalStatus": "resolved",
        "verificationStatus": "entered-in-error",
        "abatementDateTime": "2021-05",
    }
    resource, issues, left = one_entry(CONDITION, source)
    assert resource == {
        "verificationStatus": _status(VERIFICATION, "entered-in-error"),
        "code": CODE,
        "extension": [
            {"url": STU3 + "Condition.clinicalStatus", "valueCode": "resolved"},
            {"url": STU3 + "Condition.abatement", "valueDateTime": "2021-05"},
        ],
    }
    assert (issues, left) == ([("business-rule", "Entry.abatement")], [])


def test_an_end_without_a_date_is_kept_beside() -> None:
    resource, issues, left = one_entry(CONDITION, MINIMAL | {"abatementBoolean": True})
    end = {"url": STU3 + "Condition.abatement", "valueBoolean": True}
    assert resource == {"clinicalStatus": _status(CLINICAL, "active"), "code": CODE, "extension": [end]}
    assert (issues, left) == ([], [])


def test_unknown_is_no_verification_status() -> None:
    resource, issues, left = one_entry(CONDITION, MINIMAL | {"verificationStatus": "unknown"})
    assert resource == {"clinicalStatus": _status(CLINICAL, "active"), "code": CODE}
    assert (issues, left) == ([("code-invalid", "Entry.verificationStatus")], [])


def test_an_episode_of_care_is_no_encounter() -> None:
    resource, _, _ = one_entry(CONDITION, MINIMAL | {"context": {"reference": "EpisodeOfCare/care"}})
    url = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
    assert resource["extension"] == [{"url": url, "valueReference": {"reference": "EpisodeOfCare/care"}}]
    assert "encounter" not in resource


@pytest.mark.parametrize("name", ["clinicalStatus", "verificationStatus"])
def test_a_status_is_never_guessed(name: str) -> None:
    with pytest.raises(Unfaithful):
        one_entry(CONDITION, MINIMAL | {name: "perhaps"})


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(CONDITION, RICH)
