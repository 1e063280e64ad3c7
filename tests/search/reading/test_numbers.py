"""Numbers in resources and in queries: exact, and as precise as they are written."""

from decimal import Decimal
from fractions import Fraction
from math import inf
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.reading.decimal_keys import decimal_key
from fhir_server.search.reading.numbers import PREFIXES, AskedNumber, asked_number, number_key, number_of, span
from fhir_server.store.criteria import Prefix
from fhir_server.store.entries import HIGHEST, LOWEST


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (5, Decimal(5)),
        (Decimal("107.50"), Decimal("107.50")),
        (0.1, Decimal("0.1")),
        (2**53 + 1, Decimal("9007199254740993")),
        (Decimal("1e400"), Decimal("1e400")),
        (Decimal("NaN"), None),
        (Decimal("-Infinity"), None),
        (inf, None),
        (True, None),
        ("5", None),
        ([5], None),
        (None, None),
    ],
)
def test_the_number_of_a_json_value(value: Any, found: Decimal | None) -> None:
    assert number_of(value) == found
    assert number_key(value) == (None if found is None else decimal_key(found))


def test_spans_may_be_open() -> None:
    assert span(1, Decimal("2.5")) == (decimal_key(1), decimal_key(Decimal("2.5")))
    assert span(None, 2) == (LOWEST, decimal_key(2))
    assert span(1, None) == (decimal_key(1), HIGHEST)
    assert span("1", True) is None
    assert span(None, None) is None


def test_the_prefixes_are_those_of_criteria() -> None:
    assert get_args(Prefix) == PREFIXES


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [  # https://hl7.org/fhir/R4/search.html#number
        ("100", "99.5", "100.5"),
        ("100.00", "99.995", "100.005"),
        ("1e2", "95", "105"),
        ("lt100", "100", "100"),
        ("le100", "100", "100"),
        ("gt100", "100", "100"),
        ("ge100", "100", "100"),
        ("ne100", "99.5", "100.5"),
        ("eq100", "99.5", "100.5"),
        ("sa100", "100", "100"),
        ("eb100", "100", "100"),
        ("ap100", "90", "110"),
        ("ap-100", "-110", "-90"),
        ("ap1", "0.5", "1.5"),  # as precise as it is written is wider than a tenth
        ("0", "-0.5", "0.5"),
        ("ap0.0", "-0.05", "0.05"),
        ("-5.4", "-5.45", "-5.35"),
        ("+5.4", "5.35", "5.45"),
        ("1.0e2", "95", "105"),
        ("1.00e2", "99.5", "100.5"),
        ("5.4e-3", "0.00535", "0.00545"),
        ("5.40e-3", "0.005395", "0.005405"),  # https://hl7.org/fhir/R4/search.html#quantity
        ("1E-2", "0.0095", "0.0105"),
        ("gt5.40e-3", "0.0054", "0.0054"),
    ],
)
def test_the_range_that_is_asked_for(text: str, low: str, high: str) -> None:
    found = asked_number(text)
    assert found is not None
    assert found.prefix == (text[:2] if text[:2].isalpha() else "eq")
    assert found.bounds() == (Fraction(low), Fraction(high))


@pytest.mark.parametrize(
    "text",
    ["", "ge", "5,4", "5.", ".5", "1e", "e2", "0x10", "NaN", "inf", "1_000", "--1", " 5", "5\n", "gtlt5", "GT5", "١"]
    + ["1e12345", "1" * 201, "xx5"],
)
def test_what_is_no_number(text: str) -> None:
    assert asked_number(text) is None


@given(st.sampled_from(PREFIXES), st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_what_is_written_is_read_exactly(prefix: Prefix, value: Decimal) -> None:
    assert asked_number(f"{prefix}{value:f}") == AskedNumber(prefix, value, Decimal("0.0000005"))


@given(st.text(alphabet="0123456789.eE+-glt ", max_size=12))
def test_any_text_is_a_number_or_none(text: str) -> None:
    found = asked_number(text)
    if found is not None:
        low, high = found.bounds()
        assert low <= Fraction(found.value) <= high
        assert (low < high) is (found.prefix in ("eq", "ne", "ap"))
