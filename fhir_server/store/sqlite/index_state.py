"""Whether the index may be relied on: one in another format, or half built, would hide rows or let through what an
access rule forbids. Asked in the transaction that then reads or writes."""

import apsw

from fhir_server.outcome import RulesChanged, Unavailable
from fhir_server.store.options import StoreOptions
from fhir_server.store.sqlite import schema

BUILDING = "building "
_REBUILT = "the search index is being rebuilt; try again later"


def index_version(options: StoreOptions) -> str:
    """The version of the index that this program reads and writes."""
    return f"{schema.INDEX_FORMAT}.{options.entries_version}"


def require_index(stored: str, wanted: str) -> None:
    """Raise `Unavailable` unless the index is whole and of the version wanted."""
    if stored != wanted:
        raise Unavailable(_REBUILT)


def require_writable(connection: apsw.Connection, wanted: str) -> bool:
    """Whether the index is whole. Raises `Unavailable` where this program may not write into it."""
    stored = schema.get(connection, "index")
    if stored not in (wanted, BUILDING + wanted):
        raise Unavailable("the index of the store is of another version of the program; it must be rebuilt first")
    return bool(stored == wanted)


def index_rules(connection: apsw.Connection) -> int:
    """The number of the rules by which index entries are made now."""
    return int(schema.get(connection, "rules"))


def require_rules(connection: apsw.Connection, rules: int | None) -> None:
    """Raise `RulesChanged` unless entries that were made by these rules (None: not asked) may be written."""
    if rules is not None and rules != index_rules(connection):
        raise RulesChanged("The search parameters are changing; try again.")
