"""special: parameters with rules of their own. https://hl7.org/fhir/R4/search.html#special

`near` (https://hl7.org/fhir/R4/location.html#search) is a position and a distance: `latitude|longitude|distance|unit`.
Without a distance it is `NEAR_METRES`; without a unit, or with `km`, it is in kilometres. `_filter` has its own reader.
"""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from fhir_server.outcome import Invalid
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.reading.escapes import split, unescape
from fhir_server.search.reading.numbers import number_of
from fhir_server.store.criteria import Criterion, IsNear

NEAR_METRES: Final = 50_000.0
_METRES: Final = {
    "": 1000.0,
    "km": 1000.0,
    "m": 1.0,
    "mi": 1609.344,
    "[mi_i]": 1609.344,
    "mi_us": 1609.347219,
    "[mi_us]": 1609.347219,
}
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,7}(\.[0-9]{1,20})?", re.ASCII)


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name = extraction.name

    def position(value: Any, draft: Draft) -> None:
        latitude, longitude = number_of(value.get("latitude")), number_of(value.get("longitude"))
        if latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180:
            draft.positions.append((name, float(latitude), float(longitude)))

    return {"Location.position": position}


async def _compile(asked: Asked) -> Criterion:
    if asked.modifier is not None:
        raise asked.refuse()
    parts = [unescape(part).strip() for part in split(asked.value, "|")]
    numbers = [float(part) if _NUMBER.fullmatch(part) else None for part in parts[:3]]
    unit = _METRES.get(parts[3].lower() if len(parts) == 4 else "")
    if not 2 <= len(parts) <= 4 or None in numbers or unit is None:
        raise _wrong(asked)
    latitude, longitude, *distance = [number for number in numbers if number is not None]
    metres = distance[0] * unit if distance else NEAR_METRES
    if abs(latitude) > 90 or abs(longitude) > 180 or metres < 0 or not isfinite(metres):
        raise _wrong(asked)
    return IsNear(asked.parameter.name, latitude, longitude, metres, asked.parameter.elements)


def _wrong(asked: Asked) -> Invalid:
    return Invalid(
        f"The parameter {asked.parameter.name} is latitude|longitude|distance|unit, such as 53.54|-2.11|10|km: "
        "degrees, and km, m or mi."
    )


SPECIAL = ParameterType("special", frozenset({"missing"}), _extractors, _compile)
