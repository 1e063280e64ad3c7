"""Specimen: fasting is an element in R4."""

from decimal import Decimal

import pytest

from mappers.gp_connect.resources.specimen import SPECIMEN
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

FASTING = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-FastingStatus-1"
OTHER: Json = {"url": "https://own.example/extension", "valueString": "left arm"}
FASTED: Json = {"coding": [{"system": "http://hl7.org/fhir/v2/0916", "code": "F"}]}
RICH: Json = {
    "accessionIdentifier": {"value": "LAB0001"},
    "status": "available",
    "type": {"text": "SERUM"},
    "receivedTime": "2024-03-01T12:00:00+00:00",
    "parent": [{"reference": "Specimen/whole"}],
    "request": [{"reference": "ProcedureRequest/asked"}],
    "collection": {
        "extension": [OTHER, {"url": FASTING, "valueCodeableConcept": FASTED}],
        "collector": {"reference": "Practitioner/nurse"},
        "collectedDateTime": "2024-03-01T08:00:00+00:00",
        "quantity": {"value": Decimal("4.50"), "unit": "mL"},
        "bodySite": {"text": "Left arm"},
    },
    "processing": [{"description": "spun"}],
    "container": [{"description": "tube"}],
    "note": [{"text": "arrived warm"}],
}


def test_everything_finds_its_place() -> None:
    resource, issues, left = one_entry(SPECIMEN, RICH)
    assert resource == RICH | {
        "request": [{"reference": "ServiceRequest/asked"}],
        "collection": {
            "extension": [OTHER],
            "collector": {"reference": "Practitioner/nurse"},
            "collectedDateTime": "2024-03-01T08:00:00+00:00",
            "quantity": {"value": Decimal("4.50"), "unit": "mL"},
            "bodySite": {"text": "Left arm"},
            "fastingStatusCodeableConcept": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0916", "code": "F"}]
            },
        },
    }
    assert (issues, left) == ([], [])


def test_the_least() -> None:
    assert one_entry(SPECIMEN, {}) == ({}, [], [])


def test_how_long_the_patient_had_fasted() -> None:
    duration = {"value": 8, "unit": "hour", "system": "http://unitsofmeasure.org", "code": "h"}
    collection = {"extension": [{"url": FASTING, "valueDuration": duration}]}
    resource, _, _ = one_entry(SPECIMEN, {"collection": collection})
    assert resource == {"collection": {"fastingStatusDuration": duration}}


@pytest.mark.parametrize(
    "extensions",
    [
        [OTHER],
        [{"url": FASTING, "valueString": "yes"}],
        [{"url": FASTING, "valueCodeableConcept": {"text": value}} for value in ("fasting", "not fasting")],
    ],
)
def test_other_extensions_stay(extensions: list[Json]) -> None:
    resource, _, _ = one_entry(SPECIMEN, {"collection": {"extension": extensions}})
    assert resource == {"collection": {"extension": extensions}}


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(SPECIMEN, RICH)
