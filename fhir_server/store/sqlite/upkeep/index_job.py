"""Indexing anew what is there of some types, when a search parameter came, changed or went.

Searches go on meanwhile. What is written while a job runs has its new entries already, so the job goes up to the last
row of before it and is then complete. Of superseded versions nothing is indexed anew: a search by the parameter begins
after the job, and no snapshot from then on has them.
"""

from typing import TYPE_CHECKING, NamedTuple

import apsw

from fhir_server.store.access import EVERYTHING
from fhir_server.store.sqlite.commits.apply import write_index
from fhir_server.store.sqlite.index_jobs import job_at, raise_rules
from fhir_server.store.sqlite.index_state import require_rules
from fhir_server.store.sqlite.packing import Packed, pack
from fhir_server.store.sqlite.queries.reads import read_page
from fhir_server.store.sqlite.schema import DELETE, FOREVER
from fhir_server.store.sqlite.upkeep.clean import remove_index
from fhir_server.store.sqlite.upkeep.verify import EntriesOf
from fhir_server.store.values import IndexJob, Version

if TYPE_CHECKING:
    from fhir_server.store.sqlite.store import SqliteStore

BATCH = 200
SPAN = 20_000
"""Rows looked through in one batch at the most, also where none of them is of the types"""

_OLDEST = "SELECT seq, types, at, until, total FROM index_job WHERE complete=0 ORDER BY seq LIMIT 1"
_CURRENT = f"v.until_commit={FOREVER} AND v.method<>{DELETE}"
_REPACK = "UPDATE version SET tokens=?, keys=?, spans=?, patients=?, indexed=1 WHERE vid=?"


class _Batch(NamedTuple):
    """Rows to index anew; everything up to `since` has been looked through, and afterwards up to `at`."""

    seq: int
    since: int
    at: int
    until: int
    total: int
    vids: tuple[int, ...]
    versions: tuple[Version, ...]


async def run_index_job(store: "SqliteStore", entries_of: EntriesOf, rules: int) -> IndexJob | None:
    """See `contract.Store.run_index_job`."""
    batch = await store.readers.ask(_next)
    if batch is None:
        return None
    packed = [pack(version.type, await entries_of(version)) for version in batch.versions]
    return await store.writer.task(lambda connection: _write(connection, batch, packed, rules))


def _next(connection: apsw.Connection) -> _Batch | None:
    row = connection.execute(_OLDEST).fetchone()
    if row is None:
        return None
    seq, types, at, until, total = row
    named = types.split()
    marks = ",".join("?" * len(named))
    last = min(at + SPAN, until)
    text = f"SELECT vid FROM version v NOT INDEXED WHERE vid>? AND vid<=? AND type IN ({marks}) AND {_CURRENT}"
    vids = [vid for (vid,) in connection.execute(f"{text} ORDER BY vid LIMIT {BATCH}", (at, last, *named))]
    if total is None:
        total = _count(connection, named, until)
    reached = vids[-1] if len(vids) == BATCH else last
    return _Batch(seq, at, reached, until, total, tuple(vids), read_page(connection, EVERYTHING, None, vids))


def _count(connection: apsw.Connection, types: list[str], until: int) -> int:
    text = f"SELECT count(*) FROM version v INDEXED BY version_type WHERE type=? AND vid<=? AND {_CURRENT}"
    return sum(int(connection.execute(text, (name, until)).get) for name in types)


def _write(connection: apsw.Connection, batch: _Batch, packed: list[Packed], rules: int) -> IndexJob | None:
    require_rules(connection, rules)
    if connection.execute("SELECT at FROM index_job WHERE seq=?", (batch.seq,)).get != batch.since:
        return job_at(connection, batch.seq)  # another process has done it meanwhile
    for vid, version, fresh in zip(batch.vids, batch.versions, packed, strict=True):
        _index_anew(connection, vid, version.type, fresh)
    complete = batch.at >= batch.until
    connection.execute(
        "UPDATE index_job SET at=?1, done=iif(?2, ?3, min(done+?4, ?3)), total=?3, complete=?2 WHERE seq=?5",
        (batch.at, int(complete), batch.total, len(batch.vids), batch.seq),
    )
    if complete:
        raise_rules(connection)
    return job_at(connection, batch.seq)


def _index_anew(connection: apsw.Connection, vid: int, type: str, packed: Packed) -> None:
    """Replace the entries of a version that is still current; one that has been superseded meanwhile stays as it is."""
    text = f"SELECT v.spans FROM version v WHERE v.vid=? AND {_CURRENT}"
    row = connection.execute(text, (vid,)).fetchone()
    if row is None:
        return
    remove_index(connection, vid, type, row[0])
    patients = "\n".join(packed.patients) or None
    connection.execute(_REPACK, (packed.tokens, packed.keys, packed.spans, patients, vid))
    write_index(connection, vid, packed)
