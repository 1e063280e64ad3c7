"""Entries in the tables of one chain, and the comparison of a chain with its mirrored head."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import apsw
import msgspec

from fhir_server.store import chain as chains
from fhir_server.store.chain import (
    ADVICE,
    CHECKPOINT,
    EMPTY,
    EVENT,
    Checkpoint,
    Head,
    HeadFile,
    Link,
    link_after,
    split_patients,
)
from fhir_server.store.options import StoreDamaged
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.forms import digest
from fhir_server.store.values import AuditEntry

STORE_CHAIN = "store"

_CHECKPOINTED = "checkpoint "

_INSERT = "INSERT INTO audit(seq, kind, recorded_ms, patients, body, hash) VALUES(?,?,?,?,?,?)"
_INSERT_PATIENTS = "INSERT INTO audit_patient(rowid, words) VALUES(?,?)"
_BOUNDS = "a.seq<=? AND a.kind=? AND a.recorded_ms>=? AND a.recorded_ms<?"
_OF_PATIENT = (
    "FROM audit_patient(?) p CROSS JOIN audit a ON a.seq=p.rowid"
    " WHERE instr(char(10)||a.patients||char(10), char(10)||?||char(10))"
)
_COLUMNS = (
    "a.seq, CAST(a.kind AS INTEGER), CAST(a.recorded_ms AS INTEGER), CAST(a.patients AS BLOB),"
    " CAST(a.body AS BLOB), CAST(a.hash AS BLOB)"
)
"""Each of its own type, whatever somebody may have put there: the hash tells that it is not what was written."""
_SELECT = f"SELECT {_COLUMNS} FROM audit a"


def tail(connection: apsw.Connection) -> Head:
    """The last entry of the chain."""
    row = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return EMPTY if row is None else Head(*row)


def append(connection: apsw.Connection, head: Head, kind: int, entries: Sequence[AuditEntry]) -> Head:
    """Append entries behind `head`, inside the caller's transaction; the new head."""
    links = []
    for entry in entries:
        link = link_after(head, kind, entry)
        head = Head(link.sequence, link.hash)
        links.append(link)
    insert(connection, links)
    return head


def insert(connection: apsw.Connection, links: Sequence[Link]) -> None:
    """Write links that have their place in the chain already."""
    rows = [(link.sequence, link.kind, link.recorded_ms, link.patients or None, link.body, link.hash) for link in links]
    connection.executemany(_INSERT, rows)
    index_patients(connection, links)


def index_patients(connection: apsw.Connection, links: Sequence[Link]) -> None:
    """Let the entries be found by the patients that they name.

    A full-text index of hashes, because it appends: with a table ordered by patients each entry would change a page
    of its own, and recording a read would take twice as long.
    """
    named = [(link.sequence, patient_words(link.patients)) for link in links if link.patients]
    if named:
        connection.executemany(_INSERT_PATIENTS, named)


@lru_cache(maxsize=4_096)
def patient_words(patients: str) -> str:
    """The words by which an entry that names these patients is found."""
    return " ".join(digest(patient).hex() for patient in split_patients(patients))


def append_checkpoint(connection: apsw.Connection, head: Head, chain: str, other: Head, time_ms: int) -> Head:
    """Tie the other chain's head into this chain."""
    schema.put(connection, _CHECKPOINTED + chain, f"{other.sequence} {other.hash.hex()}")
    body = msgspec.json.encode(Checkpoint(chain, other.sequence, other.hash.hex()))
    return append(connection, head, CHECKPOINT, [AuditEntry(body, time_ms)])


def checkpointed(connection: apsw.Connection, chain: str) -> Head:
    """The head of another chain that was tied in last."""
    number, _, digest = (schema.get(connection, _CHECKPOINTED + chain) or "0 ").partition(" ")
    return Head(int(number), bytes.fromhex(digest)) if digest else EMPTY


def links_after(connection: apsw.Connection, sequence: int, count: int) -> list[Link]:
    """The next entries behind a number, in order."""
    rows = connection.execute(f"{_SELECT} WHERE a.seq>? ORDER BY a.seq LIMIT ?", (sequence, count))
    return [_link(row) for row in rows]


def link_at(connection: apsw.Connection, sequence: int) -> Link | None:
    """One entry by its number."""
    row = connection.execute(f"{_SELECT} WHERE a.seq=?", (sequence,)).fetchone()
    return None if row is None else _link(row)


def events_before(
    connection: apsw.Connection, sequence: int, patient: str | None, low_ms: int, high_ms: int
) -> Iterator[Link]:
    """Audit entries up to and with a number, newest first: recorded in [low, high), of the patient if one is given."""
    bounds = (sequence, EVENT, low_ms, high_ms)
    if patient is None:
        return map(_link, connection.execute(f"{_SELECT} WHERE {_BOUNDS} ORDER BY a.seq DESC", bounds))
    text = f"SELECT {_COLUMNS} {_OF_PATIENT} AND {_BOUNDS}"
    return map(_link, connection.execute(f"{text} ORDER BY p.rowid DESC", (patient_words(patient), patient, *bounds)))


def _link(row: Sequence[Any]) -> Link:
    sequence, kind, recorded_ms, patients, body, hash = row
    named = "" if patients is None else patients.decode(errors="replace")
    return Link(sequence, kind, recorded_ms, named, body, hash)


def require_head(connection: apsw.Connection, mirror: HeadFile, chain: str) -> None:
    """Raise `StoreDamaged` unless the chain has the entry that its mirrored head names.

    The mirror is read first: others may be appending meanwhile.
    """
    try:
        mirrored = mirror.read()
    except ValueError as error:
        raise StoreDamaged(f"{error}: {ADVICE}") from error
    end = tail(connection)
    if mirrored is None:
        if end != EMPTY:
            raise StoreDamaged(f"the mirrored head of the audit chain {chain} is missing at {mirror.path}: {ADVICE}")
        mirror.write(EMPTY)
        mirror.sync()
        return
    fault = head_fault(connection, mirrored, end)
    if fault is not None:
        raise StoreDamaged(f"the audit chain {chain} {fault}: {ADVICE}")


def require_nothing_lost(mirror: HeadFile, chain: str) -> None:
    """Raise `StoreDamaged` where a chain that has no file had entries."""
    try:
        mirrored = mirror.read()
    except ValueError as error:
        raise StoreDamaged(f"{error}: {ADVICE}") from error
    if mirrored not in (None, EMPTY):
        raise StoreDamaged(f"the file of the audit chain {chain} is missing: {ADVICE}")


def head_fault(connection: apsw.Connection, mirrored: Head, end: Head) -> str | None:
    """How the chain differs from its mirrored head, or None."""

    def hash_at(sequence: int) -> bytes | None:
        link = link_at(connection, sequence)
        return None if link is None else link.hash

    return chains.head_fault(mirrored, end, hash_at)
