"""The state that a query sees: the last commit, or the commit that a snapshot names."""

from dataclasses import dataclass

import apsw

from fhir_server.outcome import Invalid, SnapshotExpired
from fhir_server.store.options import StoreOptions
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.queries.sql import TRUE, Sql
from fhir_server.store.sqlite.schema import FOREVER
from fhir_server.store.values import Snapshot

_EXPIRED = "this page link names a state of the record that is no longer kept; start the search again"


@dataclass(frozen=True, slots=True)
class State:
    """The commit up to which a query sees; `latest` where it is the last one."""

    sequence: int
    latest: bool
    snapshot: Snapshot

    def holds(self, row: str) -> Sql:
        """The condition that the row is the version in force in this state."""
        if self.latest:
            return Sql(f"{row}.until_commit={FOREVER}")
        return Sql(f"{row}.from_commit<=? AND {row}.until_commit>?", (self.sequence, self.sequence))

    def has(self, row: str) -> Sql:
        """The condition that the row had been written in this state."""
        return TRUE if self.latest else Sql(f"{row}.from_commit<=?", (self.sequence,))


def latest_state(connection: apsw.Connection) -> State:
    """The state of now; the caller's transaction keeps it so."""
    sequence, time_ms = connection.execute("SELECT seq, time_ms FROM commits ORDER BY seq DESC LIMIT 1").get
    epoch = schema.get(connection, "epoch")
    return State(sequence, True, Snapshot(f"{epoch}.{sequence}", time_ms))


def state_at(connection: apsw.Connection, snapshot: Snapshot | None, options: StoreOptions) -> State:
    """The state that a snapshot names, None for now. Raises `SnapshotExpired`."""
    now = latest_state(connection)
    if snapshot is None or snapshot.value == now.snapshot.value:
        return now
    sequence = sequence_of(snapshot, now)
    if sequence > now.sequence or sequence < schema.get(connection, "horizon"):
        raise SnapshotExpired(_EXPIRED)
    following = connection.execute("SELECT time_ms FROM commits WHERE seq>? ORDER BY seq LIMIT 1", (sequence,)).get
    if following is not None and following <= options.clock() - options.snapshot_seconds * 1000:
        raise SnapshotExpired(_EXPIRED)
    return State(sequence, False, snapshot)


def sequence_of(snapshot: Snapshot, now: State) -> int:
    """The commit number in a snapshot of this store. Raises `SnapshotExpired` for one of another life of the store
    (before a backup was restored), `Invalid` for one that is none."""
    epoch, _, number = snapshot.value.partition(".")
    if not is_number(number):
        raise Invalid("this page link holds no snapshot of this store")
    if epoch != now.snapshot.value.partition(".")[0]:
        raise SnapshotExpired(_EXPIRED)
    return int(number)


def is_number(text: str) -> bool:
    """Whether this is a number as the store gives it out, small enough for SQLite."""
    return text.isascii() and text.isdigit() and len(text) < 19
