"""The SQLite store, opened and wired."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_bytes, token_hex

import apsw

from fhir_server.outcome import Unavailable
from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.chain import HeadFile
from fhir_server.store.options import StoreOptions
from fhir_server.store.sqlite import leases, schema
from fhir_server.store.sqlite.audit.links import STORE_CHAIN
from fhir_server.store.sqlite.audit.verify import verify_chains
from fhir_server.store.sqlite.audit.worker import WorkerChain
from fhir_server.store.sqlite.commits.writer import Writer
from fhir_server.store.sqlite.connection import close_tidily, open_connection, refusal
from fhir_server.store.sqlite.files import Files
from fhir_server.store.sqlite.index_jobs import jobs
from fhir_server.store.sqlite.index_state import index_rules, index_version
from fhir_server.store.sqlite.lock import WriteLock
from fhir_server.store.sqlite.opening import open_database
from fhir_server.store.sqlite.readers import Readers
from fhir_server.store.sqlite.schema import DELETE, FOREVER, METHODS
from fhir_server.store.sqlite.session import SqliteSession
from fhir_server.store.sqlite.upkeep.backup import back_up
from fhir_server.store.sqlite.upkeep.clean import clean
from fhir_server.store.sqlite.upkeep.index_job import run_index_job
from fhir_server.store.sqlite.upkeep.reindex import reindex
from fhir_server.store.sqlite.upkeep.verify import EntriesOf, verify_index
from fhir_server.store.values import ChainReport, CleanReport, Counts, Event, IndexJob

_COUNTS = f"""SELECT type, count(*) FROM version INDEXED BY version_type
 WHERE until_commit={FOREVER} AND method<>{DELETE} GROUP BY type"""
_EVENTS = "SELECT vid, type, id, version, method FROM version NOT INDEXED WHERE vid>? ORDER BY vid LIMIT ?"
_ROOM = 1 << 20


class SqliteStore:
    """See `contract.Store`."""

    def __init__(self, path: Path, options: StoreOptions) -> None:
        self.files = Files(path, options.heads)
        self.options = options
        self.index = index_version(options)
        self.connection = open_database(self.files, options)
        self.worker = WorkerChain(self.files.audit, self.files.heads, options)
        self._mirror = HeadFile(self.files.heads, STORE_CHAIN)
        self.writer = Writer(self.files.database, options, self._mirror, self.worker)
        self.readers = Readers(self.files.database, options.reader_threads, options.search_seconds)
        self._holder = token_hex(8)

    def session(self, access: AccessFilter) -> SqliteSession:
        return SqliteSession(self, access)

    def unbound_session(self) -> SqliteSession:
        return SqliteSession(self, EVERYTHING)

    async def close(self) -> None:
        await self.worker.close()
        await self.writer.close()
        await asyncio.to_thread(self.readers.close)
        close_tidily(self.connection)
        self._mirror.close()

    async def check(self) -> None:
        if self.writer.stopped:
            raise Unavailable("the store stopped writing after an error of the disk; restart the server")
        try:
            self.connection.execute("SELECT count(*) FROM meta").fetchall()
            self.worker.probe()
        except apsw.Error as error:
            raise refusal(error) from error
        if self.writer.full:
            await self.writer.task(_grow)
            await self.writer.task(_shrink)
        else:
            await self.writer.task(_touch)

    async def counts(self) -> Counts:
        return await self.readers.ask(lambda connection: Counts(dict(connection.execute(_COUNTS))))

    def secret(self, name: str, size: int) -> bytes:
        lock = WriteLock(self.files.database)
        try:
            return leases.secret(self.connection, lock, name, size)
        finally:
            lock.close()

    async def acquire_lease(self, name: str, holder: str, seconds: float) -> bool:
        now = self.options.clock
        return await self.writer.task(lambda connection: leases.acquire(connection, name, holder, seconds, now()))

    async def release_lease(self, name: str, holder: str) -> None:
        await self.writer.task(lambda connection: leases.release(connection, name, holder))

    async def events(self, after: int, count: int) -> Sequence[Event]:
        def ask(connection: apsw.Connection) -> list[Event]:
            return [
                Event(vid, type, id, version, METHODS[method])
                for vid, type, id, version, method in connection.execute(_EVENTS, (after, count))
            ]

        return await self.readers.ask(ask)

    async def clean(self, snapshot_seconds: float) -> CleanReport:
        return await clean(self, snapshot_seconds, self._holder)

    async def verify_audit(self) -> Sequence[ChainReport]:
        return await asyncio.to_thread(self._verify_audit)

    def _verify_audit(self) -> Sequence[ChainReport]:
        connection = open_connection(self.files.database)
        try:
            return verify_chains(connection, self.files.audit, self.files.heads)
        finally:
            connection.close()

    async def verify_index(self, entries_of: EntriesOf) -> Sequence[str]:
        return await verify_index(self, entries_of)

    async def reindex(
        self, entries_of: EntriesOf, batch: int = 200, progress: Callable[[int, int], None] | None = None
    ) -> int:
        if not self.needs_reindex():
            return 0
        return await reindex(self, self.index, entries_of, batch, progress)

    async def index_rules(self) -> int:
        try:
            return index_rules(self.connection)
        except apsw.Error as error:
            raise refusal(error) from error

    async def index_jobs(self) -> Sequence[IndexJob]:
        return await self.readers.ask(jobs)

    async def run_index_job(self, entries_of: EntriesOf, rules: int) -> IndexJob | None:
        return await run_index_job(self, entries_of, rules)

    def needs_reindex(self) -> bool:
        return bool(schema.get(self.connection, "index") != self.index)

    async def backup(self, target: Path) -> None:
        await asyncio.to_thread(back_up, self.files, target, self.options.clock())


def _touch(connection: apsw.Connection) -> None:
    """Show that the database can be written."""
    connection.execute("REPLACE INTO probe VALUES(1, ?)", (token_bytes(8),))


def _grow(connection: apsw.Connection) -> None:
    """Show that there is room again."""
    connection.execute("REPLACE INTO probe VALUES(2, zeroblob(?))", (_ROOM,))


def _shrink(connection: apsw.Connection) -> None:
    connection.execute("DELETE FROM probe WHERE id=2")
