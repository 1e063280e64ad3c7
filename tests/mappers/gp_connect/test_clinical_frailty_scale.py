"""The Clinical Frailty Scale has one shape, whichever way it was recorded; what is not one level stays as received."""

from decimal import Decimal
from typing import Any

import pytest

from mappers.gp_connect.clinical_frailty_scale import in_one_shape
from mappers.gp_connect.mapping import EntryMapping
from mappers.mapper import Json
from tests.mappers.gp_connect.documents import document, mapped, observation

SNOMED_CT = "http://snomed.info/sct"
SCORE: Json = {
    "coding": [
        {
            "system": SNOMED_CT,
            "code": "763264000",
            "display": "CSHA (Canadian Study of Health and Aging) Clinical Frailty Scale score",
        }
    ]
}
LEVEL_6: Json = {
    "coding": [{"system": SNOMED_CT, "code": "1129381000000102", "display": "CSHA Clinical Frailty Scale level 6"}]
}
RECORDED_LEVEL: Json = {
    "coding": [
        {"system": SNOMED_CT, "code": "1129381000000102", "display": "As the source writes it", "userSelected": True},
        {"system": "http://read.info/readv2", "code": "XXXX.00"},
    ],
    "text": "Frailty 6",
}
UNIT: Json = {"unit": "ScoreOf", "system": "http://unitsofmeasure.org", "code": "{ScoreOf}"}
SHAPE: Json = {
    "status": "final",
    "category": [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                    "code": "survey",
                    "display": "Survey",
                }
            ]
        }
    ],
    "code": SCORE,
    "method": {"text": "Clinical Frailty Scale, version not stated"},
}


def shaped(body: Json) -> tuple[Json, list[tuple[str, str]]]:
    mapping = EntryMapping("Entry", {"reference": "Patient/person"}, lambda reference: None)
    result = in_one_shape({"status": "final"} | body, mapping)
    return result, [(issue.severity, issue.code) for issue in mapping.issues]


@pytest.mark.parametrize("value", [{}, {"valueQuantity": {"value": 6}}])
def test_the_code_of_a_level_becomes_the_interpretation_of_a_score(value: Json) -> None:
    result, issues = shaped({"code": RECORDED_LEVEL} | value)
    assert result == SHAPE | {"valueQuantity": {"value": 6} | UNIT, "interpretation": [RECORDED_LEVEL]}
    assert issues == [("information", "informational")]


def test_a_score_gets_its_level_and_keeps_the_number_as_written() -> None:
    result, issues = shaped({"code": SCORE, "valueQuantity": {"value": Decimal("6.000")}})
    assert result == SHAPE | {"valueQuantity": {"value": Decimal("6.000")} | UNIT, "interpretation": [LEVEL_6]}
    assert str(result["valueQuantity"]["value"]) == "6.000"
    assert issues == [("information", "informational")]


def test_what_the_source_says_stays() -> None:
    given: Json = {
        "category": [{"text": "Care home round"}],
        "method": {"text": "Clinical Frailty Scale version 2.0"},
        "valueQuantity": {"value": 6, "unit": "/9"},
        "interpretation": [{"text": "worse"}],
    }
    result, _ = shaped({"code": SCORE} | given)
    assert result == {"status": "final", "code": SCORE} | given | {"interpretation": [{"text": "worse"}, LEVEL_6]}


def test_a_score_recorded_as_text_keeps_the_text() -> None:
    result, _ = shaped({"code": SCORE, "valueString": " 6 "})
    assert result == SHAPE | {
        "valueQuantity": {"value": 6} | UNIT,
        "interpretation": [LEVEL_6],
        "extension": [
            {"url": "http://hl7.org/fhir/3.0/StructureDefinition/extension-Observation.value", "valueString": " 6 "}
        ],
    }


def test_a_score_recorded_as_the_code_of_a_level() -> None:
    result, _ = shaped({"code": SCORE, "valueCodeableConcept": RECORDED_LEVEL})
    assert result == SHAPE | {"valueQuantity": {"value": 6} | UNIT, "interpretation": [RECORDED_LEVEL]}


@pytest.mark.parametrize(
    "body",
    [
        {"code": SCORE},
        {"code": SCORE, "valueQuantity": {"value": 0}},
        {"code": SCORE, "valueQuantity": {"value": 10}},
        {"code": SCORE, "valueQuantity": {"value": Decimal("5.5")}},
        {"code": SCORE, "valueQuantity": {"value": True}},
        {"code": SCORE, "valueQuantity": {"value": 6, "comparator": ">"}},
        {"code": SCORE, "valueQuantity": "6"},
        {"code": SCORE, "valueString": "five or 6"},
        {"code": SCORE, "valueString": "\u0666"},
        {"code": SCORE, "valueCodeableConcept": {"text": "6"}},
        {"code": SCORE, "valueQuantity": {"value": 6}, "valueString": "6"},
        {"code": SCORE, "dataAbsentReason": {"text": "refused"}},
        {"code": LEVEL_6, "valueQuantity": {"value": 5}},
        {"code": LEVEL_6, "valueString": "6"},
        {"code": LEVEL_6, "dataAbsentReason": {"text": "refused"}},
        {"code": {"coding": [*LEVEL_6["coding"], {"system": SNOMED_CT, "code": "1129371000000104"}]}},
    ],
)
def test_what_does_not_say_one_level_stays_as_received(body: Json) -> None:
    result, issues = shaped(body)
    assert result == {"status": "final"} | body
    assert issues == [("warning", "value")]


@pytest.mark.parametrize(
    "code",
    [
        {"coding": [{"system": SNOMED_CT, "code": "925861000000102"}]},
        {"coding": [{"system": "http://read.info/readv2", "code": "763264000"}]},
        {"coding": [{"system": SNOMED_CT, "code": 763264000}]},
        {"coding": "763264000"},
        "763264000",
        None,
    ],
)
def test_everything_else_is_not_touched(code: Any) -> None:
    result, issues = shaped({"code": code, "valueQuantity": {"value": 6}})
    assert result == {"status": "final", "code": code, "valueQuantity": {"value": 6}}
    assert issues == []


def test_each_level_has_its_code() -> None:
    found = []
    for level in range(1, 10):
        result, _ = shaped({"code": SCORE, "valueQuantity": {"value": level}})
        code = result["interpretation"][0]["coding"][0]["code"]
        again, _ = shaped({"code": {"coding": [{"system": SNOMED_CT, "code": code}]}})
        assert again["valueQuantity"]["value"] == level
        found.append(code)
    assert len(set(found)) == 9


def test_both_recordings_of_a_whole_record_have_the_one_shape() -> None:
    recorded = [
        observation("level", code=RECORDED_LEVEL),
        observation("score", code=SCORE, valueQuantity={"value": Decimal("6.0")}),
    ]
    result = mapped(document(*recorded))
    by_level, by_score = (one.resource for one in result.resources if one.resource["resourceType"] == "Observation")
    same = ("status", "category", "code", "subject", "method", "effectiveDateTime")
    assert {name: by_level[name] for name in same} == {name: by_score[name] for name in same}
    assert by_level["valueQuantity"] == by_score["valueQuantity"]
    assert by_level["interpretation"] == [RECORDED_LEVEL]
    assert [issue.code for report in result.reports for issue in report.issues] == ["informational"] * 2
