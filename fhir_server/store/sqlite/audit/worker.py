"""The chain of one worker: a file of its own, so that recording a read waits for no other process.

All entries that wait go into one transaction. Where the disk answers in a fraction of a millisecond, it runs on the
event loop; else in a thread.
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from statistics import median

import apsw

from fhir_server.fault import described
from fhir_server.outcome import Unavailable
from fhir_server.store.chain import EVENT, Head, HeadFile
from fhir_server.store.options import StoreOptions
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.connection import (
    close_tidily,
    open_connection,
    refusal,
    roll_back,
    run_script,
    use_write_ahead_log,
)
from fhir_server.store.sqlite.lock import Slot
from fhir_server.store.values import AuditEntry

INLINE_SECONDS = 0.0005
CHECKPOINT_PAGES = 1_000
CACHE_KIB = 4_096

_TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE probe(id INTEGER PRIMARY KEY, filler BLOB);
"""
_log = logging.getLogger(__name__)


def make_chain_file(path: Path, max_pages: int | None = None) -> apsw.Connection:
    """A connection to the file of a chain that is this process's own; it is made if it is new."""
    connection = open_connection(path, cache_kib=CACHE_KIB, max_pages=max_pages)
    run_script(connection, f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    if schema.is_empty(connection):
        use_write_ahead_log(connection)
        connection.execute("BEGIN IMMEDIATE")
        run_script(connection, _TABLES + schema.AUDIT_TABLES)
        schema.put(connection, "schema", schema.SCHEMA_VERSION)
        connection.execute("COMMIT")
    schema.check_version(connection, str(path))
    return connection


def open_chain_file(path: Path) -> apsw.Connection | None:
    """A connection to read the file of any chain; None where it does not exist, or its owner is still making it."""
    if not path.exists():
        return None
    connection = open_connection(path, cache_kib=CACHE_KIB)
    run_script(connection, "PRAGMA query_only=ON")
    if schema.is_empty(connection):
        connection.close()
        return None
    schema.check_version(connection, str(path))
    return connection


class WorkerChain:
    """Records entries of this process; `head` is the last one that is durable."""

    def __init__(self, folder: Path, heads: Path, options: StoreOptions) -> None:
        self._slot = Slot(folder)
        self.name = f"w{self._slot.number}"
        self._mirror = HeadFile(heads, self.name)
        self._connection = make_chain_file(folder / f"{self.name}.db", options.max_pages)
        links.require_head(self._connection, self._mirror, self.name)
        self.head = links.tail(self._connection)
        inline = options.commit_inline
        self.inline = flush_seconds(folder) < INLINE_SECONDS if inline is None else inline
        self._waiting: list[tuple[AuditEntry, asyncio.Future[None]]] = []
        self._thread: ThreadPoolExecutor | None = None
        self._running = False
        self._stopped = False
        self._closed = False

    def record(self, entry: AuditEntry) -> Awaitable[None]:
        """Append an entry; it is durable when the awaitable is done."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self._closed:
            done.set_exception(Unavailable("the store is closed"))
            return done
        self._waiting.append((entry, done))
        if not self._running:
            self._running = True
            if self.inline:
                loop.call_soon(self._flush)
            else:
                self._hand_over(loop)
        return done

    def probe(self) -> None:
        """Show that entries can be written. Raises an apsw error where not."""
        self._connection.execute("REPLACE INTO probe VALUES(1, ?)", (os.urandom(8),))

    async def close(self) -> None:
        """Finish what waits and let go. `head` stays."""
        self._closed = True
        while self._waiting or self._running:
            await asyncio.sleep(0.001)
        if self._thread is not None:
            self._thread.shutdown()
        close_tidily(self._connection)
        self._mirror.close()
        self._slot.close()

    def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        self._running = False
        _answer(batch, self._write([entry for entry, _ in batch]))

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        batch, self._waiting = self._waiting, []
        if not batch:
            self._running = False
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "store-audit")
        work = loop.run_in_executor(self._thread, self._write, [entry for entry, _ in batch])

        def answer(result: "asyncio.Future[Exception | None]") -> None:
            _answer(batch, result.result())
            self._hand_over(loop)

        work.add_done_callback(answer)

    def _write(self, entries: Sequence[AuditEntry]) -> Exception | None:
        """Write the entries in one transaction; the error, if there was one."""
        if self._stopped:
            return Unavailable("audit entries can no longer be written after an error of the disk; restart the server")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            head = links.append(self._connection, self.head, EVENT, entries)
            self._finish(head)
        except Exception as error:
            _log.error("audit entries could not be written: %s", described(error))
            roll_back(self._connection)
            return refusal(error) if isinstance(error, apsw.Error | OSError) else error
        return None

    def _finish(self, head: Head) -> None:
        try:
            self._connection.execute("COMMIT")
            self._mirror.write(head)
        except (apsw.IOError, OSError):
            self._stopped = True
            raise
        self.head = head


def _answer(batch: Sequence[tuple[AuditEntry, "asyncio.Future[None]"]], error: Exception | None) -> None:
    for _, done in batch:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def flush_seconds(folder: Path) -> float:
    """How long the disk takes to make a page durable."""
    path = folder / f"flush-{token_hex(8)}"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return median(_flush_once(file) for _ in range(9))
    finally:
        os.close(file)
        path.unlink()


def _flush_once(file: int) -> float:
    start = time.perf_counter()
    os.pwrite(file, bytes(4096), 0)
    os.fdatasync(file)
    return time.perf_counter() - start
