"""Whether the index may be relied on, asked in the transaction that then reads or writes."""

import apsw

from fhir_server.store import index_state
from fhir_server.store.index_state import BUILDING, require_index
from fhir_server.store.options import StoreOptions
from fhir_server.store.sqlite import schema

__all__ = ["BUILDING", "index_rules", "index_version", "require_index", "require_rules", "require_writable"]


def index_version(options: StoreOptions) -> str:
    """The version of the index that this program reads and writes."""
    return f"{schema.INDEX_FORMAT}.{options.entries_version}"


def require_writable(connection: apsw.Connection, wanted: str) -> bool:
    """Whether the index is whole. Raises `Unavailable` where this program may not write into it."""
    return index_state.is_whole(schema.get(connection, "index"), wanted)


def index_rules(connection: apsw.Connection) -> int:
    """The number of the rules by which index entries are made now."""
    return int(schema.get(connection, "rules"))


def require_rules(connection: apsw.Connection, rules: int | None) -> None:
    """Raise `RulesChanged` unless entries that were made by these rules (None: not asked) may be written."""
    if rules is not None:
        index_state.require_rules(index_rules(connection), rules)
