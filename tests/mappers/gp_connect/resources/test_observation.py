"""Observation: what R4 renamed, reshaped or has no place for; values as written."""

from decimal import Decimal
from typing import Any

import pytest

from mappers.gp_connect.resources.observation import OBSERVATION
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

STU3_ONLY = "http://hl7.org/fhir/3.0/StructureDefinition/extension-Observation."
CODE: Json = {"coding": [{"system": "http://snomed.info/sct", "code": "1022431000000105", "display": "Haemoglobin"}]}
SYSTOLIC: Json = {"coding": [{"system": "http://snomed.info/sct", "code": "72313002"}], "text": "Systolic"}
RICH: Json = {
    "basedOn": [{"reference": "ProcedureRequest/asked"}],
    "status": "final",
    "category": [{"coding": [{"system": "http://hl7.org/fhir/observation-category", "code": "laboratory"}]}],
    "code": CODE,
    "context": {"reference": "Encounter/visit"},
    "effectiveDateTime": "2024-03-01",
    "issued": "2024-03-01T09:30:00.5+00:00",
    "performer": [{"reference": "Organization/lab", "display": "Invented Laboratory"}],
    "valueQuantity": {"value": Decimal("12.500"), "comparator": ">=", "unit": "g/dL"},
    "interpretation": {
        "coding": [
            {"system": "http://hl7.org/fhir/v2/0078", "code": "A", "display": "Abnormal"},
            {"system": "http://hl7.org/fhir/v2/0078", "code": "null"},
        ],
        "text": "LO",
    },
    "comment": "Haemolysed",
    "specimen": {"reference": "Specimen/tube"},
    "referenceRange": [
        {"low": {"value": Decimal("13.0"), "unit": "g/dL"}, "type": {"text": "Normal"}, "text": "over 13"}
    ],
    "related": [
        {"type": "has-member", "target": {"reference": "Observation/part-1"}},
        {"type": "has-member", "target": {"reference": "Observation/part-2"}},
        {"type": "derived-from", "target": {"reference": "QuestionnaireResponse/form"}},
        {"type": "sequel-to", "target": {"reference": "Observation/before"}},
        {"type": "replaces", "target": {"reference": "Observation/wrong"}},
        {"type": "qualified-by", "target": {"reference": "Observation/beside"}},
        {"target": {"reference": "Observation/somehow"}},
    ],
    "component": [
        {
            "code": SYSTOLIC,
            "valueQuantity": {"value": Decimal("120.000"), "unit": "mm[Hg]", "code": "mm[Hg]"},
            "interpretation": {"text": "HI"},
        },
        {
            "code": {"text": "Mode"},
            "dataAbsentReason": {"coding": [{"system": "http://hl7.org/fhir/data-absent-reason", "code": "asked"}]},
        },
    ],
}


def test_everything_finds_its_place() -> None:
    resource, issues, left = one_entry(OBSERVATION, RICH)
    assert (issues, left) == ([], [])
    assert resource == {
        "basedOn": [{"reference": "ServiceRequest/asked"}],
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
        ],
        "code": CODE,
        "encounter": {"reference": "Encounter/visit"},
        "effectiveDateTime": "2024-03-01",
        "issued": "2024-03-01T09:30:00.5+00:00",
        "performer": [{"reference": "Organization/lab", "display": "Invented Laboratory"}],
        "valueQuantity": {"value": Decimal("12.500"), "comparator": ">=", "unit": "g/dL"},
        "interpretation": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
                        "code": "A",
                        "display": "Abnormal",
                    },
                    {"system": "http://terminology.hl7.org/CodeSystem/v2-0078", "code": "null"},
                ],
                "text": "LO",
            }
        ],
        "note": [{"text": "Haemolysed"}],
        "specimen": {"reference": "Specimen/tube"},
        "referenceRange": [
            {"low": {"value": Decimal("13.0"), "unit": "g/dL"}, "type": {"text": "Normal"}, "text": "over 13"}
        ],
        "hasMember": [{"reference": "Observation/part-1"}, {"reference": "Observation/part-2"}],
        "derivedFrom": [{"reference": "QuestionnaireResponse/form"}],
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/observation-sequelTo",
                "valueReference": {"reference": "Observation/before"},
            },
            {
                "url": "http://hl7.org/fhir/StructureDefinition/observation-replaces",
                "valueReference": {"reference": "Observation/wrong"},
            },
            {
                "url": STU3_ONLY + "related",
                "extension": [
                    {"url": "type", "valueCode": "qualified-by"},
                    {"url": "target", "valueReference": {"reference": "Observation/beside"}},
                ],
            },
            {
                "url": STU3_ONLY + "related",
                "extension": [{"url": "target", "valueReference": {"reference": "Observation/somehow"}}],
            },
        ],
        "component": [
            {
                "code": SYSTOLIC,
                "valueQuantity": {"value": Decimal("120.000"), "unit": "mm[Hg]", "code": "mm[Hg]"},
                "interpretation": [{"text": "HI"}],
            },
            {
                "code": {"text": "Mode"},
                "dataAbsentReason": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
                            "code": "asked-unknown",
                        }
                    ]
                },
            },
        ],
    }
    assert str(resource["valueQuantity"]["value"]) == "12.500"


