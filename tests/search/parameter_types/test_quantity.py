"""quantity: as written and in base units, with every form, prefix and comparator.

https://hl7.org/fhir/R4/search.html#quantity
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from fhir_server.search.parse import parse
from fhir_server.search.reading.decimal_keys import just_above, just_below
from fhir_server.store.criteria import IsPresent, Not, Prefix, QuantityIs, Query
from fhir_server.store.entries import CANONICAL, HIGHEST, LOWEST
from fhir_server.store.matching import Row, matches
from tests.search.parameter_types.asking import UCUM, asked, indexed, key, refused
from tests.search.samples import CONTEXT, INDEXER

VALUE = ("Observation.value",)


def quantity(prefix: Prefix, low: str, high: str, system: str | None = None, unit: str | None = None) -> QuantityIs:
    return QuantityIs("value-quantity", prefix, key(Fraction(low)), key(Fraction(high)), system, unit, VALUE, ("code",))


@pytest.mark.parametrize(
    ("value", "criterion"),
    [
        ("5.4", quantity("eq", "5.35", "5.45")),
        ("5.40", quantity("eq", "5.395", "5.405")),
        ("5.4e-3", quantity("eq", "0.00535", "0.00545")),
        ("5.4||", quantity("eq", "5.35", "5.45")),
        ("5.4||mg", quantity("eq", "5.35", "5.45", None, "mg")),
        (r"5.4||a\|b", quantity("eq", "5.35", "5.45", None, "a|b")),
        ("5.4|urn:x|", quantity("eq", "5.35", "5.45", "urn:x", None)),
        ("5.4|urn:x|mg", quantity("eq", "5.35", "5.45", "urn:x", "mg")),
        (f"5.4|{UCUM}|", quantity("eq", "5.35", "5.45", UCUM, None)),
        (f"5.4|{UCUM}|mg", quantity("eq", "0.00535", "0.00545", CANONICAL, "g")),
        (f"5.40e-3|{UCUM}|g", quantity("eq", "0.005395", "0.005405", CANONICAL, "g")),
        (f"le5.4|{UCUM}|mg", quantity("le", "0.0054", "0.0054", CANONICAL, "g")),
        (f"ap5.4|{UCUM}|mg", quantity("ap", "0.00486", "0.00594", CANONICAL, "g")),
        (f"37|{UCUM}|Cel", quantity("eq", "309.65", "310.65", CANONICAL, "K")),
        (f"gt1|{UCUM}|m/h", quantity("gt", "1/3600", "1/3600", CANONICAL, "m.s-1")),
        (f"20|{UCUM}|[iU]", quantity("eq", "19.5", "20.5", CANONICAL, "[iU]")),
        (f"7|{UCUM}|[pH]", quantity("eq", "6.5", "7.5", UCUM, "[pH]")),
        (f"5.4|{UCUM}|furlongs", quantity("eq", "5.35", "5.45", UCUM, "furlongs")),
        (f"1e600|{UCUM}|mg", quantity("eq", "95e598", "105e598", UCUM, "mg")),
        *((f"{each}5.4||mg", quantity(each, "5.4", "5.4", None, "mg")) for each in ("gt", "lt", "ge", "sa", "eb")),
        ("ne5.4||mg", quantity("ne", "5.35", "5.45", None, "mg")),
    ],
)
async def test_what_is_asked(value: str, criterion: QuantityIs) -> None:
    assert await asked(f"Observation?value-quantity={value}") == criterion


async def test_missing() -> None:
    assert await asked("Observation?value-quantity:missing=true") == Not(IsPresent("value-quantity", VALUE))


@pytest.mark.parametrize(
    "value", ["mg", "5.4|mg", "5.4|a|b|c", "|urn:x|mg", "5 mg", "gt|a|b", "~5", "1e4001", "5e-9999"]
)
async def test_what_is_no_quantity_is_refused(value: str) -> None:
    assert await refused(f"Observation?value-quantity={value}") == (
        "invalid",
        "The parameter value-quantity is a number, number|system|code or number||unit, such as 5.4 or "
        "ge5.4|http://unitsofmeasure.org|mg; prefixes are eq, ne, gt, lt, ge, le, sa, eb, ap.",
    )


async def test_which_modifiers_are_refused() -> None:
    assert await refused("Observation?value-quantity:not=5") == (
        "invalid",
        "The modifier :not does not apply to value-quantity, a quantity parameter.",
    )


def milligrams(value: str | int, **more: Any) -> dict[str, Any]:
    return {"value": Decimal(value), "system": UCUM, "code": "mg", **more}


def observation(**value: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", **value}


FIVE = key("5.4")


@pytest.mark.parametrize(
    ("resource", "name", "found"),
    [
        (  # a unit is found by its code and by its text
            observation(valueQuantity=milligrams("5.40", unit="milligram")),
            "value-quantity",
            [(UCUM, "mg", FIVE, FIVE), ("", "milligram", FIVE, FIVE), (CANONICAL, "g", key("0.0054"), key("0.0054"))],
        ),
        (
            observation(valueQuantity=milligrams("5.4", unit="mg")),
            "value-quantity",
            [(UCUM, "mg", FIVE, FIVE), (CANONICAL, "g", key("0.0054"), key("0.0054"))],
        ),
        (
            observation(valueQuantity={"value": 20, "system": UCUM, "code": "[iU]"}),
            "value-quantity",
            [(UCUM, "[iU]", key(20), key(20)), (CANONICAL, "[iU]", key(20), key(20))],
        ),
        (
            observation(valueQuantity={"value": 20, "system": UCUM, "code": "furlongs"}),
            "value-quantity",
            [(UCUM, "furlongs", key(20), key(20))],
        ),
        (
            observation(valueQuantity={"value": 20, "code": "mg"}),
            "value-quantity",
            [("", "mg", key(20), key(20))],
        ),
        (observation(valueQuantity={"value": 20}), "value-quantity", [("", "", key(20), key(20))]),
        *(
            (
                observation(valueQuantity=milligrams("5.4", comparator=comparator)),
                "value-quantity",
                [(UCUM, "mg", *mg), (CANONICAL, "g", *g)],
            )
            for comparator, mg, g in (
                ("<", (LOWEST, just_below(FIVE)), (LOWEST, just_below(key("0.0054")))),
                ("<=", (LOWEST, FIVE), (LOWEST, key("0.0054"))),
                (">", (just_above(FIVE), HIGHEST), (just_above(key("0.0054")), HIGHEST)),
                (">=", (FIVE, HIGHEST), (key("0.0054"), HIGHEST)),
            )
        ),
        (
            observation(
                valueSampledData={
                    "origin": {"value": 1, "unit": "mV", "system": UCUM, "code": "mV"},
                    "factor": Decimal("0.5"),
                    "data": "2 E 4 -2 U L",
                }
            ),
            "value-quantity",
            [
                (UCUM, "mV", key(0), key(3)),
                (CANONICAL, "C-1.g.m2.s-2", key(0), key(3)),
            ],
        ),
        (
            {"resourceType": "Condition", "onsetAge": {"value": 2, "unit": "a", "system": UCUM, "code": "a"}},
            "onset-age",
            [(UCUM, "a", key(2), key(2)), (CANONICAL, "s", key(63115200), key(63115200))],
        ),
        (
            {"resourceType": "Condition", "onsetRange": {"low": milligrams(1), "high": milligrams(2)}},
            "onset-age",
            [(UCUM, "mg", key(1), key(2)), (CANONICAL, "g", key("0.001"), key("0.002"))],
        ),
        (
            {"resourceType": "Condition", "onsetRange": {"low": milligrams(1)}},
            "onset-age",
            [(UCUM, "mg", key(1), HIGHEST), (CANONICAL, "g", key("0.001"), HIGHEST)],
        ),
        (
            {"resourceType": "Condition", "onsetRange": {"high": milligrams(2)}},
            "onset-age",
            [(UCUM, "mg", LOWEST, key(2)), (CANONICAL, "g", LOWEST, key("0.002"))],
        ),
        (
            {"resourceType": "Invoice", "totalGross": {"value": Decimal("9.50"), "currency": "GBP"}},
            "totalgross",
            [("urn:iso:std:iso:4217", "GBP", key("9.5"), key("9.5"))],
        ),
        (
            {"resourceType": "Encounter", "length": {"value": 90, "unit": "min", "system": UCUM, "code": "min"}},
            "length",
            [
                (UCUM, "min", key(90), key(90)),
                (CANONICAL, "s", key(5400), key(5400)),
            ],
        ),
    ],
)
def test_what_is_indexed(resource: dict[str, Any], name: str, found: list[tuple[Any, ...]]) -> None:
    assert indexed(resource, name) == {"quantities": [(name, *each) for each in found]}


@pytest.mark.parametrize(
    "value",
    [
        {"valueQuantity": {"unit": "mg"}},
        {"valueQuantity": {"value": "5"}},
        {"valueQuantity": {"comparator": "<", "code": "mg"}},
        {"valueSampledData": {"origin": {"value": 1}, "data": "E U"}},
        {"valueSampledData": {"origin": {"value": 1}, "data": "1 x"}},
        {"valueSampledData": {"origin": {"value": 1}}},
        {"valueString": "5 mg"},
    ],
)
def test_what_is_not_indexed(value: dict[str, Any]) -> None:
    assert indexed(observation(**value), "value-quantity") == {}


@pytest.mark.parametrize(
    ("value", "asked_for", "found"),
    [
        (milligrams("5.4"), f"0.0054|{UCUM}|g", True),
        (milligrams("5.4"), f"5400|{UCUM}|ug", True),
        (milligrams("5.4"), f"5.4|{UCUM}|g", False),
        (milligrams("5.4"), f"5.4|{UCUM}|mL", False),
        (milligrams("5.4"), "5.4||mg", True),
        (milligrams("5.4"), "5.4|urn:other|mg", False),
        (milligrams("5.4"), "5.4", True),
        (milligrams("5.4"), "5", True),
        (milligrams("5.4"), "5.0", False),
        (milligrams("5.4"), "5.40", True),
        (milligrams("5.449"), "5.4", True),
        (milligrams("5.45"), "5.4", False),
        (milligrams("5.35"), "5.4", True),
        (milligrams("5.4", comparator="<"), "lt1", True),
        (milligrams("5.4", comparator="<"), "ge5.4", False),
        (milligrams("5.4", comparator="<="), "ge5.4", True),
        (milligrams("5.4", comparator=">"), "le5.4", False),
        (milligrams("5.4", comparator=">"), "sa5.4", True),
        (milligrams("5.4", comparator=">="), "sa5.4", False),
        (milligrams("5.4", comparator=">"), f"gt1|{UCUM}|kg", True),
        ({"value": 20, "system": UCUM, "code": "[iU]"}, f"20|{UCUM}|g", False),
        ({"value": 20, "system": UCUM, "code": "[iU]"}, f"20|{UCUM}|[iU]", True),
        ({"value": 20, "system": UCUM, "code": "k[iU]"}, f"20000|{UCUM}|[iU]", True),
        ({"value": 20, "system": UCUM, "code": "furlongs"}, f"20|{UCUM}|furlongs", True),
        ({"value": 310, "system": UCUM, "code": "K"}, f"37|{UCUM}|Cel", True),
    ],
)
async def test_what_is_found(value: dict[str, Any], asked_for: str, found: bool) -> None:
    search = await parse("Observation", [("value-quantity", asked_for)], CONTEXT, strict=True)
    assert isinstance(search.query, Query)
    row = Row("Observation", "1", 0, INDEXER.entries(observation(valueQuantity=value)))
    assert matches(search.query.criteria[0], row) is found
