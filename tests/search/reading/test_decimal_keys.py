"""Keys of numbers: in the order of the numbers, equal for equal ones."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.reading.decimal_keys import decimal_key, just_above, just_below
from fhir_server.store.entries import HIGHEST, LOWEST, DecimalKey

WHOLE = st.integers(-(10**12), 10**12)
DECIMALS = st.builds(lambda digits, place: Decimal(digits).scaleb(place), WHOLE, st.integers(-40, 40))
FRACTIONS = st.fractions(max_denominator=10**6)
NUMBERS = DECIMALS | FRACTIONS | WHOLE


def key(number: Decimal | Fraction | int) -> DecimalKey:
    found = decimal_key(number)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (Decimal("0"), "5"),
        (Decimal("-0.00"), "5"),
        (Decimal("1"), "650001"),
        (Decimal("107.10"), "650021071"),
        (Decimal("0.0054"), "6499754"),
        (Decimal("-1"), "449998~"),
        (Decimal("-107.1"), "449978928~"),
        (Fraction(1, 4), "6499925"),
        (Fraction(1, 3), "64999" + "3" * 60),
        (Fraction(-2, 3), "45000" + "3" * 59 + "2~"),
        (10**3, "650031"),
    ],
)
def test_the_key_of_a_number(number: Decimal | Fraction | int, found: DecimalKey) -> None:
    assert decimal_key(number) == found


@pytest.mark.parametrize(
    "number",
    [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity")]
    + [Decimal("1e4001"), Decimal("-1e4001"), Decimal("1e-4001"), Decimal("1e999999999"), Decimal("-1e-999999999")],
)
def test_what_has_no_key(number: Decimal) -> None:
    assert decimal_key(number) is None


def test_the_farthest_numbers_have_keys_in_order() -> None:
    numbers = [Decimal(text) for text in ("-9e4000", "-1e4000", "-1e-4000", "0", "1e-4000", "1e4000", "9e4000")]
    keys = [LOWEST, *map(key, numbers), HIGHEST]
    assert all(first < second for first, second in pairwise(keys))


@given(NUMBERS, NUMBERS)
def test_the_order_is_that_of_the_numbers(first: Decimal | Fraction | int, second: Decimal | Fraction | int) -> None:
    low, high = Fraction(first), Fraction(second)
    assert (key(first) < key(second)) is (low < high)
    assert (key(first) == key(second)) is (low == high)


@given(DECIMALS, st.integers(0, 15))
def test_zeros_at_the_end_make_no_difference(number: Decimal, zeros: int) -> None:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    longer = Decimal((number.as_tuple().sign, (*number.as_tuple().digits, *[0] * zeros), exponent - zeros))
    assert key(longer) == key(number) == key(Fraction(number))


@given(NUMBERS)
def test_every_key_lies_within_the_ends(number: Decimal | Fraction | int) -> None:
    found = key(number)
    assert found.isascii()
    assert LOWEST < just_below(found) < found < just_above(found) < HIGHEST


@given(NUMBERS, NUMBERS)
def test_just_below_and_above_lie_between_neighbours(
    first: Decimal | Fraction | int, second: Decimal | Fraction | int
) -> None:
    low, high = sorted({key(first), key(second)})[0], sorted({key(first), key(second)})[-1]
    if low != high:
        assert low < just_above(low) < just_below(high) < high


@given(DECIMALS, st.integers(1, 40), st.sampled_from([-1, 1]))
def test_however_near_the_neighbour_is(number: Decimal, place: int, sign: int) -> None:
    near = Fraction(number) + sign * Fraction(1, 10**place)
    found, other = key(number), key(near)
    if found == other:  # beyond what keys tell apart
        assert abs(Fraction(number)) >= 10**19
    elif sign > 0:
        assert found < just_above(found) < just_below(other) < other
    else:
        assert other < just_above(other) < just_below(found) < found
