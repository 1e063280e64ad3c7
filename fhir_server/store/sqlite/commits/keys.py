"""Claims, by which rival commits notice each other, and unique keys that a resource holds."""

from collections.abc import Iterable

import apsw

from fhir_server.outcome import Contended, SnapshotExpired
from fhir_server.store import deciding
from fhir_server.store.deciding import CHANGED, Holding, claim_hash
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.state import latest_state, sequence_of
from fhir_server.store.values import Commit


def check_claims(connection: apsw.Connection, commit: Commit) -> None:
    """Raise `Contended` where a commit after the basis carried a key that this one depends on."""
    if not commit.depends_on or commit.basis is None:
        return
    try:
        basis = sequence_of(commit.basis, latest_state(connection))
    except SnapshotExpired as error:
        raise Contended(CHANGED) from error
    if basis < schema.get(connection, "claims_horizon"):
        raise Contended(CHANGED)
    for key in commit.depends_on:
        sequence = connection.execute("SELECT seq FROM claims WHERE key=?", (claim_hash(key),)).get
        if sequence is not None and sequence > basis:
            raise Contended(CHANGED)


def write_claims(connection: apsw.Connection, keys: Iterable[str], sequence: int) -> None:
    """Note that a commit carried these keys."""
    rows = [(claim_hash(key), sequence) for key in keys]
    if rows:
        connection.executemany("REPLACE INTO claims VALUES(?,?)", rows)


def check_holds(connection: apsw.Connection, holdings: list[Holding]) -> None:
    """Raise `Conflict` where a key is held by a resource that does not give it up in the same commit."""

    def holder_of(key: str) -> tuple[str, str] | None:
        row = connection.execute("SELECT type, id FROM holds WHERE key=?", (key,)).fetchone()
        return None if row is None else (row[0], row[1])

    deciding.check_holds(holdings, holder_of)


def write_holds(connection: apsw.Connection, holdings: list[Holding]) -> None:
    """Release what the resources held, then note what they hold now."""
    for holding in (known for known in holdings if not known.is_new):
        connection.execute("DELETE FROM holds WHERE type=? AND id=?", (holding.write.type, holding.write.id))
    rows = [(key, holding.write.type, holding.write.id) for holding in holdings for key in dict.fromkeys(holding.keys)]
    if rows:
        connection.executemany("INSERT INTO holds VALUES(?,?,?)", rows)
