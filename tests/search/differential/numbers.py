"""Numbers and quantities as the reference compares them: exact fractions. https://hl7.org/fhir/R4/search.html#number"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

UCUM = "http://unitsofmeasure.org"
CURRENCY = "urn:iso:std:iso:4217"
AVOGADRO = Fraction(602214076) * 10**15

UNITS: dict[str, tuple[str, Fraction, Fraction]] = {
    "ug": ("g", Fraction(1, 10**6), Fraction(0)),
    "mg": ("g", Fraction(1, 1000), Fraction(0)),
    "g": ("g", Fraction(1), Fraction(0)),
    "kg": ("g", Fraction(1000), Fraction(0)),
    "mm": ("m", Fraction(1, 1000), Fraction(0)),
    "cm": ("m", Fraction(1, 100), Fraction(0)),
    "m": ("m", Fraction(1), Fraction(0)),
    "mmol/L": ("m-3", AVOGADRO / 1000, Fraction(0)),
    "umol/L": ("m-3", AVOGADRO / 10**6, Fraction(0)),
    "10*9/L": ("m-3", Fraction(10**9), Fraction(0)),
    "mm[Hg]": ("g.m-1.s-2", Fraction(133322), Fraction(0)),
    "kPa": ("g.m-1.s-2", Fraction(10**6), Fraction(0)),
    "/min": ("s-1", Fraction(1, 60), Fraction(0)),
    "Hz": ("s-1", Fraction(1), Fraction(0)),
    "K": ("K", Fraction(1), Fraction(0)),
    "Cel": ("K", Fraction(1), Fraction("273.15")),
    "[degF]": ("K", Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
    "%": ("1", Fraction(1, 100), Fraction(0)),
    "1": ("1", Fraction(1), Fraction(0)),
    "h": ("s", Fraction(3600), Fraction(0)),
    "d": ("s", Fraction(86400), Fraction(0)),
    "wk": ("s", Fraction(604800), Fraction(0)),
    "a": ("s", Fraction(31557600), Fraction(0)),
}
"""The base unit of a unit, how many of these one is, and where its zero stands"""


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included unless open; None: without an end."""

    low: Fraction | None
    high: Fraction | None
    low_open: bool = False
    high_open: bool = False

    def above(self, number: Fraction) -> bool:
        """Some of it lies above the number."""
        return self.high is None or self.high > number

    def below(self, number: Fraction) -> bool:
        return self.low is None or self.low < number

    def reaches_up(self, number: Fraction) -> bool:
        """Some of it lies above the number or is the number."""
        return self.above(number) or (self.high == number and not self.high_open)

    def reaches_down(self, number: Fraction) -> bool:
        return self.below(number) or (self.low == number and not self.low_open)

    def starts_after(self, number: Fraction) -> bool:
        return not self.reaches_down(number)

    def ends_before(self, number: Fraction) -> bool:
        return not self.reaches_up(number)

    def within(self, low: Fraction, high: Fraction) -> bool:
        """All of it lies from `low` up to, not including, `high`."""
        return not self.below(low) and self.ends_before(high)

    def touches(self, low: Fraction, high: Fraction) -> bool:
        """Some of it lies there."""
        return self.below(high) and self.reaches_up(low)


Compare = Callable[[Range, Fraction, Fraction], bool]
"""Whether a resource's range stands as a prefix says to [low, high); these are equal where the number is exact"""

PREFIXES: dict[str, Compare] = {
    "eq": lambda found, low, high: found.within(low, high),
    "ne": lambda found, low, high: not found.within(low, high),
    "gt": lambda found, low, high: found.above(low),
    "lt": lambda found, low, high: found.below(low),
    "ge": lambda found, low, high: found.reaches_up(low),
    "le": lambda found, low, high: found.reaches_down(low),
    "sa": lambda found, low, high: found.starts_after(low),
    "eb": lambda found, low, high: found.ends_before(low),
    "ap": lambda found, low, high: found.touches(low, high),
}


