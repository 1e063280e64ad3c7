"""Numbers in resources and in queries, exactly. https://hl7.org/fhir/R4/search.html#number

A number in a query stands for a range, as precise as it is written: `100` for [99.5, 100.5), `100.00` for
[99.995, 100.005), `5.40e-3` for [0.005395, 0.005405), but `1e2` for [95, 105), as the specification's examples have it:
a whole number with an exponent is taken for one with another digit.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from fhir_server.search.reading.decimal_keys import decimal_key
from fhir_server.store.criteria import Prefix
from fhir_server.store.entries import HIGHEST, LOWEST, DecimalKey

PREFIXES: Final[tuple[Prefix, ...]] = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,4})?", re.ASCII)
_HALF: Final = Decimal("0.5")
_WHOLE_WITH_EXPONENT: Final = Decimal("0.05")
_TENTH: Final = Fraction(1, 10)


def number_of(value: Any) -> Decimal | None:
    """A JSON number exactly; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return exact if exact.is_finite() else None


def number_key(value: Any) -> DecimalKey | None:
    """The key of a JSON number; None for what is none."""
    number = number_of(value)
    return None if number is None else decimal_key(number)


def span(low: Any, high: Any) -> tuple[DecimalKey, DecimalKey] | None:
    """The range from one number to another, either of which may be missing; None where both are."""
    below, above = number_key(low), number_key(high)
    if below is None and above is None:
        return None
    return below or LOWEST, above or HIGHEST


@dataclass(frozen=True, slots=True)
class AskedNumber:
    """A number in a query: its prefix, its exact value, half of what its last digit stands for."""

    prefix: Prefix
    value: Decimal
    half: Decimal

    def bounds(self) -> tuple[Fraction, Fraction]:
        """What `NumberIs` compares with: the value twice for prefixes that are exact, the range of precision for `eq`
        and `ne`, for `ap` a tenth to both sides, or the range of precision where that is wider."""
        value, half = Fraction(self.value), Fraction(self.half)
        if self.prefix == "ap":
            half = max(half, abs(value) * _TENTH)
        elif self.prefix not in ("eq", "ne"):
            half = Fraction(0)
        return value - half, value + half


def asked_number(text: str) -> AskedNumber | None:
    """A number in a query with its prefix (`ge5.40`); None for what is none."""
    prefix: Prefix = "eq"
    for known in PREFIXES:
        if text.startswith(known):
            prefix, text = known, text[len(known) :]
            break
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    half = _WHOLE_WITH_EXPONENT if match[2] and not match[1] else _HALF
    return AskedNumber(prefix, value, half.scaleb(exponent))
