"""Entries of reads and refusals: everything that waits is appended to this process's chain by one command.

No transaction: a chain cannot fork, because the number of an entry is its key, and one command's entries go in one
after the other, so that no number is left out.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence

from pymongo.errors import BulkWriteError, ConnectionFailure, PyMongoError

from fhir_server.fault import described
from fhir_server.outcome import Unavailable
from fhir_server.store.chain import EVENT, Head, Link, link_after
from fhir_server.store.mongodb import slots
from fhir_server.store.mongodb.audit.chains import Desk, Desks
from fhir_server.store.mongodb.audit.links import document_of, entry_id, tail
from fhir_server.store.mongodb.collections import AUDIT
from fhir_server.store.mongodb.connection import DURABLE, MAJORITY, Database, refusal
from fhir_server.store.mongodb.transactions import is_conflict
from fhir_server.store.values import AuditEntry

MOST_AT_ONCE = 1_000
PATIENCE_SECONDS = 20.0
"""How long a database that cannot be reached is waited for"""
PAUSE_SECONDS = 0.1

_log = logging.getLogger(__name__)
_Waiting = tuple[AuditEntry, "asyncio.Future[None]"]


class Recorder:
    """Records the entries of this process."""

    def __init__(self, database: Database, desks: Desks) -> None:
        self._database = database
        self._audit = database.get_collection(AUDIT, write_concern=DURABLE)
        self._desks = desks
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def record(self, entry: AuditEntry) -> Awaitable[None]:
        """Append an entry; it is durable when the awaitable is done."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._closed:
            done.set_exception(Unavailable("the store is closed"))
            return done
        self._waiting.append((entry, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return done

    async def close(self) -> None:
        """Finish what waits."""
        self._closed = True
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                await self._write(batch)
            except Exception as error:
                _log.error("audit entries could not be written: %s", described(error))
                answer = refusal(error) if isinstance(error, PyMongoError) else error
                for _, done in batch:
                    if not done.done():
                        done.set_exception(answer)
        self._task = None

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        """Write the entries; where only some could be, the others again. Raises the error that ends it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        rest = list(batch)
        while rest:
            desk = await self._desks.held()
            chained = _chained(desk.reads.head, [entry for entry, _ in rest])
            documents = [document_of(desk.reads.name, link) for link in chained]
            try:
                await self._audit.insert_many(documents)
                written, head = len(rest), Head(chained[-1].sequence, chained[-1].hash)
            except (BulkWriteError, ConnectionFailure) as error:
                if time.monotonic() > deadline or not (is_conflict(error) or isinstance(error, ConnectionFailure)):
                    raise
                if isinstance(error, ConnectionFailure):
                    await asyncio.sleep(PAUSE_SECONDS)
                found = await self._found(desk, chained, deadline)
                if found is None:
                    continue
                written, head = found
            self._desks.advance(desk.reads, head)
            for _, done in rest[:written]:
                if not done.done():
                    done.set_result(None)
            del rest[:written]

    async def _found(self, desk: Desk, chained: Sequence[Link], deadline: float) -> tuple[int, Head] | None:
        """How many of these links are in the database after all, and how the chain ends; None where the slot has gone
        to another process, of which then none is known to be there."""
        while True:
            try:
                ids = [entry_id(desk.reads.name, link.sequence) for link in chained]
                audit = self._database.get_collection(AUDIT, read_concern=MAJORITY)
                there = {each["n"]: each["h"] async for each in audit.find({"_id": {"$in": ids}}, {"n": 1, "h": 1})}
                head = await tail(self._database, desk.reads.name)
                held = await slots.prolong(self._database, desk.slot)
                break
            except ConnectionFailure:
                if time.monotonic() > deadline:
                    self._desks.lost(desk)
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
        written = sum(there.get(link.sequence) == link.hash for link in chained)
        if not held:
            self._desks.lost(desk)
        return (written, head) if held or written else None


def _chained(head: Head, entries: Sequence[AuditEntry]) -> list[Link]:
    links = []
    for entry in entries:
        link = link_after(head, EVENT, entry)
        head = Head(link.sequence, link.hash)
        links.append(link)
    return links
