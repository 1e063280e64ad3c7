"""Mathematics, boundaries and precision. http://hl7.org/fhirpath/N1/#math"""

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, Overflow
from typing import Any

from fhir_server.fhirpath.code import Env, Item
from fhir_server.fhirpath.compiling import Function, Functions, eager
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.values import amounts, boundaries
from fhir_server.fhirpath.values.conversion import LEAST_INTEGER, MOST_INTEGER
from fhir_server.fhirpath.values.equal import moment_of
from fhir_server.fhirpath.values.kinds import (
    CLOCK,
    DATE,
    DATE_TIME,
    DECIMAL,
    INTEGER,
    KIND_OF_TYPE,
    MOMENT,
    NUMBER,
    NUMBERS,
    TIME,
    integer_of,
    number,
    number_of,
    single,
)

_DIGITS = 28
Number = int | Decimal


def numeric(value: Number | None) -> list[Item]:
    """The collection of a number; empty for None and for what no Integer or Decimal can hold."""
    if value is None:
        return []
    if isinstance(value, int):
        return [(INTEGER, value, None)] if LEAST_INTEGER <= value <= MOST_INTEGER else []
    return [(DECIMAL, value, None)] if value.is_finite() else []


def _of_numbers(compute: Callable[..., Number | None], least: int = 0, most: int | None = None) -> Function:
    """A function of numbers: empty where one of them is, or where there is no such number."""

    def apply(env: Env, items: list[Item], *arguments: list[Item]) -> list[Item]:
        values: list[Any] = [number_of(each) for each in (items, *arguments)]
        if None in values:
            return []
        try:
            return numeric(compute(*values))
        except (InvalidOperation, Overflow, ZeroDivisionError):
            return []

    return eager(apply, None, least, most)


def _abs(env: Env, items: list[Item]) -> list[Item]:
    item = single(items, "A number")
    if item is not None and KIND_OF_TYPE.get(item[0]) != NUMBER:
        amount = amounts.amount_of(item)
        if amount is None:
            raise EvaluationError(f"A number is asked for, not {item[0]}")
        return [amounts.Amount(abs(amount.value), amount.unit, amount.calendar).item()]
    if item is None:
        return []
    value = number(item[1])
    return numeric(-value if value < 0 else value)


def _exp(value: Number) -> Decimal:
    return _shorter(NUMBERS.exp(Decimal(value)))


def _ln(value: Number) -> Decimal | None:
    return _shorter(NUMBERS.ln(Decimal(value))) if value > 0 else None


def _log(value: Number, base: Number) -> Decimal | None:
    if value <= 0 or base <= 0 or base == 1:
        return None
    return _shorter(NUMBERS.divide(NUMBERS.ln(Decimal(value)), NUMBERS.ln(Decimal(base))))


def _sqrt(value: Number) -> Decimal | None:
    return _shorter(NUMBERS.sqrt(Decimal(value))) if value >= 0 else None


def _power(value: Number, exponent: Number) -> Number | None:
    if isinstance(value, int) and isinstance(exponent, int) and exponent >= 0:
        if value not in (-1, 0, 1) and exponent > _LARGEST_POWER:
            return None
        return int(value**exponent)
    return _shorter(NUMBERS.power(Decimal(value), Decimal(exponent)))


_LARGEST_POWER = 64


def _shorter(value: Decimal) -> Decimal:
    """To the digits that FHIRPath asks of a decimal, without the zeros that a result ends in."""
    found = NUMBERS.normalize(value)
    if len(found.as_tuple().digits) <= _DIGITS:
        return (
            found.quantize(Decimal(1)) if found == found.to_integral_value() and found.adjusted() < _DIGITS else found
        )
    return found.quantize(Decimal((0, (1,), found.adjusted() - _DIGITS + 1)), context=NUMBERS)


def _round(value: Number, digits: Number = 0) -> Number | None:
    if not isinstance(digits, int) or digits < 0:
        raise EvaluationError("A precision is an integer of 0 or more")
    if isinstance(value, int) or amounts.decimals(value) <= digits:
        return value
    return value.quantize(Decimal((0, (1,), -digits)), rounding=ROUND_HALF_UP, context=NUMBERS)


def _boundary(high: bool) -> Function:
    def apply(env: Env, items: list[Item], precision: list[Item] | None = None) -> list[Item]:
        item = single(items, "A value")
        digits = None if precision is None else integer_of(precision)
        return [] if item is None else _boundary_of(item, digits, high=high)

    return eager(apply, None, 0, 1)


def _boundary_of(item: Item, digits: int | None, *, high: bool) -> list[Item]:
    kind = KIND_OF_TYPE.get(item[0])
    if kind == NUMBER:
        edge = boundaries.number_boundary(number(item[1]), digits, high=high)
        return [] if edge is None else [(DECIMAL, edge, None)]
    if kind in (MOMENT, CLOCK):
        return _moment_boundary(item, digits, high=high)
    amount = amounts.amount_of(item)
    edge = None if amount is None else boundaries.number_boundary(amount.value, digits, high=high)
    if amount is None or edge is None:
        return []
    return [amounts.Amount(edge, amount.unit, amount.calendar).item()]


def _moment_boundary(item: Item, digits: int | None, *, high: bool) -> list[Item]:
    moment = moment_of(item)
    of_date = item[0] in (DATE, "date")
    found = None if moment is None else boundaries.moment_boundary(moment, digits, high=high, of_date=of_date)
    if found is None:
        return []
    if found.clock:
        return [(TIME, found.text(), None)]
    return [(DATE if of_date and found.depth <= 3 else DATE_TIME, found.text(), None)]


def _precision(env: Env, items: list[Item]) -> list[Item]:
    """The digits after the point of a number; all digits of a date or time."""
    item = single(items, "A value")
    if item is None:
        return []
    if KIND_OF_TYPE.get(item[0]) == NUMBER:
        return [(INTEGER, amounts.decimals(number(item[1])), None)]
    moment = moment_of(item)
    return [] if moment is None else [(INTEGER, boundaries.digits_of(moment), None)]


MATHEMATICS: Functions = {
    "abs": eager(_abs, None),
    "ceiling": _of_numbers(math.ceil),
    "floor": _of_numbers(math.floor),
    "truncate": _of_numbers(math.trunc),
    "round": _of_numbers(_round, 0, 1),
    "exp": _of_numbers(_exp),
    "ln": _of_numbers(_ln),
    "log": _of_numbers(_log, 1),
    "power": _of_numbers(_power, 1),
    "sqrt": _of_numbers(_sqrt),
    "lowBoundary": _boundary(high=False),
    "highBoundary": _boundary(high=True),
    "precision": eager(_precision, INTEGER),
}
