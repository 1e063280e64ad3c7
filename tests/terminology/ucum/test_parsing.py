"""UCUM codes: what is one, what it measures, and where it is wrong."""

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from terminology.ucum import UcumError, parse
from terminology.ucum.essence import essence
from terminology.ucum.parsing import MAX_EXPONENT

UNITS = st.sampled_from(sorted(code for code, unit in essence().units.items() if unit.special is None))
TERMS = st.recursive(
    st.builds(lambda unit, power: f"{unit}{power or ''}", UNITS, st.integers(-3, 3)),
    lambda inner: (
        st.builds("({}){}{}".format, inner, st.sampled_from("./"), inner)
        | st.builds("{}{}{}".format, inner, st.sampled_from("./"), inner)
    ),
    max_leaves=4,
)


@pytest.mark.parametrize(
    "code",
    ["mm[Hg]", "/min", "{beats}/min", "{score}", "1", "10*3/uL", "kg/m2", "Cel", "m[H2O]", "ng/(kg.min)", "B[10.nV]"],
)
def test_these_are_units(code: str) -> None:
    parse(code)


@pytest.mark.parametrize(
    ("code", "position"),
    [
        ("", 0),
        ("mmHg", 0),
        ("lbs", 0),
        ("cc", 0),
        ("KG", 0),
        ("mcg", 0),
        ("degF", 0),
        ("m//s", 2),
        ("m.", 2),
        ("(m", 0),
        ("m)", 1),
        ("m {x}", 1),
        ("m{\u00e9}", 1),
        ("0", 0),
        ("Cel.m", 4),
        ("Cel2", 0),
        ("10*999999999", 0),
        ("m" * 300, 256),
        ("(" * 40 + "m" + ")" * 40, 33),
    ],
)
def test_these_are_not_and_the_place_is_named(code: str, position: int) -> None:
    with pytest.raises(UcumError) as caught:
        parse(code)
    assert caught.value.position == position


def test_every_unit_of_the_standard_is_known() -> None:
    assert len(essence().units) > 300
    for code in essence().units:
        parse(code)


@given(TERMS, TERMS)
def test_a_product_multiplies_and_a_quotient_divides(left: str, right: str) -> None:
    one, two = parse(left), parse(right)
    numbers = [number for each in (one, two) for number in (each.factor.numerator, each.factor.denominator)]
    assume(all(len(str(number)) <= MAX_EXPONENT for number in numbers))  # what is larger may be refused
    product, quotient = parse(f"({left}).({right})"), parse(f"({left})/({right})")
    assert product.factor == one.factor * two.factor
    assert quotient.factor == one.factor / two.factor
    powers = {
        code: dict(one.dimension).get(code, 0) - dict(two.dimension).get(code, 0)
        for code in ("m", "s", "g", "K", "C", "cd", "rad")
    }
    assert {code: power for code, power in quotient.dimension if code in powers} == {
        code: power for code, power in powers.items() if power
    }


@given(UNITS, st.integers(-4, 4))
def test_an_exponent_is_a_repeated_product(unit: str, power: int) -> None:
    assert parse(f"{unit}{power}").factor == parse(unit).factor ** power


@given(st.text(max_size=60) | st.text("mgs./()[]{}0123456789*^-+'%", max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    with suppress(UcumError):
        assert isinstance(parse(text).factor, Fraction)
