"""Cleaning up: what only expired snapshots could still name goes, batch by batch, while others read and write."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import apsw

from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.connection import run_script
from fhir_server.store.sqlite.packing import unpack_rows
from fhir_server.store.sqlite.state import latest_state
from fhir_server.store.values import CleanReport

if TYPE_CHECKING:
    from fhir_server.store.sqlite.store import SqliteStore

LEASE = "store-clean"
LEASE_SECONDS = 60.0
BATCH = 200
CLAIMS_BATCH = 5_000
MERGE_PAGES = 64
"""So much of the full-text index is merged in one transaction"""
MERGES = 4_000
"""So many of them at the most, before the lease is let go"""

_SUPERSEDED = f"""SELECT vid, type, spans FROM version INDEXED BY version_superseded
 WHERE indexed=1 AND until_commit<{schema.FOREVER} AND until_commit<=? LIMIT {BATCH}"""
_DELETES = {
    "date": "DELETE FROM date WHERE field=? AND low=? AND high=? AND vid=?",
    "string": "DELETE FROM string WHERE field=? AND text=? AND vid=?",
    "number": "DELETE FROM number WHERE field=? AND unit=? AND low=? AND high=? AND vid=?",
    "position": "DELETE FROM position WHERE field=? AND latitude=? AND longitude=? AND vid=?",
}


async def clean(store: "SqliteStore", snapshot_seconds: float, holder: str) -> CleanReport:
    """Remove what snapshots older than this alone could name. Nothing is done where another process is at it.

    Outbox entries are the versions themselves here, which are kept for good: none is removed.
    """
    if not await store.acquire_lease(LEASE, holder, LEASE_SECONDS):
        return CleanReport()
    try:
        cutoff = store.options.clock() - int(snapshot_seconds * 1000)
        horizon = await store.readers.ask(lambda connection: last_commit_at(connection, cutoff))
        await store.writer.task(lambda connection: _raise_horizon(connection, horizon))
        entries = await _clean_index(store, horizon, holder)
        claims = await _clean_claims(store, horizon)
        await store.writer.task(lambda connection: _finish(connection, horizon))
        await _merge(store, holder)
        return CleanReport(index_entries=entries, claims=claims)
    finally:
        await store.release_lease(LEASE, holder)


def last_commit_at(connection: apsw.Connection, time_ms: int) -> int:
    """The last commit at or before this time; times rise with numbers."""
    following = "SELECT time_ms FROM commits WHERE seq>=? ORDER BY seq LIMIT 1"
    last = latest_state(connection).sequence
    later = bisect_left(range(last + 1), True, key=lambda seq: connection.execute(following, (seq,)).get > time_ms)
    return max(later - 1, 0)


def _raise_horizon(connection: apsw.Connection, horizon: int) -> None:
    """From now on older snapshots are refused, so that nobody misses what goes."""
    for key in ("horizon", "claims_horizon"):
        schema.put(connection, key, max(horizon, schema.get(connection, key)))


async def _clean_index(store: "SqliteStore", horizon: int, holder: str) -> int:
    removed = 0
    while True:
        found, rows = await store.writer.task(lambda connection: _clean_batch(connection, horizon))
        removed += rows
        if found < BATCH:
            return removed
        await store.acquire_lease(LEASE, holder, LEASE_SECONDS)


def _clean_batch(connection: apsw.Connection, horizon: int) -> tuple[int, int]:
    """One batch: how many versions were cleaned, and how many index rows went."""
    versions = list(connection.execute(_SUPERSEDED, (horizon,)))
    removed = 0
    for vid, type, spans in versions:
        removed += remove_index(connection, vid, type, spans)
    return len(versions), removed


def remove_index(connection: apsw.Connection, vid: int, type: str, spans: str | None) -> int:
    """Remove the rows by which searches find a version; how many there were."""
    rows = unpack_rows(type, spans)
    for table, known in rows.items():
        connection.executemany(_DELETES[table], [(*row, vid) for row in known])
    connection.execute("DELETE FROM posting WHERE rowid=?", (vid,))
    connection.execute("UPDATE version SET indexed=0 WHERE vid=?", (vid,))
    return sum(map(len, rows.values())) + 1


@dataclass(slots=True)
class _Claims:
    last: bytes = b""
    removed: int = 0


async def _clean_claims(store: "SqliteStore", horizon: int) -> int:
    """Claims lie in no order of age: they are looked through by readers, and only old ones reach the writer."""
    done = _Claims()
    while True:
        keys, old = await store.readers.ask(lambda connection: _claims_from(connection, done.last, horizon))
        if old:
            await store.writer.task(lambda connection, old=old: _delete_claims(connection, old, horizon))  # type: ignore[misc]
            done.removed += len(old)
        if len(keys) < CLAIMS_BATCH:
            return done.removed
        done.last = keys[-1]


def _claims_from(connection: apsw.Connection, last: bytes, horizon: int) -> tuple[list[bytes], list[bytes]]:
    text = "SELECT key, seq FROM claims WHERE key>? ORDER BY key LIMIT ?"
    rows = list(connection.execute(text, (last, CLAIMS_BATCH)))
    return [key for key, _ in rows], [key for key, sequence in rows if sequence <= horizon]


def _delete_claims(connection: apsw.Connection, keys: list[bytes], horizon: int) -> None:
    connection.executemany("DELETE FROM claims WHERE key=? AND seq<=?", [(key, horizon) for key in keys])


def _finish(connection: apsw.Connection, horizon: int) -> None:
    """Forget the commits before the horizon."""
    connection.execute("DELETE FROM commits WHERE seq<?", (horizon,))


async def _merge(store: "SqliteStore", holder: str) -> None:
    """Merge the segments of the full-text index until each of its levels has one: a word is looked up in every one.

    Each commit adds a small one. What is written meanwhile is left for the next time.
    """
    for number in range(1, MERGES):
        if await store.writer.task(_merge_some) < MERGE_PAGES:
            return
        if number % 50 == 0:
            await store.acquire_lease(LEASE, holder, LEASE_SECONDS)


def _merge_some(connection: apsw.Connection) -> int:
    """About how many pages of segments were merged: https://sqlite.org/fts5.html#the_merge_command"""
    if connection.execute("SELECT v FROM posting_config WHERE k='usermerge'").get != schema.SEGMENTS_TO_MERGE:
        run_script(connection, schema.MERGE_EAGERLY)
    before = connection.total_changes()
    connection.execute("INSERT INTO posting(posting, rank) VALUES('merge', ?)", (MERGE_PAGES,))
    return connection.total_changes() - before