def test_the_least() -> None:
    resource, issues, left = one_entry(OBSERVATION, {"status": "unknown", "code": CODE})
    assert (resource, issues, left) == ({"status": "unknown", "code": CODE}, [], [])


def test_what_r4_requires_is_said_to_be_unknown() -> None:
    resource, issues, _ = one_entry(OBSERVATION, {"valueString": "Normal"})
    unknown = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert resource == {"status": "unknown", "code": {"extension": [unknown]}, "valueString": "Normal"}
    assert issues == [("required", "Entry.status"), ("required", "Entry.code")]


@pytest.mark.parametrize(
    "value",
    [
        {"valueBoolean": False},
        {"valueString": "1+"},
        {"valueCodeableConcept": {"text": "Trace"}},
        {"valueDateTime": "2024"},
        {"valueTime": "08:00:00"},
        {"valueRange": {"low": {"value": 1}}},
        {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}},
        {"valuePeriod": {"start": "2024-01-01"}},
        {"valueQuantity": {"value": Decimal("0E-3"), "code": "mL"}},
    ],
)
def test_a_value_stays_as_written(value: Json) -> None:
    resource, issues, left = one_entry(OBSERVATION, {"status": "final", "code": CODE} | value)
    assert resource == {"status": "final", "code": CODE} | value
    assert (issues, left) == ([], [])


def test_an_attachment_as_value_is_kept_in_an_extension() -> None:
    attachment = {"contentType": "text/plain", "title": "trace"}
    source = {
        "status": "final",
        "code": CODE,
        "valueAttachment": attachment,
        "component": [{"extension": [{"url": "https://own.example", "valueCode": "a"}], "code": CODE}],
    }
    source["component"][0]["valueAttachment"] = attachment  # type: ignore[index]
    resource, issues, _ = one_entry(OBSERVATION, source)
    assert resource["extension"] == [{"url": STU3_ONLY + "value", "valueAttachment": attachment}]
    assert resource["component"][0]["extension"] == [
        {"url": "https://own.example", "valueCode": "a"},
        {"url": STU3_ONLY + "component.value", "valueAttachment": attachment},
    ]
    assert issues == [
        ("not-supported", "Entry.valueAttachment"),
        ("not-supported", "Entry.component[0].valueAttachment"),
    ]


def test_an_episode_of_care_is_no_encounter() -> None:
    source: dict[str, Any] = {"status": "final", "code": CODE, "context": {"reference": "EpisodeOfCare/absent"}}
    resource, _, _ = one_entry(OBSERVATION, source)
    assert "encounter" not in resource
    (extension,) = resource["extension"]
    assert extension["url"] == "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
    assert extension["valueReference"]["identifier"]["value"] == "EpisodeOfCare/absent"


def test_a_resuscitation_code_stays_an_observation() -> None:
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "450475007"}]}
    resource, issues, _ = one_entry(OBSERVATION, {"status": "final", "code": code})
    assert (resource, issues) == ({"status": "final", "code": code}, [])


def test_what_is_in_no_map_is_left_for_the_frame() -> None:
    source = {"status": "final", "code": CODE, "unheard": 1, "related": [{"id": "a", "type": "has-member"}]}
    _, _, left = one_entry(OBSERVATION, source)
    assert left == ["Entry.unheard", "Entry.related[0].id"]


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(OBSERVATION, RICH | {"valueAttachment": {"title": "a"}})
