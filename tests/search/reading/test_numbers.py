"""Exact numbers between two floats."""

from decimal import Decimal
from math import inf, nextafter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.reading.numbers import float_range, span


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (5, (5.0, 5.0)),
        (-0, (0.0, 0.0)),
        (Decimal("107.5"), (107.5, 107.5)),
        (Decimal("0.1"), (nextafter(0.1, 0), 0.1)),
        (0.1, (nextafter(0.1, 0), 0.1)),
        (2**53 + 1, (2.0**53, 2.0**53 + 2)),
        (Decimal("1e400"), (nextafter(inf, 0), inf)),
        (Decimal("-1e400"), (-inf, nextafter(-inf, 0))),
        (Decimal("NaN"), None),
        (inf, None),
        (True, None),
        ("5", None),
        (None, None),
    ],
)
def test_float_range(value: Any, found: tuple[float, float] | None) -> None:
    assert float_range(value) == found


@given(st.decimals(allow_nan=False, allow_infinity=False) | st.integers())
def test_the_range_holds_the_number_and_is_narrow(value: Decimal | int) -> None:
    found = float_range(value)
    assert found is not None
    low, high = found
    assert Decimal(low) <= value <= Decimal(high)
    assert high in (low, nextafter(low, inf))


def test_spans_may_be_open() -> None:
    assert span(1, 2) == (1.0, 2.0)
    assert span(None, 2) == (-inf, 2.0)
    assert span(1, None) == (1.0, inf)
    assert span(None, None) is None
