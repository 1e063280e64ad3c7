"""Arithmetic, with quantities, dates and text. http://hl7.org/fhirpath/N1/#math-2

A number that no Integer or Decimal can hold, and division by zero, are empty. Products and quotients of quantities have
the product or quotient of the units.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, DivisionByZero, InvalidOperation, Overflow

from fhir_server.fhirpath.code import Code, Env, Item
from fhir_server.fhirpath.compiling import Compiling, Operator, Operators
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.functions.mathematics import numeric
from fhir_server.fhirpath.functions.strings import string
from fhir_server.fhirpath.syntax import Binary
from fhir_server.fhirpath.values import amounts
from fhir_server.fhirpath.values.amounts import Amount
from fhir_server.fhirpath.values.durations import plus
from fhir_server.fhirpath.values.equal import moment_of
from fhir_server.fhirpath.values.kinds import (
    AMOUNT,
    CLOCK,
    DATE,
    DATE_TIME,
    KIND_OF_TYPE,
    MOMENT,
    NUMBER,
    NUMBERS,
    STRING,
    TEXT,
    TIME,
    number,
    single,
    text_of,
)

Number = int | Decimal
Calculate = Callable[[Number, Number], Number]
Combine = Callable[[Item, Item, Env], list[Item]]


def _numbers(calculate: Calculate) -> Combine:
    def combine(left: Item, right: Item, env: Env) -> list[Item]:
        try:
            return numeric(calculate(number(left[1]), number(right[1])))
        except (InvalidOperation, Overflow, DivisionByZero, ZeroDivisionError):
            return []

    return combine


def _plus(left: Number, right: Number) -> Number:
    return left + right if isinstance(left, int) and isinstance(right, int) else NUMBERS.add(left, right)


def _minus(left: Number, right: Number) -> Number:
    return left - right if isinstance(left, int) and isinstance(right, int) else NUMBERS.subtract(left, right)


def _times(left: Number, right: Number) -> Number:
    return left * right if isinstance(left, int) and isinstance(right, int) else NUMBERS.multiply(left, right)


def _divided(left: Number, right: Number) -> Number:
    if not right:
        raise ZeroDivisionError
    return NUMBERS.divide(Decimal(left), Decimal(right))


def _div(left: Number, right: Number) -> Number:
    """Whole division, towards zero."""
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return int(NUMBERS.divide_int(Decimal(left), Decimal(right)))


def _mod(left: Number, right: Number) -> Number:
    """The rest of whole division, with the sign of the left."""
    if isinstance(left, int) and isinstance(right, int):
        rest = abs(left) % abs(right)
        return rest if left >= 0 else -rest
    return NUMBERS.remainder(Decimal(left), Decimal(right))


def _joined(left: Item, right: Item, env: Env) -> list[Item]:
    return string(left[1] + right[1], env)


def _moved(sign: int) -> Combine:
    def combine(left: Item, right: Item, env: Env) -> list[Item]:
        moment, duration = moment_of(left), amounts.amount_of(right)
        moved = None if moment is None or duration is None else plus(moment, duration, sign)
        if moved is None:
            return []
        type_name = TIME if moved.clock else DATE if left[0] in (DATE, "date") else DATE_TIME
        return [(type_name, moved.text(), None)]

    return combine


def _added(calculate: Calculate) -> Combine:
    """A sum in the unit of the left; empty where they do not measure the same."""

    def combine(left: Item, right: Item, env: Env) -> list[Item]:
        ours, other = amounts.amount_of(left), amounts.amount_of(right)
        if ours is None or other is None:
            return []
        theirs = (
            amounts.converted(other, ours.unit) if (other.unit, other.calendar) != (ours.unit, ours.calendar) else other
        )
        return [] if theirs is None else _amount(calculate(ours.value, theirs.value), ours.unit, ours.calendar)

    return combine


def _product(mark: str, calculate: Calculate) -> Combine:
    def combine(left: Item, right: Item, env: Env) -> list[Item]:
        ours, theirs = amounts.amount_of(left), amounts.amount_of(right)
        if ours is None or theirs is None:
            return []
        try:
            value = calculate(ours.value, theirs.value)
        except (InvalidOperation, Overflow, ZeroDivisionError):
            return []
        if theirs.unit == amounts.ONE:
            return _amount(value, ours.unit, ours.calendar)
        if ours.unit == amounts.ONE and mark == ".":
            return _amount(value, theirs.unit, theirs.calendar)
        if mark == "/" and ours.code == theirs.code:
            return _amount(value, amounts.ONE)
        return _amount(value, f"{_factor(ours.code)}{mark}{_factor(theirs.code)}")

    return combine


def _factor(unit: str) -> str:
    return f"({unit})" if "." in unit or "/" in unit else unit


def _amount(value: Number, unit: str, calendar: bool = False) -> list[Item]:
    if not calendar and not amounts.is_unit(unit):
        return []
    return [Amount(Decimal(value), unit, calendar).item()]


_MEASURED = (NUMBER, AMOUNT)
_BY_KINDS: Mapping[str, Mapping[tuple[str, str], Combine]] = {
    "+": {
        (NUMBER, NUMBER): _numbers(_plus),
        (TEXT, TEXT): _joined,
        (MOMENT, AMOUNT): _moved(1),
        (CLOCK, AMOUNT): _moved(1),
        (AMOUNT, AMOUNT): _added(_plus),
        (AMOUNT, NUMBER): _added(_plus),
        (NUMBER, AMOUNT): _added(_plus),
    },
    "-": {
        (NUMBER, NUMBER): _numbers(_minus),
        (MOMENT, AMOUNT): _moved(-1),
        (CLOCK, AMOUNT): _moved(-1),
        (AMOUNT, AMOUNT): _added(_minus),
        (AMOUNT, NUMBER): _added(_minus),
        (NUMBER, AMOUNT): _added(_minus),
    },
    "*": {
        **{(left, right): _product(".", _times) for left in _MEASURED for right in _MEASURED},
        (NUMBER, NUMBER): _numbers(_times),
    },
    "/": {
        **{(left, right): _product("/", _divided) for left in _MEASURED for right in _MEASURED},
        (NUMBER, NUMBER): _numbers(_divided),
    },
    "div": {(NUMBER, NUMBER): _numbers(_div)},
    "mod": {(NUMBER, NUMBER): _numbers(_mod)},
}


def _operator(name: str) -> Operator:
    by_kinds = _BY_KINDS[name]

    def compile_it(compiling: Compiling, node: Binary, focus: Code) -> Code:
        left, right = compiling.code(node.left, focus), compiling.code(node.right, focus)
        run_left, run_right = left.run, right.run

        def run(items: list[Item], env: Env) -> list[Item]:
            ours = single(run_left(items, env), "One item")
            theirs = single(run_right(items, env), "One item")
            if ours is None or theirs is None:
                return []
            combine = by_kinds.get((KIND_OF_TYPE.get(ours[0], ""), KIND_OF_TYPE.get(theirs[0], "")))
            if combine is None:
                raise EvaluationError(f"{ours[0]} {name} {theirs[0]} has no meaning")
            return combine(ours, theirs, env)

        return Code(run, types=None, reads=left.reads | right.reads)

    return compile_it


def _concatenation(compiling: Compiling, node: Binary, focus: Code) -> Code:
    """Both texts, one after the other; an empty collection counts as no text."""
    left, right = compiling.code(node.left, focus), compiling.code(node.right, focus)
    run_left, run_right = left.run, right.run

    def run(items: list[Item], env: Env) -> list[Item]:
        return string((text_of(run_left(items, env)) or "") + (text_of(run_right(items, env)) or ""), env)

    return Code(run, types=frozenset({STRING}), reads=left.reads | right.reads)


ARITHMETIC: Operators = {**{name: _operator(name) for name in _BY_KINDS}, "&": _concatenation}
