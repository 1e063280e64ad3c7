"""Building the index anew, when its format or the rules for entries have changed.

While it runs, searches and filtered sessions are refused: half an index would hide rows, or let through what a rule
forbids. The place reached is kept in `meta`, so a kill costs one batch. Other programs' versions may not write.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import apsw

from fhir_server.store.access import EVERYTHING
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.commits.apply import write_index
from fhir_server.store.sqlite.connection import run_script
from fhir_server.store.sqlite.index_state import BUILDING
from fhir_server.store.sqlite.packing import Packed, pack
from fhir_server.store.sqlite.queries.reads import read_page
from fhir_server.store.sqlite.schema import DELETE, FOREVER
from fhir_server.store.sqlite.state import latest_state
from fhir_server.store.sqlite.upkeep.verify import EntriesOf
from fhir_server.store.values import Version

if TYPE_CHECKING:
    from fhir_server.store.sqlite.store import SqliteStore

_REPACK = "UPDATE version SET tokens=?, keys=?, spans=?, patients=?, indexed=? WHERE vid=?"
_INHERIT = """UPDATE version SET (tokens, keys, spans, patients)=(SELECT p.tokens, p.keys, p.spans, p.patients
 FROM version p WHERE p.type=version.type AND p.id=version.id AND p.version=version.version-1) WHERE vid=?"""

Fresh = list[tuple[int, Packed | None]]
"""Row numbers with their new entries; None for deletions, which inherit those of the version before them."""


async def reindex(
    store: "SqliteStore",
    wanted: str,
    entries_of: EntriesOf,
    batch: int,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Build the index for `wanted`, or go on building it; how many versions were indexed by this call."""
    await store.writer.task(lambda connection: _begin(connection, wanted))
    done = 0
    while True:
        fresh = await _next(store, entries_of, batch)
        if not fresh:
            await store.writer.task(lambda connection: _finish(connection, wanted))
            return done
        await store.writer.task(lambda connection, fresh=fresh: _write(connection, fresh))  # type: ignore[misc]
        done += len(fresh)
        if progress is not None:
            progress(*await store.readers.ask(_reached))


def _reached(connection: apsw.Connection) -> tuple[int, int]:
    return schema.get(connection, "reindex_at"), schema.get(connection, "reindex_end")


def _begin(connection: apsw.Connection, wanted: str) -> None:
    """Empty the index, unless this build has begun already."""
    if schema.get(connection, "index") == BUILDING + wanted:
        return
    run_script(connection, schema.DROP_INDEX + schema.INDEX_TABLES)
    last = connection.execute("SELECT max(vid) FROM version").get or 0
    horizon = latest_state(connection).sequence
    for key, value in (("index", BUILDING + wanted), ("reindex_at", 0), ("reindex_end", last), ("horizon", horizon)):
        schema.put(connection, key, value)


async def _next(store: "SqliteStore", entries_of: EntriesOf, batch: int) -> Fresh:
    vids, versions = await store.readers.ask(lambda connection: _batch(connection, batch))
    return [
        (vid, None if version.deleted else pack(version.type, await entries_of(version)))
        for vid, version in zip(vids, versions, strict=True)
    ]


def _batch(connection: apsw.Connection, batch: int) -> tuple[list[int], tuple[Version, ...]]:
    at, end = schema.get(connection, "reindex_at"), schema.get(connection, "reindex_end")
    text = "SELECT vid FROM version WHERE vid>? AND vid<=? ORDER BY vid LIMIT ?"
    vids = [vid for (vid,) in connection.execute(text, (at, end, batch))]
    return vids, read_page(connection, EVERYTHING, None, vids)


def _write(connection: apsw.Connection, fresh: Fresh) -> None:
    for vid, packed in fresh:
        if packed is None:
            connection.execute(_INHERIT, (vid,))
        else:
            _write_one(connection, vid, packed)
        connection.execute("UPDATE body SET patients=(SELECT patients FROM version WHERE vid=?1) WHERE vid=?1", (vid,))
    schema.put(connection, "reindex_at", fresh[-1][0])


def _write_one(connection: apsw.Connection, vid: int, packed: Packed) -> None:
    current = connection.execute("SELECT until_commit FROM version WHERE vid=?", (vid,)).get == FOREVER
    patients = "\n".join(packed.patients) or None
    connection.execute(_REPACK, (packed.tokens, packed.keys, packed.spans, patients, int(current), vid))
    if current:
        write_index(connection, vid, packed)


def _finish(connection: apsw.Connection, wanted: str) -> None:
    """Deletions made meanwhile may have inherited old entries; after them the index is whole."""
    end = schema.get(connection, "reindex_end")
    for (vid,) in connection.execute("SELECT vid FROM version WHERE vid>? AND method=?", (end, DELETE)).fetchall():
        connection.execute(_INHERIT, (vid,))
    schema.put(connection, "index", wanted)
