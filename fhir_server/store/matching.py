"""Criteria and access rules, judged in Python on the index entries of one resource.

Stores judge rows inside their queries; what is not a row yet (a new version, an audit entry) is judged here, by the
same rules. https://hl7.org/fhir/R4/search.html#prefix
"""

from collections.abc import Callable
from dataclasses import dataclass

from fhir_server.store.access import AccessFilter, Rule
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    DateIs,
    IdentifierIs,
    IdIs,
    InCompartment,
    LastUpdatedIs,
    Not,
    Prefix,
    ReferenceTo,
    StringIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.entries import Entries


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


def matches(criterion: Criterion, row: Row) -> bool:
    """Whether the row matches. Masks play no part: rules read every element."""
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
        case TokenIs():
            return any(_token_is(criterion, *token) for token in entries.tokens)
        case IdentifierIs():
            return any(_identifier_is(criterion, *token) for token in entries.identifiers)
        case ReferenceTo(param, target, id):
            return (param, target, id) in entries.references
        case DateIs(param, prefix, low, high):
            test = RANGE_TESTS[prefix]
            return any(test(date[1], date[2], low, high) for date in entries.dates if date[0] == param)
        case StringIs():
            return any(_string_is(criterion, text) for param, text in entries.strings if param == criterion.param)
        case UriIs(param, uri):
            return (param, uri) in entries.uris
        case InCompartment(name, id):
            return (name, id) in entries.compartments
        case _:
            raise TypeError(f"{criterion!r} is no criterion")


def _token_is(asked: TokenIs, param: str, system: str, code: str) -> bool:
    return param == asked.param and asked.system in (None, system) and asked.code in (None, code)


def _identifier_is(asked: IdentifierIs, param: str, system: str, value: str) -> bool:
    return param == asked.param and asked.system in (None, system) and asked.value in (None, value)


def _string_is(asked: StringIs, text: str) -> bool:
    if asked.how == "starts":
        return text.startswith(asked.text)
    return text == asked.text if asked.how == "equals" else asked.text in text
