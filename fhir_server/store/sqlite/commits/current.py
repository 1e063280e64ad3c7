"""The current version that a write meets, and what the write's own conditions say to it."""

from typing import Literal, NamedTuple

import apsw

from fhir_server.outcome import Conflict, Contended, MethodNotAllowed, NotFound, PreconditionFailed
from fhir_server.store.access import AccessFilter
from fhir_server.store.sqlite.queries.access_sql import row_access
from fhir_server.store.sqlite.schema import DELETE
from fhir_server.store.values import Write

Outcome = Literal["created", "updated", "unchanged", "deleted", "absent"]

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
        raise NotFound(f"{write.type}/{write.id} is not known here", position=position)
    alive = None if current is None or current.deleted else current
    _check_conditions(write, alive, position)
    if write.method == "delete":
        return "absent" if alive is None else "deleted"
    if write.method == "create":
        if current is not None:
            raise Conflict(f"the id of {write.type}/{write.id} is taken", position=position)
        return "created"
    if alive is not None:
        return "unchanged" if _is_same(connection, write, alive) else "updated"
    if current is None and not write.create_if_absent:
        raise MethodNotAllowed(f"{write.type}/{write.id} does not exist; create it by POST", position=position)
    return "created"


def _check_conditions(write: Write, alive: Current | None, position: int) -> None:
    version = 0 if alive is None else alive.version
    if write.if_absent and version:
        raise PreconditionFailed(f"{write.type}/{write.id} exists", position=position)
    if write.if_match is not None and write.if_match != version:
        known = f"its current version is {version}" if version else "it has no current version"
        raise PreconditionFailed(f"{write.type}/{write.id}: {known}, not {write.if_match}", position=position)
    if write.based_on is not None and write.based_on != version:
        raise Contended(f"{write.type}/{write.id} has changed meanwhile", position=position)


def _is_same(connection: apsw.Connection, write: Write, alive: Current) -> bool:
    stored = connection.execute("SELECT bytes FROM body WHERE vid=?", (alive.vid,)).get
    return write.body is not None and stored == write.body.at(alive.version, alive.last_updated)
