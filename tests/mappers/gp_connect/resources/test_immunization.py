"""Immunization: given, not given, and what R4 requires of both."""

import pytest

from mappers.gp_connect.resources.immunization import IMMUNIZATION
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

STU3 = "http://hl7.org/fhir/3.0/StructureDefinition/extension-Immunization."
RECORDED = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-DateRecorded-1"
UNKNOWN: Json = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
VACCINE: Json = {"coding": [{"system": "http://snomed.info/sct", "code": "46233009", "display": "Influenza vaccine"}]}
MINIMAL: Json = {"status": "completed", "notGiven": False, "vaccineCode": VACCINE, "date": "2023-10-02"}
RICH: Json = MINIMAL | {
    "encounter": {"reference": "Encounter/visit"},
    "primarySource": True,
    "reportOrigin": {"text": "Card"},
    "location": {"reference": "Location/room"},
    "manufacturer": {"reference": "Organization/maker"},
    "lotNumber": "L1",
    "expirationDate": "2024-01-31",
    "site": {"text": "Left arm"},
    "route": {"text": "Into muscle"},
    "doseQuantity": {"value": 1, "unit": "dose"},
    "practitioner": [
        {
            "role": {"coding": [{"system": "http://hl7.org/fhir/v2/0443", "code": "AP"}]},
            "actor": {"reference": "Practitioner/nurse"},
        }
    ],
    "note": [{"text": "No reaction in 15 minutes"}],
    "explanation": {"reason": [{"text": "Over 65"}]},
    "reaction": [{"date": "2023-10-03", "detail": {"reference": "Observation/rash"}, "reported": True}],
    "vaccinationProtocol": [
        {
            "doseSequence": 1,
            "description": "Each autumn",
            "authority": {"reference": "Organization/authority"},
            "series": "Influenza",
            "seriesDoses": 1,
            "targetDisease": [{"text": "Influenza"}],
            "doseStatus": {"text": "Counts"},
            "doseStatusReason": {"text": "In time"},
        }
    ],
}
SAME = ("encounter", "primarySource", "reportOrigin", "location", "manufacturer", "lotNumber", "expirationDate")
SAME_TOO = ("site", "route", "doseQuantity", "note", "reaction")


def test_a_vaccine_that_was_given() -> None:
    expected = {"status": "completed", "vaccineCode": VACCINE, "occurrenceDateTime": "2023-10-02"}
    assert one_entry(IMMUNIZATION, MINIMAL) == (expected, [], [])


def test_all_of_it() -> None:
    resource, issues, left = one_entry(IMMUNIZATION, RICH)
    assert resource == {name: RICH[name] for name in (*SAME, *SAME_TOO)} | {
        "status": "completed",
        "vaccineCode": VACCINE,
        "occurrenceDateTime": "2023-10-02",
        "performer": [
            {
                "function": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0443", "code": "AP"}]},
                "actor": {"reference": "Practitioner/nurse"},
            }
        ],
        "reasonCode": [{"text": "Over 65"}],
        "protocolApplied": [
            {
                "series": "Influenza",
                "authority": {"reference": "Organization/authority"},
                "targetDisease": [{"text": "Influenza"}],
                "doseNumberPositiveInt": 1,
                "seriesDosesPositiveInt": 1,
                "extension": [
                    {"url": STU3 + "vaccinationProtocol.description", "valueString": "Each autumn"},
                    {"url": STU3 + "vaccinationProtocol.doseStatus", "valueCodeableConcept": {"text": "Counts"}},
                    {"url": STU3 + "vaccinationProtocol.doseStatusReason", "valueCodeableConcept": {"text": "In time"}},
                ],
            }
        ],
    }
    assert (issues, left) == ([], [])


def test_a_vaccine_that_was_not_given() -> None:
    reasons = [{"text": "Declined"}, {"text": "Unwell"}]
    source = MINIMAL | {"notGiven": True, "explanation": {"reasonNotGiven": reasons}}
    resource, issues, left = one_entry(IMMUNIZATION, source)
    assert resource == {
        "status": "not-done",
        "statusReason": {"text": "Declined"},
        "vaccineCode": VACCINE,
        "occurrenceDateTime": "2023-10-02",
        "extension": [{"url": STU3 + "explanation.reasonNotGiven", "valueCodeableConcept": {"text": "Unwell"}}],
    }
    assert (issues, left) == ([], [])


def test_not_given_is_a_status_of_its_own_where_none_was_sent() -> None:
    resource, issues, _ = one_entry(IMMUNIZATION, {"notGiven": True, "vaccineCode": VACCINE, "date": "2023-10-02"})
    assert resource == {"status": "not-done", "vaccineCode": VACCINE, "occurrenceDateTime": "2023-10-02"}
    assert issues == []


def test_an_entry_in_error_stays_one_and_both_of_its_reasons_stay() -> None:
    source = MINIMAL | {
        "status": "entered-in-error",
        "notGiven": True,
        "explanation": {"reasonNotGiven": [{"text": "Declined"}, {"text": "Unwell"}]},
    }
    resource, issues, left = one_entry(IMMUNIZATION, source)
    assert resource == {
        "status": "entered-in-error",
        "statusReason": {"text": "Declined"},
        "vaccineCode": VACCINE,
        "occurrenceDateTime": "2023-10-02",
        "extension": [
            {"url": STU3 + "notGiven", "valueBoolean": True},
            {"url": STU3 + "explanation.reasonNotGiven", "valueCodeableConcept": {"text": "Unwell"}},
        ],
    }
    assert (issues, left) == ([], [])


def test_what_r4_requires_is_said_to_be_unknown() -> None:
    resource, issues, left = one_entry(IMMUNIZATION, {"vaccinationProtocol": [{"series": "Influenza"}]})
    assert resource == {
        "_status": UNKNOWN,
        "vaccineCode": UNKNOWN,
        "_occurrenceDateTime": UNKNOWN,
        "protocolApplied": [{"series": "Influenza", "_doseNumberPositiveInt": UNKNOWN}],
    }
    assert issues == [
        ("required", "Entry.status"),
        ("required", "Entry.vaccineCode"),
        ("required", "Entry.date"),
        ("required", "Entry.vaccinationProtocol[0].doseNumberPositiveInt"),
    ]
    assert left == []


@pytest.mark.parametrize("base", ["https://fhir.hl7.org.uk/STU3", "https://fhir.nhs.uk/STU3"])
def test_when_it_was_recorded_is_an_element_of_r4(base: str) -> None:
    url = f"{base}/{RECORDED.split('/STU3/')[1]}"
    recorded = {"extension": [{"url": url, "valueDateTime": "2023-10-05"}]}
    resource, _, _ = one_entry(IMMUNIZATION, MINIMAL | recorded)
    assert resource["recorded"] == "2023-10-05"


def test_a_text_that_has_only_an_extension_is_no_trouble() -> None:
    protocol = {"doseSequence": 2, "_description": UNKNOWN}
    resource, _, left = one_entry(IMMUNIZATION, MINIMAL | {"vaccinationProtocol": [protocol]})
    beside = {"url": STU3 + "vaccinationProtocol.description", "_valueString": UNKNOWN}
    assert resource["protocolApplied"] == [{"doseNumberPositiveInt": 2, "extension": [beside]}]
    assert left == []


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(IMMUNIZATION, RICH)
    survives(IMMUNIZATION, MINIMAL | {"notGiven": True, "explanation": {"reasonNotGiven": [{"text": "Declined"}]}})
