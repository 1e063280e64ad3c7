"""special: `near`, a position and a distance. https://hl7.org/fhir/R4/location.html#search"""

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.search.parse import parse
from fhir_server.store.criteria import AnyOf, IsNear, IsPresent, Not, Query
from fhir_server.store.matching import Row, matches
from tests.search.parameter_types.asking import asked, indexed, refused
from tests.search.samples import CONTEXT, INDEXER

POSITION = ("Location.position",)
MILE = 1609.344


@pytest.mark.parametrize(
    ("value", "latitude", "longitude", "metres"),
    [
        ("-83.694810|42.256500|11.20|km", -83.69481, 42.2565, 11_200.0),
        ("-83.694810|42.256500", -83.69481, 42.2565, 50_000.0),
        ("1|2|3", 1.0, 2.0, 3000.0),
        ("1|2|3|", 1.0, 2.0, 3000.0),
        ("+1|-2|3|m", 1.0, -2.0, 3.0),
        (" 1 | 2 | 3 | KM ", 1.0, 2.0, 3000.0),
        ("1|2|3|mi", 1.0, 2.0, 3 * MILE),
        ("1|2|3|[mi_i]", 1.0, 2.0, 3 * MILE),
        ("1|2|3|[mi_us]", 1.0, 2.0, 3 * 1609.347219),
        ("90|-180|0|m", 90.0, -180.0, 0.0),
    ],
)
async def test_what_is_asked(value: str, latitude: float, longitude: float, metres: float) -> None:
    assert await asked(f"Location?near={value}") == IsNear("near", latitude, longitude, metres, POSITION)


async def test_several_positions_and_none() -> None:
    found = AnyOf((IsNear("near", 1.0, 2.0, 50_000.0, POSITION), IsNear("near", 3.0, 4.0, 50_000.0, POSITION)))
    assert await asked("Location?near=1|2,3|4") == found
    assert await asked("Location?near:missing=true") == Not(IsPresent("near", POSITION))


@pytest.mark.parametrize(
    "value",
    ["1", "1,2", "1|2||km", "91|2", "1|181", "1|2|-3|km", "1|2|3|ft", "1|2|3|km|x", "a|b", "1e1|2", "nan|2", "1|2|inf"]
    + ["1|2|99999999|km"],
)
async def test_what_is_no_position_is_refused(value: str) -> None:
    assert await refused(f"Location?near={value}") == (
        "invalid",
        "The parameter near is latitude|longitude|distance|unit, such as 53.54|-2.11|10|km: degrees, and km, m or mi.",
    )


async def test_which_modifiers_are_refused() -> None:
    message = "The modifier :not does not apply to near, a special parameter."
    assert await refused("Location?near:not=1|2") == ("invalid", message)


def location(**position: Any) -> dict[str, Any]:
    return {"resourceType": "Location", "position": position}


def test_what_is_indexed() -> None:
    found = indexed(location(latitude=Decimal("53.50"), longitude=-2, altitude=7), "near")
    assert found == {"positions": [("near", 53.5, -2.0)]}


@pytest.mark.parametrize(
    "position",
    [{}, {"latitude": 1}, {"longitude": 1}, {"latitude": 90.5, "longitude": 1}, {"latitude": 1, "longitude": 181}]
    + [{"latitude": "1", "longitude": "2"}],
)
def test_what_is_not_indexed(position: dict[str, Any]) -> None:
    assert indexed(location(**position), "near") == {}


@pytest.mark.parametrize(
    ("latitude", "longitude", "value", "found"),
    [  # one degree of a great circle is 111.195 km
        (53, 0, "54|0|111.2|km", True),
        (53, 0, "54|0|111.1|km", False),
        (0, 179.5, "0|-179.5|111.2|km", True),
        (0, 179.5, "0|-179.5|111.1|km", False),
        (89.5, 0, "89.5|180|111.2|km", True),
        (89.5, 0, "89.5|180|111.1|km", False),
        (53, 0, "53|0|0|m", True),
        (53, 0, "53|0.7", True),  # 46.8 km
        (53, 0, "53|0.8", False),  # 53.5 km
    ],
)
async def test_what_is_found(latitude: float, longitude: float, value: str, found: bool) -> None:
    search = await parse("Location", [("near", value)], CONTEXT, strict=True)
    assert isinstance(search.query, Query)
    row = Row("Location", "1", 0, INDEXER.entries(location(latitude=latitude, longitude=longitude)))
    assert matches(search.query.criteria[0], row) is found
