"""What a commit does, decided by reading alone: every refusal is made here, before anything is written.

So a commit of a group that fails by its own rules leaves the others untouched, without a savepoint.
"""

from dataclasses import dataclass

import apsw

from fhir_server.store.access import AccessFilter
from fhir_server.store.chain import split_patients
from fhir_server.store.deciding import Holding, Outcome, out_of_sight
from fhir_server.store.matching import Row, visible
from fhir_server.store.sqlite.commits.current import Current, find_current, outcome_of
from fhir_server.store.sqlite.commits.keys import check_claims, check_holds
from fhir_server.store.sqlite.commits.prepare import Prepared
from fhir_server.store.sqlite.commits.references import Rewritten, refuse_if_referenced, require
from fhir_server.store.sqlite.index_state import require_rules
from fhir_server.store.sqlite.packing import Packed
from fhir_server.store.sqlite.queries.access_sql import row_access
from fhir_server.store.values import AuditEntry, Write, Written


@dataclass(frozen=True, slots=True)
class Change:
    """A write that meets a current version, with what it will do."""

    position: int
    write: Write
    packed: Packed | None
    current: Current | None
    outcome: Outcome

    @property
    def writes(self) -> bool:
        """Whether a new version comes of it."""
        return self.outcome in ("created", "updated", "deleted")

    @property
    def version(self) -> int:
        """The version that there is afterwards; 0 where there never was one."""
        return (0 if self.current is None else self.current.version) + self.writes

    @property
    def patients(self) -> tuple[str, ...]:
        if self.packed is not None:
            return self.packed.patients
        return () if self.current is None else split_patients(self.current.patients)


@dataclass(frozen=True, slots=True)
class Decision:
    """A commit that nothing speaks against."""

    changes: tuple[Change, ...]
    time_ms: int
    written: tuple[Written, ...]
    audit: AuditEntry
    holdings: list[Holding]


def decide(connection: apsw.Connection, prepared: Prepared, time_ms: int) -> Decision:
    """What the commit does, at this time or later. Raises what `contract.Session.commit` says.

    Times never fall from one commit to the next, and a new version is at least 1 ms later than the one before: so
    lastUpdated rises with the row number over the whole store.
    """
    commit, access = prepared.commit, prepared.access
    require_rules(connection, commit.index_rules)
    check_claims(connection, commit)
    changes = tuple(_change(connection, prepared, position) for position in range(len(commit.writes)))
    written_rows = {(change.write.type, change.write.id): _rewritten(change) for change in changes}
    for required in commit.required:
        require(connection, access, required, written_rows)
    for change in changes:
        if change.outcome == "deleted" and change.write.refuse_if_referenced:
            refuse_if_referenced(connection, access, change.write, change.position, written_rows)
    holdings = [_holding(change) for change in changes if change.writes]
    check_holds(connection, holdings)
    times = [change.current.last_updated + 1 for change in changes if change.writes and change.current is not None]
    time_ms = max(time_ms, *times) if times else time_ms
    _check_visible(access, changes, time_ms)
    written = tuple(_written(change, time_ms) for change in changes)
    return Decision(changes, time_ms, written, commit.audit(written, time_ms), holdings)


def _change(connection: apsw.Connection, prepared: Prepared, position: int) -> Change:
    write = prepared.commit.writes[position]
    current = find_current(connection, write.type, write.id)
    outcome = outcome_of(connection, prepared.access, write, current, position)
    return Change(position, write, prepared.packed[position], current, outcome)


def _rewritten(change: Change) -> Rewritten:
    alive = change.outcome not in ("deleted", "absent") and change.packed is not None
    return Rewritten(change.write.type, change.write.id, change.packed.keys if alive and change.packed else None)


def _holding(change: Change) -> Holding:
    deleted = change.outcome == "deleted"
    return Holding(change.position, change.write, () if deleted else change.write.holds, change.current is None)


def _check_visible(access: AccessFilter, changes: tuple[Change, ...], time_ms: int) -> None:
    """Nobody may write what he could not see afterwards."""
    for change in changes:
        write = change.write
        if change.outcome not in ("created", "updated") or row_access(access, write.type).everything:
            continue
        if not visible(access, Row(write.type, write.id, time_ms, write.entries)):
            raise out_of_sight(write, change.position)


def _written(change: Change, time_ms: int) -> Written:
    kept = change.current is not None and not change.writes
    when = change.current.last_updated if kept and change.current is not None else time_ms
    return Written(change.write.type, change.write.id, change.version, when, change.outcome, change.patients)