def half_of_last_digit(text: str) -> Fraction:
    """Half of what the last written digit stands for; of a whole number with an exponent one digit farther."""
    mantissa, _, exponent = text.lower().partition("e")
    digits = len(mantissa.partition(".")[2])
    if exponent and not digits:
        digits = 1
    return Fraction(1, 2) * Fraction(10) ** (int(exponent or 0) - digits)


def asked_range(text: str) -> tuple[str, Fraction, Fraction]:
    """Prefix, low and high of a number in a query."""
    prefix, text = (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)
    number = Fraction(Decimal(text))
    half = Fraction(0)
    if prefix in ("eq", "ne"):
        half = half_of_last_digit(text)
    elif prefix == "ap":
        half = max(half_of_last_digit(text), abs(number) / 10)
    return prefix, number - half, number + half


def number_matches(kind: str, value: Any, text: str) -> bool:
    """Whether a number of a resource is what a query asks for."""
    prefix, low, high = asked_range(text)
    return any(PREFIXES[prefix](found, low, high) for found, _ in measured(kind, value))


def quantity_matches(kind: str, value: Any, parts: list[str]) -> bool:
    """Whether a quantity of a resource is what a query asks for. `parts`: number, system and unit, or number alone."""
    prefix, low, high = asked_range(parts[0])
    _, system, unit = parts if len(parts) == 3 else (parts[0], "", "")
    for found, measure in measured(kind, value):
        if system == UCUM and unit in UNITS:
            if measure.get("system") == UCUM and UNITS.get(measure.get("code", ""), ("",))[0] == UNITS[unit][0]:
                there = converted(found, measure["code"])
                if PREFIXES[prefix](there, in_base(low, unit), in_base(high, unit)):
                    return True
        elif _has_unit(measure, system, unit) and PREFIXES[prefix](found, low, high):
            return True
    return False


def in_base(number: Fraction, unit: str) -> Fraction:
    _, factor, zero = UNITS[unit]
    return number * factor + zero


def converted(found: Range, unit: str) -> Range:
    low = None if found.low is None else in_base(found.low, unit)
    high = None if found.high is None else in_base(found.high, unit)
    return Range(low, high, found.low_open, found.high_open)


def _has_unit(measure: Any, system: str, unit: str) -> bool:
    """`|system|code`: both; `|system|`: any unit of the system; `||unit`: the code or the text."""
    if not system:
        return not unit or unit in (measure.get("code"), measure.get("unit"))
    return measure.get("system") == system and (not unit or measure.get("code") == unit)


def measured(kind: str, value: Any) -> list[tuple[Range, Any]]:
    """The range that a value of a resource is, and what its unit is read from."""
    if kind == "Range":
        low, high = value.get("low", {}), value.get("high", {})
        if "value" not in low and "value" not in high:
            return []
        return [(Range(_exact(low.get("value")), _exact(high.get("value"))), low or high)]
    if kind == "SampledData":
        return _sampled(value)
    if not isinstance(value, dict):
        return [(Range(Fraction(value), Fraction(value)), {})]
    if "value" not in value:
        return []
    number = _exact(value["value"])
    unit = {"system": CURRENCY, "code": value.get("currency")} if kind == "Money" else value
    opened = {
        "<": Range(None, number, high_open=True),
        "<=": Range(None, number),
        ">": Range(number, None, low_open=True),
        ">=": Range(number, None),
    }
    return [(opened.get(value.get("comparator", ""), Range(number, number)), unit)]


def _sampled(value: Any) -> list[tuple[Range, Any]]:
    factor, origin = Fraction(value.get("factor", 1)), Fraction(value["origin"]["value"])
    words = [word for word in value.get("data", "").split() if word not in ("E", "L", "U")]
    samples = [Fraction(Decimal(word)) * factor + origin for word in words]
    return [(Range(min(samples), max(samples)), value["origin"])] if samples else []


def _exact(number: Any) -> Fraction | None:
    return None if number is None else Fraction(number)
