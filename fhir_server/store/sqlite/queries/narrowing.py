"""The part of a narrow table in which every row that matches a criterion has an entry."""

from dataclasses import dataclass, replace
from math import degrees

from fhir_server.store.criteria import (
    EARTH_METRES,
    Criterion,
    DateIs,
    IsNear,
    NumberIs,
    Prefix,
    QuantityIs,
    StringIs,
)
from fhir_server.store.entries import CANONICAL
from fhir_server.store.sqlite.forms import beside_code, field_number
from fhir_server.store.sqlite.queries.ranges import text_bounds, text_condition
from fhir_server.store.sqlite.queries.sql import Sql

_DATE_BOUNDS: dict[Prefix, tuple[str, str]] = {
    "eq": ("low>=? AND low<=? AND high<=?", "LHH"),
    "gt": ("high>?", "H"),
    "lt": ("low<?", "L"),
    "ge": ("high>=?", "L"),
    "le": ("low<=?", "H"),
    "sa": ("low>=?", "H"),
    "eb": ("high<=?", "L"),
    "ap": ("low<? AND high>?", "HL"),
}
"""`ne` has none: almost every value is another"""

_POINT_BOUNDS: dict[Prefix, tuple[str, str]] = {
    "eq": ("low>=? AND low<? AND high<?", "LHH"),
    "gt": ("low>?", "L"),
    "lt": ("low<?", "L"),
    "ge": ("low>=?", "L"),
    "le": ("low<=?", "L"),
    "sa": ("low>?", "L"),
    "eb": ("low<? AND high<?", "LL"),
    "ap": ("low>=? AND low<?", "LH"),
}
_WIDE_BOUNDS: dict[Prefix, tuple[str, str]] = {
    "gt": ("high>?", "L"),
    "ge": ("high>=?", "L"),
    "ap": ("high>=? AND low<?", "LH"),
}
"""Numbers that are wide may begin below the part of the index in which points lie."""

_SLACK_DEGREES = 1e-6


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Parts of a table: what follows FROM. An entry may stand in more than one of them."""

    table: str
    parts: tuple[Sql, ...]


def narrowed(type: str, criterion: Criterion) -> Narrowed | None:
    """The parts for rows of this type; None where no table narrows the criterion."""
    match criterion:
        case DateIs(param, prefix, low, high):
            if prefix not in _DATE_BOUNDS:
                return None
            return Narrowed("date", (_bound("date", type, param, *_DATE_BOUNDS[prefix], {"L": low, "H": high}),))
        case StringIs(param, text, how):
            bound = text_bounds("text", text) if how == "starts" and text else text_condition("text", text, how)
            where = Sql("string WHERE field=?", (field_number(type, param),))
            return Narrowed("string", (_and(where, bound),))
        case NumberIs(param, prefix, first, last):
            return _numbers(type, param, "", prefix, first, last)
        case QuantityIs():
            return _quantities(type, criterion)
        case IsNear():
            return Narrowed("position", (_band(type, criterion),))
        case _:
            return None


def narrowed_beside(type: str, code: str, criterion: NumberIs | QuantityIs | DateIs) -> Narrowed | None:
    """The part for rows of this type that have the number, quantity or date beside this code."""
    return narrowed(type, replace(criterion, param=beside_code(code)))


def _bound(table: str, type: str, param: str, text: str, order: str, asked: dict[str, int]) -> Sql:
    values = tuple(asked[name] for name in order)
    return Sql(f"{table} WHERE field=? AND {text}", (field_number(type, param), *values))


def _quantities(type: str, asked: QuantityIs) -> Narrowed | None:
    """By the base unit, or by the number alone whatever the unit."""
    if asked.system != CANONICAL:
        return _numbers(type, asked.param, "", asked.prefix, asked.low, asked.high)
    if asked.unit is None:
        return None
    return _numbers(type, asked.param, "=" + asked.unit, asked.prefix, asked.low, asked.high)


def _numbers(type: str, param: str, unit: str, prefix: Prefix, low: str, high: str) -> Narrowed | None:
    if prefix not in _POINT_BOUNDS:
        return None
    asked = {"L": low, "H": high}
    parts = []
    for source, bounds in (("number NOT INDEXED", _POINT_BOUNDS), ("number INDEXED BY number_wide", _WIDE_BOUNDS)):
        if prefix in bounds:
            text, order = bounds[prefix]
            where = Sql(f"{source} WHERE field=? AND unit=?", (field_number(type, param), unit))
            parts.append(_and(where, Sql(text, tuple(asked[name] for name in order))))
    if len(parts) == 2:
        parts[1] = _and(parts[1], Sql("low<>high"))
    return Narrowed("number", tuple(parts))


def _band(type: str, asked: IsNear) -> Sql:
    """The parallels between which the circle lies."""
    reach = degrees(asked.metres / EARTH_METRES) + _SLACK_DEGREES
    bound = Sql("latitude>=? AND latitude<=?", (asked.latitude - reach, asked.latitude + reach))
    return _and(Sql("position WHERE field=?", (field_number(type, asked.param),)), bound)


def _and(where: Sql, more: Sql) -> Sql:
    return Sql(f"{where.text} AND {more.text}", (*where.values, *more.values))
