"""An exact number as a range of binary floating point numbers that surely holds it.

https://hl7.org/fhir/R4/search.html#number
"""

from decimal import Decimal
from math import inf, nextafter
from typing import Any

_EXACT = 2**53


def float_range(value: Any) -> tuple[float, float] | None:
    """(low, high) with low <= value <= high, as near as floats allow; None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, int) and -_EXACT <= value <= _EXACT:
        return float(value), float(value)
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        return None
    try:
        near = float(exact)
    except OverflowError:
        near = inf if exact > 0 else -inf
    return _at_most(near, exact), _at_least(near, exact)


def _at_most(near: float, exact: Decimal) -> float:
    return near if Decimal(near) <= exact else nextafter(near, -inf)


def _at_least(near: float, exact: Decimal) -> float:
    return near if Decimal(near) >= exact else nextafter(near, inf)


def span(low: Any, high: Any) -> tuple[float, float] | None:
    """The range from one number to another, either of which may be missing; None where both are."""
    below = float_range(low)
    above = float_range(high)
    if below is None and above is None:
        return None
    return (-inf if below is None else below[0]), (inf if above is None else above[1])
