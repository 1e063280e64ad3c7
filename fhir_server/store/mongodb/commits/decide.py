"""What a commit does, decided by reading alone: every refusal is made here, before anything is written.

So a commit of a group that fails by its own rules leaves the others untouched.
"""

from dataclasses import dataclass

from fhir_server.outcome import Contended
from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.deciding import (
    CHANGED,
    Holding,
    Outcome,
    check_holds,
    claim_hash,
    not_known,
    out_of_sight,
    outcome_of,
)
from fhir_server.store.index_state import require_rules
from fhir_server.store.matching import Row, visible
from fhir_server.store.mongodb.commits.prepare import Prepared
from fhir_server.store.mongodb.commits.references import Referrers, Rewritten, require
from fhir_server.store.mongodb.commits.view import Current, View
from fhir_server.store.mongodb.documents import Packed
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
        return () if self.current is None else self.current.patients


@dataclass(frozen=True, slots=True)
class Decision:
    """A commit that nothing speaks against. `rules`: the number of the rules by which its entries were made."""

    changes: tuple[Change, ...]
    time_ms: int
    written: tuple[Written, ...]
    audit: AuditEntry
    holdings: list[Holding]
    rules: int


async def decide(view: View, referrers: Referrers, prepared: Prepared, time_ms: int) -> Decision:
    """What the commit does, at this time or later. Raises what `contract.Session.commit` says."""
    commit, access = prepared.commit, prepared.access
    require_rules(view.rules, commit.index_rules)
    _check_claims(view, prepared)
    changes = tuple(_change(view, prepared, position) for position in range(len(commit.writes)))
    written_rows = {(change.write.type, change.write.id): _rewritten(change) for change in changes}
    for required in commit.required:
        require(view, access, required, written_rows)
    for change in changes:
        if change.outcome == "deleted" and change.write.refuse_if_referenced:
            await referrers.refuse(access, change.write, change.position, written_rows)
    holdings = [_holding(change) for change in changes if change.writes]
    check_holds(holdings, view.holders.get)
    times = [change.current.last_updated + 1 for change in changes if change.writes and change.current is not None]
    met = (view.current(required.type, required.id) for required in commit.required)
    time_ms = max(time_ms, *times, *(target.last_updated for target in met if target is not None), 0)
    _check_visible(access, changes, time_ms)
    written = tuple(_written(change, time_ms) for change in changes)
    return Decision(changes, time_ms, written, commit.audit(written, time_ms), holdings, view.rules)


def _check_claims(view: View, prepared: Prepared) -> None:
    """Raise `Contended` where a commit after the basis carried a key that this one depends on."""
    if prepared.basis is None:
        return
    if prepared.basis.time < view.horizon:
        raise Contended(CHANGED)
    for key in map(claim_hash, prepared.commit.depends_on):
        if view.carried.get(key) != prepared.basis.claims.get(key):
            raise Contended(CHANGED)


def _change(view: View, prepared: Prepared, position: int) -> Change:
    write = prepared.commit.writes[position]
    current = view.current(write.type, write.id)
    if current is not None and not current.may_be_seen(prepared.access):
        raise not_known(write, position)
    outcome = outcome_of(write, current, lambda: _is_same(write, current), position)
    return Change(position, write, prepared.packed[position], current, outcome)


def _is_same(write: Write, alive: Current | None) -> bool:
    if alive is None or write.body is None:
        return False
    return bool(alive.document["b"] == write.body.at(alive.version, alive.last_updated))


def _rewritten(change: Change) -> Rewritten:
    alive = change.outcome not in ("deleted", "absent") and change.packed is not None
    keys = frozenset(change.packed.entries.get("k", ())) if alive and change.packed is not None else None
    return Rewritten(change.write.type, change.write.id, keys)


def _holding(change: Change) -> Holding:
    deleted = change.outcome == "deleted"
    return Holding(change.position, change.write, () if deleted else change.write.holds, change.current is None)


def _check_visible(access: AccessFilter, changes: tuple[Change, ...], time_ms: int) -> None:
    """Nobody may write what he could not see afterwards."""
    if access is EVERYTHING:
        return
    for change in changes:
        write = change.write
        if change.outcome not in ("created", "updated"):
            continue
        if not visible(access, Row(write.type, write.id, time_ms, write.entries)):
            raise out_of_sight(write, change.position)


def _written(change: Change, time_ms: int) -> Written:
    kept = change.current is not None and not change.writes
    when = change.current.last_updated if kept and change.current is not None else time_ms
    return Written(change.write.type, change.write.id, change.version, when, change.outcome, change.patients)
