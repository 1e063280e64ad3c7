"""NEWS2, weight and frailty as they stand in the record: right by the table, in UK Core's shapes, precision kept."""

import json
from decimal import Decimal
from typing import Any

from tests.demo.written import TODAY, Json, of_type, records, written

TOTAL = "1104051000000101"
POINTS = "http://unitsofmeasure.org"


def code(observation: Json, system: str = "http://snomed.info/sct") -> str:
    return next(str(coding["code"]) for coding in observation["code"]["coding"] if coding["system"] == system)


def by_reference(record: list[Json]) -> dict[str, Json]:
    return {f"Observation/{one['id']}": one for one in of_type(record, "Observation")}


def recomputed(parts: dict[str, Json], scale: int) -> dict[str, int]:
    """Sub-scores from the vital signs as they were written, by the printed table; code of the sub-score -> points."""

    def banded(value: Any, *bands: tuple[Any, int]) -> int:
        return next(score for highest, score in bands if value <= highest)

    def value(snomed: str) -> Any:
        return parts[snomed]["valueQuantity"]["value"]

    top = 10**6
    oxygen = "371825009" in parts
    saturation, systolic = value("103228002"), parts["75367002"]["component"][0]["valueQuantity"]["value"]
    above = ((92, 0), (94, 1), (96, 2), (top, 3)) if oxygen else ((top, 0),)
    one = ((91, 3), (93, 2), (95, 1), (top, 0))
    two = ((83, 3), (85, 2), (87, 1), *above)
    alert = parts["1104441000000107"]["valueCodeableConcept"]["coding"][0]["code"] == "248234008"
    return {
        "1104301000000104": banded(value("86290005"), (8, 3), (11, 1), (20, 0), (24, 2), (top, 3)),
        ("1104311000000102", "1104321000000108")[scale - 1]: banded(saturation, *(one if scale == 1 else two)),
        "1104331000000105": 2 if oxygen else 0,
        "1104341000000101": banded(systolic, (90, 3), (100, 2), (110, 1), (219, 0), (top, 3)),
        "1104351000000103": banded(value("364075005"), (40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (top, 3)),
        "1104361000000100": 0 if alert else 3,
        "1104371000000107": banded(
            value("276885007"),
            (Decimal("35.0"), 3),
            (Decimal("36.0"), 1),
            (Decimal("38.0"), 0),
            (Decimal("39.0"), 1),
            (top, 2),
        ),
    }


def test_every_total_is_that_of_the_vital_signs_it_names() -> None:
    checked = 0
    for record in records()[1:]:
        observations = by_reference(record)
        for total in (one for one in observations.values() if code(one) == TOTAL):
            named = [observations[part["reference"]] for part in total["derivedFrom"]]
            parts = {code(one): one for one in named}
            assert len(named) == len(parts) == 7
            assert {one["effectiveDateTime"] for one in named} == {total["effectiveDateTime"]}
            written_scores = {
                component["code"]["coding"][0]["code"]: component["valueQuantity"]["value"]
                for component in total["component"]
            }
            scale = 2 if "1104321000000108" in written_scores else 1
            assert written_scores == recomputed(parts, scale)
            assert total["valueQuantity"] == {
                "value": sum(written_scores.values()),
                "unit": "ScoreOf",
                "system": POINTS,
                "code": "{ScoreOf}",
            }
            checked += 1
    assert checked > 800


def test_a_year_of_full_sets_weights_and_frailty() -> None:
    for record in records()[1:]:
        (patient,) = of_type(record, "Patient")
        (*_, residency) = of_type(record, "EpisodeOfCare")
        kinds = [code(one) for one in of_type(record, "Observation")]
        here_all_year = residency["period"]["start"] < "2025-03-01" and "deceasedDateTime" not in patient
        if here_all_year:
            assert kinds.count(TOTAL) >= 11
            assert kinds.count("27113001") in (12, 13)
            assert kinds.count("763264000") in (4, 5)
        assert kinds.count(TOTAL) >= 1


def test_units_and_categories_are_those_of_the_vital_signs_profiles() -> None:
    units: dict[str, set[tuple[str, str]]] = {}
    for observation in of_type(records()[1], "Observation"):
        (category,) = observation["category"]
        assert observation["status"] == "final"
        for part in [observation, *observation.get("component", [])]:
            if "valueQuantity" in part and category["coding"][0]["code"] == "vital-signs":
                loinc = code(part, "http://loinc.org")
                units.setdefault(loinc, set()).add((part["valueQuantity"]["unit"], part["valueQuantity"]["code"]))
    assert units == {
        "9279-1": {("per minute", "/min")},
        "2708-6": {("percent", "%")},
        "8480-6": {("millimeter of mercury", "mm[Hg]")},
        "8462-4": {("millimeter of mercury", "mm[Hg]")},
        "8867-4": {("per minute", "/min")},
        "8310-5": {("degree Celsius", "Cel")},
        "29463-7": {("kilogram", "kg")},
    }


def test_precision_is_written() -> None:
    """Temperature and weight have one decimal place, also where it is a nought."""
    numbers: list[str] = []

    def kept(text: str) -> Decimal:
        numbers.append(text)
        return Decimal(text)

    for body in written(1, 12, TODAY)[1:]:
        json.loads(body, parse_float=kept)
    assert len(numbers) > 200
    assert all(text[-2] == "." for text in numbers)
    assert any(text.endswith(".0") for text in numbers)


def test_frailty_has_one_shape() -> None:
    for record in records()[1:]:
        for one in of_type(record, "Observation"):
            if code(one) == "763264000":
                level = one["valueQuantity"]["value"]
                assert one["valueQuantity"]["code"] == "{ScoreOf}"
                assert one["interpretation"][0]["text"].startswith(f"Level {level}: ")
                assert one["method"] == {"text": "Clinical Frailty Scale version 2.0"}


def test_only_staff_of_the_home_take_observations_there() -> None:
    roles = {role["id"]: role["organization"]["reference"] for role in of_type(records()[0], "PractitionerRole")}
    for record in records()[1:]:
        stays = of_type(record, "EpisodeOfCare")
        for one in of_type(record, "Observation"):
            if code(one) == "763264000":
                continue
            day = one["effectiveDateTime"][:10]
            homes = {
                stay["managingOrganization"]["reference"]
                for stay in stays
                if stay["period"]["start"] <= day <= stay["period"].get("end", "9999")
            }
            assert roles[one["performer"][0]["reference"].removeprefix("PractitionerRole/")] in homes


def test_a_high_score_says_what_was_done() -> None:
    for record in records()[1:]:
        for one in of_type(record, "Observation"):
            if code(one) == TOTAL and one["valueQuantity"]["value"] >= 7:
                (note,) = one["note"]
                assert note["text"].startswith(f"NEWS2 {one['valueQuantity']['value']}. Urgent review asked for")
