"""The current version that a write meets, and what the write's own conditions say to it."""

from typing import NamedTuple

import apsw

from fhir_server.store import deciding
from fhir_server.store.access import AccessFilter
from fhir_server.store.deciding import Outcome
from fhir_server.store.sqlite.queries.access_sql import row_access
from fhir_server.store.sqlite.schema import DELETE
from fhir_server.store.values import Write

_CURRENT = (
    "SELECT vid, version, last_updated, method, patients FROM version INDEXED BY version_key"
    " WHERE type=? AND id=? ORDER BY version DESC LIMIT 1"
)


class Current(NamedTuple):
    """The newest version of a resource, which may be a deletion."""

    vid: int
    version: int
    last_updated: int
    method: int
    patients: str | None

    @property
    def deleted(self) -> bool:
        return self.method == DELETE


def find_current(connection: apsw.Connection, type: str, id: str) -> Current | None:
    """The newest version, or None where there never was one."""
    row = connection.execute(_CURRENT, (type, id)).fetchone()
    return None if row is None else Current(*row)


def may_see(connection: apsw.Connection, access: AccessFilter, type: str, current: Current) -> bool:
    """Whether the current version passes the filter."""
    rows = row_access(access, type)
    if rows.everything:
        return True
    visible = rows.visible("v")
    text = f"SELECT {visible.text} FROM version v WHERE v.vid=?"
    return bool(connection.execute(text, (*visible.values, current.vid)).get)


def outcome_of(
    connection: apsw.Connection, access: AccessFilter, write: Write, current: Current | None, position: int
) -> Outcome:
    """What the write will do to the current version. Raises what `values.Write` says, with the position."""
    if current is not None and not may_see(connection, access, write.type, current):
        raise deciding.not_known(write, position)
    return deciding.outcome_of(write, current, lambda: _is_same(connection, write, current), position)


def _is_same(connection: apsw.Connection, write: Write, alive: Current | None) -> bool:
    if alive is None or write.body is None:
        return False
    stored = connection.execute("SELECT bytes FROM body WHERE vid=?", (alive.vid,)).get
    return bool(stored == write.body.at(alive.version, alive.last_updated))
