"""Comparing the index with entries made anew from the bodies."""

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw
import msgspec

from fhir_server.store.access import EVERYTHING
from fhir_server.store.entries import Entries
from fhir_server.store.sqlite.connection import open_connection
from fhir_server.store.sqlite.forms import HASH_SIZE
from fhir_server.store.sqlite.packing import TABLES, Packed, pack
from fhir_server.store.sqlite.queries.reads import read_page
from fhir_server.store.sqlite.schema import DELETE, FOREVER
from fhir_server.store.values import Version

if TYPE_CHECKING:
    from fhir_server.store.sqlite.store import SqliteStore

BATCH = 100
MOST_PLACES = 1_000
_MASK = 2**64 - 1

EntriesOf = Callable[[Version], Awaitable[Entries]]

_ROWS = {
    "date": "SELECT 1 FROM date WHERE field=? AND low=? AND high=? AND vid=?",
    "string": "SELECT 1 FROM string WHERE field=? AND text=? AND vid=?",
    "number": "SELECT 1 FROM number WHERE field=? AND unit=? AND low=? AND high=? AND vid=?",
    "position": "SELECT 1 FROM position WHERE field=? AND latitude=? AND longitude=? AND vid=?",
}
_TERM = "SELECT 1 FROM vocabulary WHERE field=? AND text=?"
_STRAYS = {
    "posting": "SELECT id FROM posting_docsize WHERE id NOT IN (SELECT vid FROM version WHERE indexed=1) LIMIT 1",
    **{
        table: f"SELECT t.vid FROM {table} t LEFT JOIN version v ON v.vid=t.vid WHERE v.indexed IS NOT 1 LIMIT 1"
        for table in TABLES
    },
}


class Stored(NamedTuple):
    """A current version, with its packed columns as they are stored."""

    vid: int
    version: Version
    tokens: bytes
    keys: bytes
    spans: str | None

    @property
    def place(self) -> str:
        return f"{self.version.type}/{self.version.id}/_history/{self.version.version}"


async def verify_index(store: "SqliteStore", entries_of: EntriesOf) -> Sequence[str]:
    """The places where the index differs from the bodies; at most `MOST_PLACES` of them."""
    places = await asyncio.to_thread(_structure, store.files.database)
    posted = await asyncio.to_thread(_posted, store.files.database)
    last = 0
    while len(places) < MOST_PLACES:
        batch = await store.readers.ask(partial(stored_after, last=last))
        if not batch:
            break
        fresh = [(stored, pack(stored.version.type, await entries_of(stored.version))) for stored in batch]
        places += await store.readers.ask(partial(_differences, batch=fresh, posted=posted))
        last = batch[-1].vid
    return places


def stored_after(connection: apsw.Connection, last: int) -> list[Stored]:
    """The next current versions behind a row number."""
    rows: list[Any] = connection.execute(
        f"SELECT vid, tokens, keys, spans FROM version WHERE vid>? AND until_commit={FOREVER} AND method<>{DELETE}"
        f" ORDER BY vid LIMIT {BATCH}",
        (last,),
    ).fetchall()
    versions = read_page(connection, EVERYTHING, None, [vid for vid, _, _, _ in rows])
    return [
        Stored(vid, version, tokens, keys, spans)
        for (vid, tokens, keys, spans), version in zip(rows, versions, strict=True)
    ]


def _structure(database: Path) -> list[str]:
    """Faults of the database itself, and index rows of versions that should have none.

    On a connection of its own: the check of a full-text table reports a false fault on one that has searched in it and
    has not noticed yet that others have written since.
    """
    connection = open_connection(database)
    try:
        return _structural_faults(connection)
    finally:
        connection.close()


def _structural_faults(connection: apsw.Connection) -> list[str]:
    faults = [f"database: {row}" for (row,) in connection.execute("PRAGMA integrity_check") if row != "ok"]
    for table, text in _STRAYS.items():
        stray = connection.execute(text).get
        if stray is not None:
            faults.append(f"{table}: an index entry of row {stray}, which is not indexed")
    return faults


def _posted(database: Path) -> "array[int]":
    """For each row number the sum of its words in the full-text index, read once from its beginning to its end. It ends
    where the index cannot be read, and behind the last row of now.

    To look up one word of a row takes the longer the more rows have it, so all words of all rows would take for ever.
    """
    connection = open_connection(database)
    try:
        connection.execute("CREATE VIRTUAL TABLE temp.posted USING fts5vocab(main, posting, instance)")
        with connection:
            sums = array("Q", bytes(8 * ((connection.execute("SELECT max(vid) FROM version").get or 0) + 1)))
            for word, vid in connection.execute("SELECT term, doc FROM temp.posted"):
                sums[vid] = (sums[vid] + int(word, 16)) & _MASK
        return sums
    except apsw.CorruptError:
        return array("Q")
    finally:
        connection.close()


def _differences(
    connection: apsw.Connection, batch: Sequence[tuple[Stored, Packed]], posted: "array[int]"
) -> list[str]:
    return [
        f"{stored.place}: {fault}" for stored, packed in batch for fault in _faults(connection, stored, packed, posted)
    ]


def _faults(connection: apsw.Connection, stored: Stored, packed: Packed, posted: "array[int]") -> list[str]:
    faults = []
    if _tokens(stored.tokens) != _tokens(packed.tokens):
        faults.append("tokens differ")
    if set(stored.keys.split(b"\x1e")) != set(packed.keys.split(b"\x1e")):
        faults.append("exact keys differ")
    if _spans(stored.spans) != _spans(packed.spans):
        faults.append("dates, strings, numbers, quantities, positions or groups differ")
    if not _is_current(connection, stored.vid):
        return faults
    if not _is_posted(connection, stored.vid, packed.postings, posted):
        faults.append("postings are missing")
    for table, rows in packed.rows.items():
        if any(connection.execute(_ROWS[table], (*row, stored.vid)).get is None for row in rows):
            faults.append(f"{table}: rows are missing")
    if any(connection.execute(_TERM, term).get is None for term in packed.terms):
        faults.append("texts are missing in the vocabulary")
    return faults


def _is_posted(connection: apsw.Connection, vid: int, postings: str, posted: "array[int]") -> bool:
    """Whether the row is found by every one of its words; not where the full-text index cannot be read. Rows that were
    not there at the beginning, or have other words since, are looked up."""
    if vid < len(posted) and posted[vid] == sum(int(word, 16) for word in postings.split()) & _MASK:
        return True
    words = " AND ".join(postings.split())
    try:
        return connection.execute("SELECT 1 FROM posting(?) WHERE rowid=?", (words, vid)).get is not None
    except apsw.CorruptError:
        return False


def _is_current(connection: apsw.Connection, vid: int) -> bool:
    return bool(connection.execute("SELECT until_commit FROM version WHERE vid=?", (vid,)).get == FOREVER)


def _tokens(packed: bytes) -> set[bytes]:
    return {packed[start : start + HASH_SIZE] for start in range(0, len(packed), HASH_SIZE)}


def _spans(text: str | None) -> dict[str, Any]:
    """What `spans` says, whatever the order of the values."""
    spans = msgspec.json.decode(text) if text else {}
    return {name: sorted(map(repr, values)) for name, values in spans.items()}
