"""How a range in a document compares with the range asked for, as filters on its ends `l` and `h`.

https://hl7.org/fhir/R4/search.html#prefix; `matching.RANGE_TESTS` and `matching.NUMBER_TESTS` in MongoDB's words.
"""

from collections.abc import Mapping
from typing import Any

from fhir_server.store.criteria import Prefix
from fhir_server.store.mongodb.queries.filters import Filter, any_of

Ends = tuple[tuple[str, str, str], ...]
"""Conditions that must all hold: an end of the document's range, the comparison, and an end of the one asked for"""

_DATES: dict[Prefix, tuple[Ends, ...]] = {
    "eq": ((("l", "$gte", "low"), ("l", "$lte", "high"), ("h", "$lte", "high")),),
    "ne": ((("l", "$lt", "low"),), (("h", "$gt", "high"),)),
    "gt": ((("h", "$gt", "high"),),),
    "lt": ((("l", "$lt", "low"),),),
    "ge": ((("h", "$gt", "high"),), (("l", "$gte", "low"),)),
    "le": ((("l", "$lt", "low"),), (("h", "$lte", "high"),)),
    "sa": ((("l", "$gte", "high"),),),
    "eb": ((("h", "$lte", "low"),),),
    "ap": ((("l", "$lt", "high"), ("h", "$gt", "low")),),
}
"""One of the alternatives must hold. A bound that follows from another is named, so that the index is left early."""

_NUMBERS: dict[Prefix, tuple[Ends, ...]] = {
    "eq": ((("l", "$gte", "low"), ("l", "$lt", "high"), ("h", "$lt", "high")),),
    "ne": ((("l", "$lt", "low"),), (("h", "$gte", "high"),)),
    "gt": ((("h", "$gt", "low"),),),
    "lt": ((("l", "$lt", "low"),),),
    "ge": ((("h", "$gte", "low"),),),
    "le": ((("l", "$lte", "low"),),),
    "sa": ((("l", "$gt", "low"),),),
    "eb": ((("h", "$lt", "low"), ("l", "$lt", "low")),),
    "ap": ((("l", "$lt", "high"), ("h", "$gte", "low")),),
}


def date_range(prefix: Prefix, low: int, high: int) -> Filter:
    """A half-open range `l`, `h` compares as the prefix says with [low, high)."""
    return _compared(_DATES[prefix], {"low": low, "high": high})


def number_range(prefix: Prefix, low: str, high: str) -> Filter:
    """A closed range `l`, `h` compares as the prefix says with [low, high), or with `low`."""
    return _compared(_NUMBERS[prefix], {"low": low, "high": high})


def _compared(alternatives: tuple[Ends, ...], asked: Mapping[str, Any]) -> Filter:
    return any_of([_all_ends(ends, asked) for ends in alternatives])


def _all_ends(ends: Ends, asked: Mapping[str, Any]) -> Filter:
    bounds: Filter = {}
    for end, comparison, name in ends:
        bounds.setdefault(end, {})[comparison] = asked[name]
    return bounds


def last_updated(prefix: Prefix, low: int, high: int) -> Filter:
    """The millisecond `u` compares as the prefix says with [low, high) in microseconds."""
    starts, ends = _up(low), _down(low)
    starts_high, ends_high = _up(high), _down(high)
    tests: dict[Prefix, Filter] = {
        "eq": {"u": {"$gte": starts, "$lte": ends_high}},
        "ne": any_of([{"u": {"$lt": starts}}, {"u": {"$gt": ends_high}}]),
        "gt": {"u": {"$gt": ends_high}},
        "lt": {"u": {"$lt": starts}},
        "ge": any_of([{"u": {"$gt": ends_high}}, {"u": {"$gte": starts}}]),
        "le": any_of([{"u": {"$lt": starts}}, {"u": {"$lte": ends_high}}]),
        "sa": {"u": {"$gte": starts_high}},
        "eb": {"u": {"$lte": ends}},
        "ap": {"u": {"$lt": starts_high, "$gt": ends}},
    }
    return tests[prefix]


def _up(microseconds: int) -> int:
    """The first millisecond that begins at or after it."""
    return -(-microseconds // 1_000)


def _down(microseconds: int) -> int:
    """The last millisecond that ends at or before it."""
    return microseconds // 1_000 - 1
