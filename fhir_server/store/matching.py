"""Criteria and access rules, judged in Python on the index entries of one resource.

Stores judge rows inside their queries; what is not a row yet (a new version, an audit entry) is judged here, by the
same rules. https://hl7.org/fhir/R4/search.html#prefix
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import asin, cos, pow, radians, sin, sqrt

from fhir_server.store.access import AccessFilter, Rule
from fhir_server.store.criteria import (
    EARTH_METRES,
    AllOf,
    AnyOf,
    Criterion,
    DateIs,
    ExactIs,
    HasWord,
    IdentifierIs,
    IdIs,
    InCompartment,
    InGroup,
    IsNear,
    IsPresent,
    LastUpdatedIs,
    Not,
    NumberIs,
    Prefix,
    QuantityIs,
    ReferenceTo,
    StringIs,
    TermIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.entries import CANONICAL, DecimalKey, Entries


class CannotJudge(Exception):
    """One row does not decide this criterion: it leads over other resources, or asks what rows do not keep."""


@dataclass(frozen=True, slots=True)
class Row:
    """What criteria are judged on."""

    type: str
    id: str
    last_updated_ms: int
    entries: Entries


RANGE_TESTS: dict[Prefix, Callable[[int, int, int, int], bool]] = {
    "eq": lambda low, high, asked_low, asked_high: low >= asked_low and high <= asked_high,
    "ne": lambda low, high, asked_low, asked_high: low < asked_low or high > asked_high,
    "gt": lambda low, high, asked_low, asked_high: high > asked_high,
    "lt": lambda low, high, asked_low, asked_high: low < asked_low,
    "ge": lambda low, high, asked_low, asked_high: high > asked_high or low >= asked_low,
    "le": lambda low, high, asked_low, asked_high: low < asked_low or high <= asked_high,
    "sa": lambda low, high, asked_low, asked_high: low >= asked_high,
    "eb": lambda low, high, asked_low, asked_high: high <= asked_low,
    "ap": lambda low, high, asked_low, asked_high: low < asked_high and high > asked_low,
}
"""Whether the half-open range of a value compares with the range asked for as the prefix says; `ap`: they overlap."""

NUMBER_TESTS: dict[Prefix, Callable[[DecimalKey, DecimalKey, DecimalKey, DecimalKey], bool]] = {
    "eq": lambda low, high, asked_low, asked_high: low >= asked_low and high < asked_high,
    "ne": lambda low, high, asked_low, asked_high: low < asked_low or high >= asked_high,
    "gt": lambda low, high, asked_low, asked_high: high > asked_low,
    "lt": lambda low, high, asked_low, asked_high: low < asked_low,
    "ge": lambda low, high, asked_low, asked_high: high >= asked_low,
    "le": lambda low, high, asked_low, asked_high: low <= asked_low,
    "sa": lambda low, high, asked_low, asked_high: low > asked_low,
    "eb": lambda low, high, asked_low, asked_high: high < asked_low,
    "ap": lambda low, high, asked_low, asked_high: low < asked_high and high >= asked_low,
}
"""As `RANGE_TESTS`, of the closed range of a number and the half-open one asked for, or its lower end"""


def matches(criterion: Criterion, row: Row) -> bool:
    """Whether the row matches. Masks play no part: rules read every element.

    Raises `CannotJudge` for criteria that lead over other resources.
    """
    if isinstance(criterion, AllOf):
        return all(matches(part, row) for part in criterion.criteria)
    if isinstance(criterion, AnyOf):
        return any(matches(part, row) for part in criterion.criteria)
    if isinstance(criterion, Not):
        return not matches(criterion.criterion, row)
    if isinstance(criterion, IdIs):
        return row.id in criterion.ids
    if isinstance(criterion, LastUpdatedIs):
        start = row.last_updated_ms * 1000
        return RANGE_TESTS[criterion.prefix](start, start + 1000, criterion.low, criterion.high)
    if isinstance(criterion, InGroup):
        groups = [inner for name, inner in row.entries.groups if name == criterion.group]
        return any(all(matches(part, replace(row, entries=inner)) for part in criterion.criteria) for inner in groups)
    return _matches_entry(criterion, row.entries)


def rule_matches(rule: Rule, row: Row) -> bool:
    """Whether the rule speaks of this row."""
    return (rule.types is None or row.type in rule.types) and all(matches(part, row) for part in rule.criteria)


def visible(access: AccessFilter, row: Row) -> bool:
    """Whether the filter lets the row through."""
    return any(rule_matches(rule, row) for rule in access.allow) and not any(
        rule_matches(rule, row) for rule in access.deny
    )


def _matches_entry(criterion: Criterion, entries: Entries) -> bool:
    match criterion:
        case TokenIs(param, None, None) | IsPresent(param):
            coded = (*entries.tokens, *entries.identifiers)
            return param in entries.present or any(known == param for known, _, _ in coded)
        case TokenIs():
            return any(_token_is(criterion, *token) for token in entries.tokens)
        case IdentifierIs():
            return any(_identifier_is(criterion, *token) for token in entries.identifiers)
        case DateIs() | NumberIs() | QuantityIs() | IsNear():
            return _compares(criterion, entries)
        case StringIs(param) | TermIs(param):
            texts = entries.strings if isinstance(criterion, StringIs) else entries.terms
            return any(_text_is(criterion, text) for known, text in texts if known == param)
        case _:
            return _has_entry(criterion, entries)


def _compares(criterion: DateIs | NumberIs | QuantityIs | IsNear, entries: Entries) -> bool:
    match criterion:
        case DateIs(param, prefix, low, high):
            test = RANGE_TESTS[prefix]
            return any(test(date[1], date[2], low, high) for date in entries.dates if date[0] == param)
        case NumberIs(param, prefix, first, last):
            compare = NUMBER_TESTS[prefix]
            return any(compare(known[1], known[2], first, last) for known in entries.numbers if known[0] == param)
        case QuantityIs():
            return any(_quantity_is(criterion, *known) for known in entries.quantities)
        case IsNear(param):
            return any(_is_near(criterion, *place[1:]) for place in entries.positions if place[0] == param)


def _has_entry(criterion: Criterion, entries: Entries) -> bool:
    """What is matched as a whole."""
    match criterion:
        case ReferenceTo(param, target, id):
            return (param, target, id) in entries.references
        case UriIs(param, uri):
            return (param, uri) in entries.uris
        case ExactIs(param, text):
            return (param, text) in entries.exacts
        case HasWord(param, word):
            return (param, word) in entries.words
        case InCompartment(name, id):
            return (name, id) in entries.compartments
        case _:
            raise CannotJudge(f"{type(criterion).__name__} cannot be judged on one row")


def _token_is(asked: TokenIs, param: str, system: str, code: str) -> bool:
    return param == asked.param and asked.system in (None, system) and asked.code in (None, code)


def _identifier_is(asked: IdentifierIs, param: str, system: str, value: str) -> bool:
    return param == asked.param and asked.system in (None, system) and asked.value in (None, value)


def _text_is(asked: StringIs | TermIs, text: str) -> bool:
    if asked.how == "starts":
        return text.startswith(asked.text)
    return text == asked.text if asked.how == "equals" else asked.text in text


def _quantity_is(asked: QuantityIs, param: str, system: str, unit: str, low: DecimalKey, high: DecimalKey) -> bool:
    if param != asked.param or asked.unit not in (None, unit):
        return False
    if system == CANONICAL if asked.system is None else system != asked.system:
        return False
    return NUMBER_TESTS[asked.prefix](low, high, asked.low, asked.high)


def _is_near(asked: IsNear, latitude: float, longitude: float) -> bool:
    """The great-circle distance by the haversine formula."""
    north = pow(sin(radians(latitude - asked.latitude) / 2), 2)
    east = pow(sin(radians(longitude - asked.longitude) / 2), 2)
    part = sqrt(north + cos(radians(latitude)) * cos(radians(asked.latitude)) * east)
    return 2 * EARTH_METRES * asin(min(1.0, part)) <= asked.metres
