"""Quantities with UCUM units and calendar durations. http://hl7.org/fhirpath/N1/#quantity

A calendar year or month has no length in seconds: it is the same as UCUM's `a` or `mo` only roughly (`~`). Weeks and
all that is shorter are.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from fhir_server.fhirpath.env import Item
from fhir_server.fhirpath.values.kinds import AMOUNT, KIND_OF_TYPE, NUMBER, NUMBERS, QUANTITY, number
from terminology.ucum import UcumError, canonical, convert, parse

UCUM: Final = "http://unitsofmeasure.org"
# fmt: off
UCUM_OF_CALENDAR: Final = {
    "year": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s",
    "millisecond": "ms",
}
# fmt: on
_CALENDAR_OF_UCUM = {"a": "year", "mo": "month"}
_MONTHS = {"year": 12, "month": 1}
ONE: Final = "1"


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity: `unit` is a UCUM code, or with `calendar` a calendar unit in the singular (`year`)."""

    value: Decimal
    unit: str = ONE
    calendar: bool = False

    @property
    def code(self) -> str:
        """The unit as a UCUM code, a calendar unit as the one that comes nearest."""
        return UCUM_OF_CALENDAR[self.unit] if self.calendar else self.unit

    def item(self) -> Item:
        """The item of this quantity."""
        return QUANTITY, {"value": self.value, "unit": self.unit, "calendar": self.calendar}, None

    def text(self) -> str:
        """As a literal of FHIRPath is written."""
        plural = "s" if self.calendar and self.value != 1 else ""
        return f"{self.value:f} {self.unit}{plural}" if self.calendar else f"{self.value:f} '{self.unit}'"


def calendar_unit(word: str) -> str | None:
    """The calendar unit that a word names in the singular or plural; None for another word."""
    singular = word.removesuffix("s")
    return singular if singular in UCUM_OF_CALENDAR else None


def amount_of(item: Item) -> Amount | None:
    """The quantity that an item is; None for what is none: without a value, with a comparator, in a unit that is not
    UCUM's. A number is a quantity without a unit."""
    type_name, value, _ = item
    kind = KIND_OF_TYPE.get(type_name)
    if kind == NUMBER and value is not None:
        return Amount(Decimal(number(value)))
    if kind != AMOUNT or not isinstance(value, dict) or value.get("value") is None:
        return None
    if type_name == QUANTITY:
        return Amount(value["value"], value["unit"], value["calendar"])
    return _of_fhir(value)


def _of_fhir(value: dict[str, Any]) -> Amount | None:
    """http://hl7.org/fhir/R4/fhirpath.html#quantity"""
    code, system = value.get("code"), value.get("system")
    if value.get("comparator") is not None or (system is not None and system != UCUM):
        return None
    if system is None and (code is not None or value.get("unit") is not None):
        return None
    calendar = _CALENDAR_OF_UCUM.get(code or "")
    return Amount(Decimal(number(value["value"])), calendar or code or ONE, calendar is not None)


def is_unit(code: str) -> bool:
    """Whether this is a UCUM code."""
    try:
        parse(code)
    except UcumError:
        return False
    return True


def base(amount: Amount) -> tuple[Fraction, str] | None:
    """The value in base units and these; the same for all that can be compared. None where there is no such value."""
    if amount.calendar and amount.unit in _MONTHS:
        return Fraction(amount.value) * _MONTHS[amount.unit], "calendar month"
    return canonical(amount.value, amount.code)


def comparable(left: Amount, right: Amount) -> bool:
    """Whether both measure the same."""
    ours, other = base(left), base(right)
    return ours is not None and other is not None and ours[1] == other[1]


def compare(left: Amount, right: Amount) -> int | None:
    """-1, 0 or 1 where the left is less, equal or greater; None where they do not measure the same."""
    if (left.unit, left.calendar) == (right.unit, right.calendar):
        return (left.value > right.value) - (left.value < right.value)
    ours, other = base(left), base(right)
    if ours is None or other is None or ours[1] != other[1]:
        return None
    return (ours[0] > other[0]) - (ours[0] < other[0])


def equivalent(left: Amount, right: Amount) -> bool:
    """Whether they are equal in the unit of the left, to the precision of the one that has fewer digits."""
    try:
        inside = convert(right.value, right.code, left.code)
    except UcumError:
        inside = Fraction(right.value) if left.unit == right.unit else None
    if inside is None:
        return False
    digits = min(decimals(left.value), decimals(right.value))
    return rounded(Fraction(left.value), digits) == rounded(inside, digits)


def decimals(value: int | Decimal) -> int:
    """How many digits after the point a number is given with."""
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    return max(0, -exponent) if isinstance(exponent, int) else 0


def rounded(value: Fraction, digits: int) -> int:
    """The value times ten to the number of digits, rounded half up, away from zero."""
    scaled = value * 10**digits
    whole = int(abs(scaled) + Fraction(1, 2))
    return -whole if scaled < 0 else whole


def converted(amount: Amount, unit: str) -> Amount | None:
    """The quantity in another unit: a UCUM code or the word of a calendar unit; None where it does not measure that."""
    calendar = calendar_unit(unit)
    target = Amount(Decimal(1), calendar or unit, calendar is not None)
    ours, one = base(amount), base(target)
    if ours is None or one is None or ours[1] != one[1]:
        return None
    if target.calendar or amount.calendar:
        return Amount(decimal(ours[0] / one[0]), target.unit, target.calendar)
    value = convert(amount.value, amount.code, target.code)
    return None if value is None else Amount(decimal(value), target.unit)


def decimal(value: Fraction) -> Decimal:
    """A fraction as a decimal: exact where it has an end within the digits of `NUMBERS`, else rounded to these."""
    return NUMBERS.divide(Decimal(value.numerator), Decimal(value.denominator))
