"""A place for an embedded store that a record moves into.

The rows are those that the writer would have left, but for two things: each version has a commit number of its own,
since no snapshot of before can be asked for, and versions that were replaced are in no index, as after a clean-up.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw

from fhir_server.store.chain import EMPTY, Head, HeadFile, Link, mirrored_chains
from fhir_server.store.entries import Entries
from fhir_server.store.migration.contract import (
    Hold,
    Indexed,
    KeptVersion,
    Marker,
    MigrationRefused,
    advanced,
    overtaken,
    read_marker,
)
from fhir_server.store.options import StoreOptions
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.audit.links import STORE_CHAIN
from fhir_server.store.sqlite.audit.search import chain_files
from fhir_server.store.sqlite.audit.verify import verify_chains
from fhir_server.store.sqlite.audit.worker import make_chain_file
from fhir_server.store.sqlite.commits.apply import write_index
from fhir_server.store.sqlite.commits.vocabulary import Vocabulary
from fhir_server.store.sqlite.connection import (
    close_tidily,
    open_connection,
    refusal,
    require_engine,
    roll_back,
    run_script,
    use_write_ahead_log,
)
from fhir_server.store.sqlite.files import Files
from fhir_server.store.sqlite.index_state import index_version
from fhir_server.store.sqlite.migration.content import SqliteContent
from fhir_server.store.sqlite.opening import new_epoch
from fhir_server.store.sqlite.packing import pack
from fhir_server.store.sqlite.queries.reads import checksum
from fhir_server.store.sqlite.schema import FOREVER, METHODS
from fhir_server.store.sqlite.upkeep.clean import remove_index
from fhir_server.store.values import ChainReport, IndexJob

CACHE_KIB = 131_072
_CHAIN = re.compile(r"[a-z]+[0-9]*")

_BEFORE = """SELECT vid, indexed, spans FROM version INDEXED BY version_key WHERE type=? AND id=? AND version=?"""
_SUPERSEDE = "UPDATE version SET until_commit=?, replaced=? WHERE vid=?"
_VERSION = f"""INSERT INTO version(vid, version, method, indexed, from_commit, until_commit, last_updated, type, id,
 patients, tokens, keys, spans) VALUES(?1,?2,?3,?4,?1,{FOREVER},?5,?6,?7,?8,?9,?10,?11)"""
_DELETION = f"""INSERT INTO version(vid, version, method, indexed, from_commit, until_commit, last_updated, type, id,
 patients, tokens, keys, spans)
 SELECT ?1,?2,?3,0,?1,{FOREVER},?4, type, id, ?5, tokens, keys, spans FROM version WHERE vid=?6"""
_BODY = "INSERT INTO body(vid, last_updated, method, checksum, patients, bytes) VALUES(?,?,?,?,?,?)"
_JOB = "INSERT INTO index_job(source, types, at, until, done, total, complete) VALUES(?,?,?,?,?,?,?)"

_Result = TypeVar("_Result")


class SqliteTarget(SqliteContent):
    """See `migration.contract.Target`. One thread does all that it does, on a connection of its own."""

    def __init__(self, path: Path, options: StoreOptions) -> None:
        require_engine()
        super().__init__(Files(path, options.heads), self._run)
        self._options = options
        self._vocabulary = Vocabulary()
        self._thread = ThreadPoolExecutor(1, "store-migration")
        self._connection: apsw.Connection | None = None

    @property
    def index(self) -> str:
        return index_version(self._options)

    async def _run(self, work: Callable[[apsw.Connection], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do(self, work: Callable[[apsw.Connection], _Result]) -> _Result:
        try:
            if self._connection is None:
                self.files.make_folders()
                self._connection = open_connection(self.files.database, cache_kib=CACHE_KIB)
            return work(self._connection)
        except apsw.Error as error:
            raise refusal(error) from error

    def _write(self, work: Callable[[apsw.Connection], _Result]) -> Awaitable[_Result]:
        return self._run(lambda connection: _in_transaction(connection, lambda: work(connection)))

    async def begin(self, marker: Marker) -> None:
        def make(connection: apsw.Connection) -> None:
            use_write_ahead_log(connection)
            _in_transaction(connection, lambda: self._create(connection, marker))

        await self._run(make)

    def _create(self, connection: apsw.Connection, marker: Marker) -> None:
        if schema.is_empty(connection):
            schema.create(connection, self._options.clock(), new_epoch(), marker.index)
            schema.put(connection, schema.MIGRATION, marker.text())
            run_script(connection, f"PRAGMA application_id={schema.APPLICATION_ID}")
        self._require(connection, marker)

    def _require(self, connection: apsw.Connection, marker: Marker) -> None:
        if read_marker(schema.get(connection, schema.MIGRATION)) != marker:
            raise overtaken(str(self.files.database))

    async def write(self, batch: Sequence[Indexed], before: Marker) -> Marker:
        def write(connection: apsw.Connection) -> Marker:
            self._require(connection, before)
            first = before.versions + 1
            renumbered = 0
            for vid, (kept, entries) in enumerate(batch, first):
                _write_version(connection, vid, kept, entries, self._vocabulary)
                renumbered += kept.event not in (None, vid)
            after = advanced(before, batch, before.versions + len(batch), renumbered)
            schema.put(connection, schema.MIGRATION, after.text())
            return after

        try:
            after = await self._write(write)
        except BaseException:
            self._vocabulary.undone()
            raise
        self._vocabulary.done()
        return after

    async def append(self, chain: str, links_: Sequence[Link]) -> None:
        if not _CHAIN.fullmatch(chain):
            raise MigrationRefused(f"the audit chain {chain!r} has a name that an embedded store has no file for")

        def append(connection: apsw.Connection) -> None:
            if chain == STORE_CHAIN:
                _in_transaction(connection, lambda: links.insert(connection, links_))
                return
            with closing(make_chain_file(self.files.audit / f"{chain}.db")) as file:
                _in_transaction(file, lambda: links.insert(file, links_))

        await self._run(append)

    async def hold(self, holds: AsyncIterator[Sequence[Hold]]) -> None:
        await self._write(lambda connection: connection.execute("DELETE FROM holds"))
        async for part in holds:
            await self._write(partial(_write_holds, part=part))

    async def settle(self, rules: int, jobs: Sequence[IndexJob], heads: Mapping[str, Head]) -> None:
        def settle(connection: apsw.Connection) -> None:
            last, time_ms = connection.execute("SELECT coalesce(max(vid), 0), max(last_updated) FROM version").get
            connection.execute("DELETE FROM commits")
            time_ms = self._options.clock() if time_ms is None else time_ms
            connection.execute("INSERT INTO commits VALUES(?,?)", (last, time_ms))
            connection.execute("DELETE FROM index_job")
            rows = [_job_row(job, last) for job in jobs]
            connection.executemany(_JOB, rows)
            for key, value in (("rules", rules), ("horizon", last), ("claims_horizon", last)):
                schema.put(connection, key, value)

        await self._write(settle)
        # A chain without entries has its mirror too, before it gets the first one.
        for chain, head in {STORE_CHAIN: EMPTY, **heads}.items():
            _mirror(self.files.heads, chain, head)

    async def verify_audit(self) -> Sequence[ChainReport]:
        return await self._run(lambda connection: verify_chains(connection, self.files.audit, self.files.heads))

    async def mirrored(self) -> Mapping[str, Head]:
        read = {chain: HeadFile(self.files.heads, chain).read() for chain in mirrored_chains(self.files.heads)}
        return {chain: head for chain, head in read.items() if head is not None}

    async def complete(self) -> None:
        """Checkpoints in the chain of the store tie in those of the workers and those that came from another store."""

        def complete(connection: apsw.Connection) -> Head:
            head = links.tail(connection)
            for chain, path in chain_files(self.files.audit).items():
                with closing(make_chain_file(path)) as file:
                    end = links.tail(file)
                head = links.append_checkpoint(connection, head, chain, end, self._options.clock())
            schema.put(connection, schema.MIGRATED, schema.get(connection, schema.MIGRATION))
            connection.execute("DELETE FROM meta WHERE key=?", (schema.MIGRATION,))
            return head

        _mirror(self.files.heads, STORE_CHAIN, await self._write(complete))

    async def close(self) -> None:
        def close() -> None:
            if self._connection is not None:
                close_tidily(self._connection)

        await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown()


def _in_transaction(connection: apsw.Connection, work: Callable[[], _Result]) -> _Result:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work()
        connection.execute("COMMIT")
    finally:
        roll_back(connection)
    return result


def _write_holds(connection: apsw.Connection, part: Sequence[Hold]) -> None:
    connection.executemany("INSERT INTO holds VALUES(?,?,?)", [(each.key, each.type, each.id) for each in part])


def _write_version(
    connection: apsw.Connection, vid: int, kept: KeptVersion, entries: Entries, vocabulary: Vocabulary
) -> None:
    version = kept.version
    method, time_ms = METHODS.index(version.method), version.last_updated_ms
    patients = "\n".join(version.patients) or None
    before = _supersede(connection, vid, kept) if version.version > 1 else None
    if version.deleted:
        if before is None:
            raise MigrationRefused(f"{version.type}/{version.id} begins with a deletion: the source is damaged")
        connection.execute(_DELETION, (vid, version.version, method, time_ms, patients, before))
    else:
        packed = pack(version.type, entries)
        is_current = kept.replaced_ms is None
        known = (vid, version.version, method, int(is_current), time_ms, version.type, version.id, patients)
        connection.execute(_VERSION, (*known, packed.tokens, packed.keys, packed.spans))
        if is_current:
            write_index(connection, vid, packed, vocabulary)
    check = checksum(version.type, version.id, version.version, version.body)
    connection.execute(_BODY, (vid, time_ms, method, check, patients, version.body))


def _supersede(connection: apsw.Connection, vid: int, kept: KeptVersion) -> int:
    """The row of the version before, which this one replaces. It is in the index where it was the newest one when it
    was copied: the source has been written to since."""
    version = kept.version
    row = connection.execute(_BEFORE, (version.type, version.id, version.version - 1)).fetchone()
    if row is None:
        raise MigrationRefused(
            f"{version.type}/{version.id} has a version {version.version}, but none before it: the source is damaged"
        )
    before, indexed, spans = row
    connection.execute(_SUPERSEDE, (vid, version.last_updated_ms, before))
    if indexed:
        remove_index(connection, before, version.type, spans)
    return int(before)


def _job_row(job: IndexJob, last: int) -> tuple[Any, ...]:
    """A job that is complete, or one that begins anew over everything."""
    types = " ".join(job.types)
    if job.complete:
        return job.source, types, last, last, job.done, job.total, 1
    return job.source, types, 0, last, 0, None, 0


def _mirror(heads: Path, chain: str, head: Head) -> None:
    mirror = HeadFile(heads, chain)
    mirror.write(head)
    mirror.sync()
    mirror.close()
