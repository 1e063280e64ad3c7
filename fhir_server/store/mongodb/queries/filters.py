"""MongoDB filters as values: joined, negated, and the ranges of texts that begin alike."""

from collections.abc import Iterable
from typing import Any

Filter = dict[str, Any]

ALWAYS: Filter = {}
NEVER: Filter = {"$nor": [{}]}

_LAST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def all_of(parts: Iterable[Filter]) -> Filter:
    """Every one of them; of none: always."""
    needed = [part for part in parts if part != ALWAYS]
    if NEVER in needed:
        return NEVER
    return {"$and": needed} if len(needed) > 1 else needed[0] if needed else ALWAYS


def any_of(parts: Iterable[Filter]) -> Filter:
    """At least one of them; of none: never. Texts that are looked for in the same place are looked for together."""
    wanted: dict[str, list[str]] = {}
    others: list[Filter] = []
    for part in parts:
        if part == ALWAYS:
            return ALWAYS
        if len(part) == 1 and isinstance(text := next(iter(part.values())), str):
            wanted.setdefault(next(iter(part)), []).append(text)
        elif part != NEVER:
            others.append(part)
    together = [one_of(place, texts) for place, texts in wanted.items()]
    choices = [*together, *others]
    return {"$or": choices} if len(choices) > 1 else choices[0] if choices else NEVER


def one_of(place: str, texts: Iterable[str]) -> Filter:
    """One of these texts stands in this place."""
    once = list(dict.fromkeys(texts))
    if not once:
        return NEVER
    return {place: once[0]} if len(once) == 1 else {place: {"$in": once}}


def negated(part: Filter) -> Filter:
    """What the filter does not let through."""
    if part == ALWAYS:
        return NEVER
    return ALWAYS if part == NEVER else {"$nor": [part]}


def aside(part: Filter) -> Filter:
    """The same filter, for the database to judge documents by: behind two negations it looks for no index there, so
    that the one that was chosen stays the one that is used."""
    return part if part in (ALWAYS, NEVER) else {"$nor": [{"$nor": [part]}]}


def beginning_with(start: str) -> Filter:
    """The bounds of the texts that begin so, as MongoDB compares texts: by code points. No pattern is involved, so
    whatever stands in the text means itself."""
    return {"$gte": start, "$lt": after_all(start)}


def after_all(start: str) -> str:
    """The least text that is greater than all that begin so, which must not be empty or all of the last character."""
    bare = start.rstrip(chr(_LAST))
    following = ord(bare[-1]) + 1
    if following in _SURROGATES:
        following = _SURROGATES.stop
    return bare[:-1] + chr(following)
