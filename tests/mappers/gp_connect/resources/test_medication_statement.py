"""MedicationStatement: STU3's `taken` has no element in R4; what it said is never lost."""

import pytest

from mappers.gp_connect.resources.medication_statement import MEDICATION_STATEMENT
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

STU3 = "http://hl7.org/fhir/3.0/StructureDefinition/extension-MedicationStatement."
PRODUCT: Json = {"reference": "Medication/product"}
MINIMAL: Json = {"status": "active", "medicationReference": PRODUCT, "taken": "unk"}
RICH: Json = MINIMAL | {
    "basedOn": [{"reference": "MedicationRequest/plan"}],
    "partOf": [{"reference": "Observation/part"}],
    "context": {"reference": "Encounter/visit"},
    "category": {"text": "Community"},
    "effectivePeriod": {"start": "2023-01-01", "end": "2023-06-30"},
    "dateAsserted": "2023-01-01T09:00:00+00:00",
    "informationSource": {"reference": "Practitioner/gp"},
    "derivedFrom": [{"reference": "MedicationRequest/plan"}],
    "reasonNotTaken": [{"text": "Out of stock"}],
    "reasonCode": [{"text": "Pain"}],
    "reasonReference": [{"reference": "Condition/pain"}],
    "note": [{"text": "Collects weekly"}],
    "dosage": [
        {
            "sequence": 1,
            "text": "One or two, four times a day",
            "additionalInstruction": [{"text": "With water"}],
            "patientInstruction": "No more than eight a day",
            "timing": {"repeat": {"frequency": 4, "period": 1, "periodUnit": "d"}},
            "asNeededBoolean": True,
            "site": {"text": "Mouth"},
            "route": {"text": "Oral"},
            "method": {"text": "Swallow"},
            "doseRange": {"low": {"value": 1, "unit": "tablet"}, "high": {"value": 2, "unit": "tablet"}},
            "rateQuantity": {"value": 4, "unit": "/d"},
            "maxDosePerPeriod": {"numerator": {"value": 8}, "denominator": {"value": 1, "unit": "d"}},
            "maxDosePerAdministration": {"value": 2},
            "maxDosePerLifetime": {"value": 1000},
        }
    ],
}


def _taken(code: str) -> Json:
    return {"url": STU3 + "taken", "valueCode": code}


def test_a_minimal_statement() -> None:
    expected = {"status": "active", "medicationReference": PRODUCT, "extension": [_taken("unk")]}
    assert one_entry(MEDICATION_STATEMENT, MINIMAL) == (expected, [], [])


def test_a_rich_statement() -> None:
    resource, issues, left = one_entry(MEDICATION_STATEMENT, RICH)
    (dosage,) = RICH["dosage"]
    changed = ("doseRange", "rateQuantity")
    expected = {name: value for name, value in RICH.items() if name not in ("taken", "reasonNotTaken")} | {
        "statusReason": [{"text": "Out of stock"}],
        "dosage": [
            {name: value for name, value in dosage.items() if name not in changed}
            | {"doseAndRate": [{name: dosage[name] for name in changed}]}
        ],
        "extension": [_taken("unk")],
    }
    assert resource == expected
    assert (issues, left) == ([], [])


@pytest.mark.parametrize("taken", ["y", "unk", "na"])
@pytest.mark.parametrize("status", ["active", "completed", "stopped", "intended", "on-hold"])
def test_a_status_stays_where_nothing_says_that_it_is_not_taken(status: str, taken: str) -> None:
    resource, issues, _ = one_entry(MEDICATION_STATEMENT, MINIMAL | {"status": status, "taken": taken})
    assert resource == {"status": status, "medicationReference": PRODUCT, "extension": [_taken(taken)]}
    assert issues == []


def test_what_is_not_taken_says_so_and_keeps_the_status_that_gave_way() -> None:
    resource, issues, left = one_entry(MEDICATION_STATEMENT, MINIMAL | {"taken": "n"})
    assert resource == {
        "status": "not-taken",
        "medicationReference": PRODUCT,
        "extension": [{"url": STU3 + "status", "valueCode": "active"}, _taken("n")],
    }
    assert (issues, left) == ([], [])


def test_an_entry_in_error_stays_one() -> None:
    resource, _, _ = one_entry(MEDICATION_STATEMENT, MINIMAL | {"status": "entered-in-error", "taken": "n"})
    assert resource["status"] == "entered-in-error"
    assert resource["extension"] == [_taken("n")]


def test_a_status_that_is_missing_is_unknown() -> None:
    resource, issues, _ = one_entry(MEDICATION_STATEMENT, {"medicationReference": PRODUCT})
    assert resource == {"status": "unknown", "medicationReference": PRODUCT}
    assert issues == [("required", "Entry.status")]


def test_a_status_that_is_only_an_extension_is_no_trouble() -> None:
    absent = {"extension": [{"url": "urn:why", "valueString": "not sent"}]}
    source = {"_status": absent, "medicationReference": PRODUCT, "taken": "n"}
    resource, _, _ = one_entry(MEDICATION_STATEMENT, source)
    assert resource == {"_status": absent, "medicationReference": PRODUCT, "extension": [_taken("n")]}


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(MEDICATION_STATEMENT, RICH)
    survives(MEDICATION_STATEMENT, MINIMAL | {"taken": "n"})
