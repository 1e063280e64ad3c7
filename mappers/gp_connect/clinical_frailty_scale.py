"""One shape for the Clinical Frailty Scale, from the ways in which GP systems record it.

They record the score (an observable with a number from 1 to 9), or the code of the level alone. Here it is the score
with a quantity, which can be searched and compared, and the level as interpretation; a level that was recorded as a
code keeps all its codings there. Which version of the scale was used, GP data does not say. Diagnoses of frailty are
something else and stay what they are.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from mappers.gp_connect.mapping import EntryMapping
from mappers.gp_connect.stu3_elements import extended, extension_of
from mappers.mapper import Json

_SNOMED_CT = "http://snomed.info/sct"
_SCORE = "763264000"
_SCORE_DISPLAY = "CSHA (Canadian Study of Health and Aging) Clinical Frailty Scale score"
_LEVELS = {
    "1129331000000101": 1,
    "1129341000000105": 2,
    "1129351000000108": 3,
    "1129361000000106": 4,
    "1129371000000104": 5,
    "1129381000000102": 6,
    "1129391000000100": 7,
    "1129401000000102": 8,
    "1129411000000100": 9,
}
_CODES = {level: code for code, level in _LEVELS.items()}
_UNIT: Json = {"unit": "ScoreOf", "system": "http://unitsofmeasure.org", "code": "{ScoreOf}"}
_SURVEY: Json = {
    "coding": [
        {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey", "display": "Survey"}
    ]
}
_DIGIT = re.compile(r"[1-9]", re.ASCII)


def in_one_shape(body: Json, mapping: EntryMapping) -> Json:
    """The elements of an R4 Observation, in the one shape where it is a Clinical Frailty Scale.

    What does not say one level from 1 to 9 stays as received, with an issue.
    """
    found = _scale_codes(body.get("code"))
    if not found:
        return body
    values = {name: value for name, value in body.items() if name.startswith("value")}
    levels = {_LEVELS[code] for code in found if code in _LEVELS}
    shaped = _from_level(body, levels, values) if levels else _from_score(body, values)
    if shaped is None:
        sentence = "This Clinical Frailty Scale does not say one level from 1 to 9; it is kept as received."
        mapping.note("value", sentence, mapping.place, "warning")
        return body
    sentence = "The Clinical Frailty Scale is brought into one shape: the score as a quantity, its level beside it."
    mapping.note("informational", sentence, mapping.place)
    return {"category": [_SURVEY], "method": {"text": "Clinical Frailty Scale, version not stated"}} | shaped


def _from_level(body: Json, levels: set[int], values: Json) -> Json | None:
    """The code is a level's own: it becomes the interpretation, with all that was recorded in it."""
    if len(levels) != 1 or "dataAbsentReason" in body:
        return None
    (level,) = levels
    if values and (values.keys() != {"valueQuantity"} or _level_in(values["valueQuantity"]) != level):
        return None
    return (
        body
        | {"code": {"coding": [{"system": _SNOMED_CT, "code": _SCORE, "display": _SCORE_DISPLAY}]}}
        | {"valueQuantity": _quantity(values.get("valueQuantity", {"value": level}))}
        | {"interpretation": _interpretation(body, body["code"])}
    )


def _from_score(body: Json, values: Json) -> Json | None:
    """The code is the score: the number gets its level, whatever type it was recorded in."""
    if len(values) != 1 or "dataAbsentReason" in body:
        return None
    ((name, value),) = values.items()
    rest = {key: item for key, item in body.items() if key != name}
    if name == "valueQuantity" and (level := _level_in(value)) is not None:
        return rest | {"valueQuantity": _quantity(value), "interpretation": _interpretation(body, _concept(level))}
    if name == "valueString" and isinstance(value, str) and _DIGIT.fullmatch(value.strip()):
        level = int(value)
        shaped = {
            "valueQuantity": _quantity({"value": level}),
            "interpretation": _interpretation(body, _concept(level)),
        }
        return extended(rest | shaped, extension_of("Observation.value", valueString=value))
    levels = (
        {_LEVELS[code] for code in _scale_codes(value) if code in _LEVELS} if name == "valueCodeableConcept" else ()
    )
    if len(levels) != 1:
        return None
    (level,) = levels
    return rest | {"valueQuantity": _quantity({"value": level}), "interpretation": _interpretation(body, value)}


def _scale_codes(concept: Any) -> list[str]:
    return [code for code in _snomed_codes(concept) if code == _SCORE or code in _LEVELS]


def _snomed_codes(concept: Any) -> Iterator[str]:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict) and coding.get("system") == _SNOMED_CT and isinstance(coding.get("code"), str):
            yield coding["code"]


def _level_in(quantity: Any) -> int | None:
    """The level that a quantity says: a whole number from 1 to 9, exactly."""
    value = quantity.get("value") if isinstance(quantity, dict) and "comparator" not in quantity else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return int(value) if value in _CODES else None


def _quantity(received: Json) -> Json:
    """The number as written, with the unit of a score where it came without one."""
    return received if any(name in received for name in ("unit", "system", "code")) else received | _UNIT


def _concept(level: int) -> Json:
    display = f"CSHA Clinical Frailty Scale level {level}"
    return {"coding": [{"system": _SNOMED_CT, "code": _CODES[level], "display": display}]}


def _interpretation(body: Json, level: Any) -> list[Any]:
    given = body.get("interpretation", [])
    return [*(given if isinstance(given, list) else [given]), level]
