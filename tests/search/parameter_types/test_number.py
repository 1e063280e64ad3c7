"""number: exact values, and ranges as precise as they are written. https://hl7.org/fhir/R4/search.html#number"""

from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.parse import parse
from fhir_server.store.criteria import IsPresent, Not, NumberIs, Prefix, Query
from fhir_server.store.entries import HIGHEST, LOWEST, DecimalKey
from fhir_server.store.matching import Row, matches
from tests.search.parameter_types.asking import asked, indexed, key, refused
from tests.search.samples import CONTEXT, INDEXER

PROBABILITY = ("RiskAssessment.prediction", "RiskAssessment.prediction.probability")


@pytest.mark.parametrize(
    ("value", "prefix", "low", "high"),
    [
        ("100", "eq", "99.5", "100.5"),
        ("100.00", "eq", "99.995", "100.005"),
        ("1e2", "eq", "95", "105"),
        ("eq100", "eq", "99.5", "100.5"),
        ("ne100", "ne", "99.5", "100.5"),
        ("gt0.8", "gt", "0.8", "0.8"),
        ("lt100", "lt", "100", "100"),
        ("le100", "le", "100", "100"),
        ("ge100", "ge", "100", "100"),
        ("sa100", "sa", "100", "100"),
        ("eb100", "eb", "100", "100"),
        ("ap100", "ap", "90", "110"),
        ("-0.5", "eq", "-0.55", "-0.45"),
    ],
)
async def test_what_is_asked(value: str, prefix: Prefix, low: str, high: str) -> None:
    expected = NumberIs("probability", prefix, key(low), key(high), PROBABILITY)
    assert await asked(f"RiskAssessment?probability={value}") == expected


async def test_missing() -> None:
    expected = Not(IsPresent("probability", PROBABILITY))
    assert await asked("RiskAssessment?probability:missing=true") == expected


@pytest.mark.parametrize("value", ["x", "gt", "1.5.2", "5|mg", "~1", "1e4001", "NaN"])
async def test_what_is_no_number_is_refused(value: str) -> None:
    assert await refused(f"RiskAssessment?probability={value}") == (
        "invalid",
        "The parameter probability needs a number such as 5.40, ge100 or 1e2; "
        "prefixes are eq, ne, gt, lt, ge, le, sa, eb, ap.",
    )


@pytest.mark.parametrize(
    ("modifier", "message"),
    [
        ("exact", "The modifier :exact does not apply to probability, a number parameter."),
        ("Patient", "The parameter probability cannot refer to Patient."),
        ("almost", "There is no modifier :almost."),
    ],
)
async def test_which_modifiers_are_refused(modifier: str, message: str) -> None:
    assert await refused(f"RiskAssessment?probability:{modifier}=1") == ("invalid", message)


def predicted(**value: Any) -> dict[str, Any]:
    return {"resourceType": "RiskAssessment", "prediction": [value]}


@pytest.mark.parametrize(
    ("resource", "name", "low", "high"),
    [
        (predicted(probabilityDecimal=Decimal("0.50")), "probability", key("0.5"), key("0.5")),
        (predicted(probabilityDecimal=1), "probability", key(1), key(1)),
        (
            predicted(probabilityRange={"low": {"value": 1}, "high": {"value": Decimal("2.5")}}),
            "probability",
            key(1),
            key("2.5"),
        ),
        (predicted(probabilityRange={"low": {"value": 1}}), "probability", key(1), HIGHEST),
        (predicted(probabilityRange={"high": {"value": 1}}), "probability", LOWEST, key(1)),
        (
            {"resourceType": "MolecularSequence", "variant": [{"start": 22_125_503}]},
            "variant-start",
            key(22_125_503),
            key(22_125_503),
        ),
    ],
)
def test_what_is_indexed(resource: dict[str, Any], name: str, low: DecimalKey, high: DecimalKey) -> None:
    assert indexed(resource, name) == {"numbers": [(name, low, high)]}


@pytest.mark.parametrize(
    "value", [{"probabilityDecimal": "0.5"}, {"probabilityRange": {}}, {"probabilityDecimal": None}]
)
def test_what_is_not_indexed(value: dict[str, Any]) -> None:
    assert indexed(predicted(**value), "probability") == {}


def holds(prefix: str, low: Decimal, high: Decimal, text: str) -> bool:
    """https://hl7.org/fhir/R4/search.html#prefix, for the closed range of a resource and a number without exponent."""
    value = Decimal(text)
    half = Decimal("0.5").scaleb(-len(text.partition(".")[2]))
    reach = max(half, abs(value) / 10)
    within = value - half <= low and high < value + half
    return {
        "eq": within,
        "ne": not within,
        "gt": high > value,
        "lt": low < value,
        "ge": high >= value,
        "le": low <= value,
        "sa": low > value,
        "eb": high < value,
        "ap": low < value + reach and high >= value - reach,
    }[prefix]


TENTHS = st.integers(-30, 30).map(lambda tenths: Decimal(tenths) / 10)
WRITTEN = st.builds(lambda number, places: f"{number:.{places}f}", TENTHS, st.integers(0, 2))


@given(st.sampled_from(get_args(Prefix)), TENTHS, TENTHS, WRITTEN)
async def test_every_prefix_on_ranges(prefix: Prefix, first: Decimal, second: Decimal, text: str) -> None:
    low, high = min(first, second), max(first, second)
    resource = predicted(probabilityRange={"low": {"value": low}, "high": {"value": high}})
    search = await parse("RiskAssessment", [("probability", prefix + text)], CONTEXT, strict=True)
    assert isinstance(search.query, Query)
    row = Row("RiskAssessment", "1", 0, INDEXER.entries(resource))
    assert matches(search.query.criteria[0], row) is holds(prefix, low, high, text)
