"""From one type of FHIRPath to another. http://hl7.org/fhirpath/N1/#conversion

Each function takes an item with a value and gives the item converted, or None where it does not convert.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from fhir_server.fhirpath.env import Item
from fhir_server.fhirpath.values.amounts import Amount, amount_of, calendar_unit, is_unit
from fhir_server.fhirpath.values.kinds import (
    AMOUNT,
    BOOLEAN,
    CLOCK,
    DATE,
    DATE_TIME,
    DECIMAL,
    INTEGER,
    KIND_OF_TYPE,
    LONG,
    MOMENT,
    NUMBER,
    QUANTITY,
    STRING,
    TEXT,
    TIME,
    TRUTH,
    number,
)
from fhir_server.fhirpath.values.moments import read_moment, read_time

Conversion = Callable[[Item], Item | None]

_TRUE, _FALSE = frozenset({"true", "t", "yes", "y", "1", "1.0"}), frozenset({"false", "f", "no", "n", "0", "0.0"})
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,400}(?:\.[0-9]{1,400})?", re.ASCII)
_AMOUNT = re.compile(r"([+-]?[0-9]{1,400}(?:\.[0-9]{1,400})?)\s*(?:'([^']+)'|([A-Za-z]+))?", re.ASCII)
LEAST_INTEGER, MOST_INTEGER = -(2**31), 2**31 - 1
LEAST_LONG, MOST_LONG = -(2**63), 2**63 - 1


def to_boolean(item: Item) -> Item | None:
    """A truth value, the numbers 1 and 0, and the words for them."""
    kind, value = KIND_OF_TYPE.get(item[0]), item[1]
    if kind == TRUTH:
        return BOOLEAN, value is True, None
    if kind == NUMBER:
        found = number(value)
        return (BOOLEAN, found == 1, None) if found in (0, 1) else None
    if kind == TEXT and isinstance(value, str):
        word = value.lower()
        return (BOOLEAN, word in _TRUE, None) if word in _TRUE or word in _FALSE else None
    return None


def _whole(type_name: str, least: int, most: int) -> Conversion:
    def convert(item: Item) -> Item | None:
        kind, value = KIND_OF_TYPE.get(item[0]), item[1]
        found: int | None = None
        if kind == TRUTH:
            found = int(value is True)
        elif kind == NUMBER and type(value) is int:
            found = value
        elif kind == TEXT and isinstance(value, str) and _INTEGER.fullmatch(value):
            found = int(value)
        return (type_name, found, None) if found is not None and least <= found <= most else None

    return convert


def to_decimal(item: Item) -> Item | None:
    """A number, a truth value, and text that is a number without an exponent."""
    kind, value = KIND_OF_TYPE.get(item[0]), item[1]
    if kind == TRUTH:
        return DECIMAL, Decimal("1.0" if value is True else "0.0"), None
    if kind == NUMBER:
        return DECIMAL, Decimal(number(value)), None
    if kind == TEXT and isinstance(value, str) and _DECIMAL.fullmatch(value):
        return DECIMAL, Decimal(value), None
    return None


def to_date(item: Item) -> Item | None:
    """A date, the day of a date with time, and text that is one."""
    if KIND_OF_TYPE.get(item[0]) not in (MOMENT, TEXT) or not isinstance(item[1], str):
        return None
    found = read_moment(item[1])
    if found is None or (KIND_OF_TYPE.get(item[0]) == TEXT and "T" in item[1]):
        return None
    return DATE, item[1].partition("T")[0], None


def to_date_time(item: Item) -> Item | None:
    """A date, a date with time, and text that is one."""
    if KIND_OF_TYPE.get(item[0]) not in (MOMENT, TEXT) or not isinstance(item[1], str):
        return None
    return None if read_moment(item[1]) is None else (DATE_TIME, item[1].removesuffix("T"), None)


def to_time(item: Item) -> Item | None:
    """A time of the day, and text that is one."""
    if KIND_OF_TYPE.get(item[0]) not in (CLOCK, TEXT) or not isinstance(item[1], str):
        return None
    text = item[1].removeprefix("T")
    return None if read_time(text) is None else (TIME, text, None)


def to_quantity(item: Item) -> Item | None:
    """A quantity, a number or truth value without a unit, and text as a literal is written (`4 days`, `4 'mg'`)."""
    kind, value = KIND_OF_TYPE.get(item[0]), item[1]
    if kind == TRUTH:
        return Amount(Decimal("1.0" if value is True else "0.0")).item()
    if kind == TEXT and isinstance(value, str):
        found = _amount_in(value)
    else:
        found = amount_of(item) if kind in (NUMBER, AMOUNT) else None
    return None if found is None else found.item()


def _amount_in(text: str) -> Amount | None:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return None
    value, unit, word = match.groups()
    if word is not None:
        calendar = calendar_unit(word)
        return None if calendar is None else Amount(Decimal(value), calendar, calendar=True)
    if unit is not None and not is_unit(unit):
        return None
    return Amount(Decimal(value), unit or "1")


def to_string(item: Item) -> Item | None:
    """Every value but a structure, as it is written."""
    kind, value = KIND_OF_TYPE.get(item[0]), item[1]
    if kind == TRUTH:
        return STRING, "true" if value is True else "false", None
    if kind == NUMBER:
        return STRING, f"{number(value):f}" if not isinstance(value, int) else str(value), None
    if kind in (TEXT, MOMENT, CLOCK) and isinstance(value, str):
        return STRING, value, None
    found = amount_of(item) if kind == AMOUNT else None
    return None if found is None else (STRING, found.text(), None)


CONVERSIONS: Final[Mapping[str, tuple[str, Conversion]]] = {
    "Boolean": (BOOLEAN, to_boolean),
    "Integer": (INTEGER, _whole(INTEGER, LEAST_INTEGER, MOST_INTEGER)),
    "Long": (LONG, _whole(LONG, LEAST_LONG, MOST_LONG)),
    "Decimal": (DECIMAL, to_decimal),
    "Date": (DATE, to_date),
    "DateTime": (DATE_TIME, to_date_time),
    "Time": (TIME, to_time),
    "Quantity": (QUANTITY, to_quantity),
    "String": (STRING, to_string),
}
"""By the name in `toName()` and `convertsToName()`: the type that comes out, and what converts an item"""
