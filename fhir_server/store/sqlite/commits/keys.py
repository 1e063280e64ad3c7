"""Claims, by which rival commits notice each other, and unique keys that a resource holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import apsw

from fhir_server.outcome import Conflict, Contended, SnapshotExpired
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.state import latest_state, sequence_of
from fhir_server.store.values import Commit, Write

_CHANGED = "what this change was decided upon has changed meanwhile"


def claim_hash(key: str) -> bytes:
    """A claim's key as it is stored. A collision makes a rival look again, nothing else."""
    return blake2b(key.encode(), digest_size=16).digest()


def check_claims(connection: apsw.Connection, commit: Commit) -> None:
    """Raise `Contended` where a commit after the basis carried a key that this one depends on."""
    if not commit.depends_on or commit.basis is None:
        return
    try:
        basis = sequence_of(commit.basis, latest_state(connection))
    except SnapshotExpired as error:
        raise Contended(_CHANGED) from error
    if basis < schema.get(connection, "claims_horizon"):
        raise Contended(_CHANGED)
    for key in commit.depends_on:
        sequence = connection.execute("SELECT seq FROM claims WHERE key=?", (claim_hash(key),)).get
        if sequence is not None and sequence > basis:
            raise Contended(_CHANGED)


def write_claims(connection: apsw.Connection, keys: Iterable[str], sequence: int) -> None:
    """Note that a commit carried these keys."""
    rows = [(claim_hash(key), sequence) for key in keys]
    if rows:
        connection.executemany("REPLACE INTO claims VALUES(?,?)", rows)


@dataclass(frozen=True, slots=True)
class Holding:
    """A resource that a commit changes, with the unique keys that it holds afterwards."""

    position: int
    write: Write
    keys: tuple[str, ...]
    is_new: bool


def check_holds(connection: apsw.Connection, holdings: list[Holding]) -> None:
    """Raise `Conflict` where a key is held by a resource that does not give it up in the same commit."""
    changing = {(holding.write.type, holding.write.id) for holding in holdings}
    taken: dict[str, tuple[str, str]] = {}
    for holding in holdings:
        own = (holding.write.type, holding.write.id)
        for key in holding.keys:
            holder = connection.execute("SELECT type, id FROM holds WHERE key=?", (key,)).fetchone()
            rival = holder is not None and holder != own and holder not in changing
            if rival or taken.setdefault(key, own) != own:
                raise Conflict(
                    f"{own[0]}/{own[1]} would be the second one of which there may be only one",
                    position=holding.position,
                )


def write_holds(connection: apsw.Connection, holdings: list[Holding]) -> None:
    """Release what the resources held, then note what they hold now."""
    for holding in (known for known in holdings if not known.is_new):
        connection.execute("DELETE FROM holds WHERE type=? AND id=?", (holding.write.type, holding.write.id))
    rows = [(key, holding.write.type, holding.write.id) for holding in holdings for key in dict.fromkeys(holding.keys)]
    if rows:
        connection.executemany("INSERT INTO holds VALUES(?,?,?)", rows)
