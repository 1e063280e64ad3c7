"""Whether the index of a store may be relied on: one in another format, or half built, would hide rows or let through
what an access rule forbids. Asked in the transaction that then reads or writes."""

from fhir_server.outcome import RulesChanged, Unavailable

BUILDING = "building "
"""Stands before the version of an index that is being built."""

_REBUILT = "the search index is being rebuilt; try again later"


def require_index(stored: str, wanted: str) -> None:
    """Raise `Unavailable` unless the index is whole and of the version wanted."""
    if stored != wanted:
        raise Unavailable(_REBUILT)


def is_whole(stored: str, wanted: str) -> bool:
    """Whether the index is whole. Raises `Unavailable` where this program may not write into it."""
    if stored not in (wanted, BUILDING + wanted):
        raise Unavailable("the index of the store is of another version of the program; it must be rebuilt first")
    return stored == wanted


def require_rules(known: int, asked: int | None) -> None:
    """Raise `RulesChanged` unless entries that were made by these rules (None: not asked) may be written."""
    if asked is not None and asked != known:
        raise RulesChanged("The search parameters are changing; try again.")
