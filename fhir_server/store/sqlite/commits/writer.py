"""The one writer of a process: whatever waits goes into one transaction, durable by one flush to the disk.

Jobs are handed to a thread, which queues for the write lock with the writers of other processes, takes everything
that waits by then, and answers all of it with one call into the event loop. Readers never wait for it.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import apsw

from fhir_server.fault import described
from fhir_server.outcome import Unavailable
from fhir_server.store.chain import HeadFile
from fhir_server.store.options import StoreOptions
from fhir_server.store.sqlite.audit.worker import WorkerChain
from fhir_server.store.sqlite.commits.jobs import Job, deliver
from fhir_server.store.sqlite.commits.prepare import Prepared
from fhir_server.store.sqlite.commits.transaction import Transactions
from fhir_server.store.sqlite.connection import open_connection
from fhir_server.store.sqlite.lock import WriteLock
from fhir_server.store.values import Committed

CACHE_KIB = 65_536
MOST_AT_ONCE = 1_000
"""About how many writes share a transaction; more would keep the first callers waiting."""

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Writer:
    """Takes commits and other writing tasks, and does them in the order in which they came."""

    def __init__(self, path: Path, options: StoreOptions, mirror: HeadFile, worker: WorkerChain) -> None:
        self._lock = WriteLock(path)
        self._connection = open_connection(path, cache_kib=CACHE_KIB, max_pages=options.max_pages)
        self._transactions = Transactions(self._connection, options, mirror, worker)
        self._queue_seconds = options.queue_seconds
        self._waiting: deque[Job] = deque()
        self._guard = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def stopped(self) -> bool:
        """Whether an error of the disk has ended all writing."""
        return self._transactions.stopped

    @property
    def full(self) -> bool:
        """Whether the last commit found no room."""
        return self._transactions.full

    async def commit(self, prepared: Prepared) -> Committed:
        """The commit, durable when this returns. Raises what `contract.Session.commit` says."""
        return await self._submit(prepared)  # type: ignore[no-any-return]

    async def task(self, task: Callable[[apsw.Connection], _Result]) -> _Result:
        """Run a task in a transaction of its own."""
        return await self._submit(task)  # type: ignore[no-any-return]

    async def close(self) -> None:
        """Finish what waits, tie this process's audit chain into the store's, and let go."""
        with self._guard:
            self._closing = True
            self._guard.notify()
        await asyncio.to_thread(self._thread.join)
        self._connection.close()
        self._lock.close()

    async def _submit(self, work: Any) -> Any:
        job = Job(work)
        with self._guard:
            if self._closing:
                raise Unavailable("the store is closing")
            self._waiting.append(job)
            self._guard.notify()
        patience = job.loop.call_later(self._queue_seconds, self._give_up, job)
        try:
            return await job.future
        finally:
            patience.cancel()

    def _give_up(self, job: Job) -> None:
        """A job that still waits for its turn is taken back; one that has begun is waited for."""
        with self._guard:
            if job not in self._waiting:
                return
            self._waiting.remove(job)
        if not job.future.done():
            job.future.set_exception(Unavailable("other changes keep the store busy; nothing was written, try again"))

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:
            _log.error("the writer of the store ended: %s", described(error))
            self._end()

    def _end(self) -> None:
        """Nothing more will be written by this process: say so to all that wait, and to all that come."""
        with self._guard:
            self._closing = True
            jobs = list(self._waiting)
            self._waiting.clear()
        for job in jobs:
            job.answer = Unavailable("the store stopped writing; restart the server")
        deliver(jobs)

    def _work(self) -> None:
        while self._wait():
            with self._lock:
                for group in _grouped(self._take()):
                    self._do(group)
        with self._lock:
            self._transactions.checkpoint()

    def _wait(self) -> bool:
        """Wait for work; whether there is any, or else the store closes."""
        with self._guard:
            self._guard.wait_for(lambda: self._waiting or self._closing)
            return bool(self._waiting)

    def _take(self) -> list[Job]:
        jobs: list[Job] = []
        writes = 0
        with self._guard:
            while self._waiting and writes < MOST_AT_ONCE:
                jobs.append(self._waiting.popleft())
                work = jobs[-1].work
                writes += 1 + (len(work.commit.writes) if isinstance(work, Prepared) else 0)
        return jobs

    def _do(self, jobs: list[Job]) -> None:
        if isinstance(jobs[0].work, Prepared):
            self._transactions.commits(jobs)
        else:
            self._transactions.task(jobs[0], jobs[0].work)
        deliver(jobs)


def _grouped(jobs: list[Job]) -> list[list[Job]]:
    """Runs of commits that may share a transaction, in order; each task alone."""
    groups: list[list[Job]] = []
    for job in jobs:
        joins = groups and isinstance(job.work, Prepared) and isinstance(groups[-1][0].work, Prepared)
        if joins:
            groups[-1].append(job)
        else:
            groups.append([job])
    return groups
