"""Numbers as texts that stand in the order of the numbers, equal for equal numbers: `store.entries.DecimalKey`.

A sign, the place of the first digit, the digits; for negative numbers the nines' complement of both. Decimals keep up
to `DIGITS` digits, more than any record has; fractions that are no finite decimals are rounded there, always in the
same way, so that equal ones stay equal.
"""

from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from fhir_server.store.entries import DecimalKey

DIGITS: Final = 60
_LARGEST: Final = 4_000
"""The exponent of ten up to which numbers are told apart"""
_NEGATIVE, _ZERO, _POSITIVE = "4", "5", "6"
_CONTEXT: Final = Context(prec=DIGITS, Emax=999_999, Emin=-999_999)
_COMPLEMENT: Final = str.maketrans("0123456789", "9876543210")


def decimal_key(number: Decimal | Fraction | int) -> DecimalKey | None:
    """The key of a number; None for what is no finite number, or is too large or too small to be told apart."""
    if isinstance(number, Fraction):
        number = _CONTEXT.divide(Decimal(number.numerator), Decimal(number.denominator))
    number = Decimal(number)
    return _key(number) if number.is_finite() else None


def just_below(key: DecimalKey) -> DecimalKey:
    """Below a number, and above every other number that is below it: the upper end of `< number`."""
    if key == _ZERO:
        return f"{_NEGATIVE}~"
    if key[0] == _NEGATIVE:
        return f"{key[:-1]}}}"
    return f"{key[:-1]}{int(key[-1]) - 1}~"


def just_above(key: DecimalKey) -> DecimalKey:
    """Above a number, and below every other number that is above it: the lower end of `> number`."""
    return f"{key}!"


@lru_cache(16_384)
def _key(number: Decimal) -> DecimalKey | None:
    if not number:
        return _ZERO
    if abs(number.adjusted()) > _LARGEST:
        return None
    rounded = _CONTEXT.plus(number)
    place = rounded.adjusted()
    digits = "".join(map(str, rounded.as_tuple().digits)).rstrip("0")
    if rounded > 0:
        return f"{_POSITIVE}{place + 5000:04d}{digits}"
    return f"{_NEGATIVE}{4999 - place:04d}{digits.translate(_COMPLEMENT)}~"
