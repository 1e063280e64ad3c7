"""The one writer of a process: whatever waits goes into one transaction, durable on a majority of the members."""

import asyncio
import logging
from collections import deque

from fhir_server.fault import described
from fhir_server.outcome import Unavailable
from fhir_server.store.mongodb.commits.prepare import Prepared
from fhir_server.store.mongodb.commits.transaction import Job, Transactions
from fhir_server.store.values import Committed

MOST_AT_ONCE = 1_000
"""About how many writes share a transaction; more would keep the first callers waiting."""

_log = logging.getLogger(__name__)


class Writer:
    """Takes commits, and does them in the order in which they came."""

    def __init__(self, transactions: Transactions, queue_seconds: float) -> None:
        self._transactions = transactions
        self._queue_seconds = queue_seconds
        self._waiting: deque[Job] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def commit(self, prepared: Prepared) -> Committed:
        """The commit, durable when this returns. Raises what `contract.Session.commit` says."""
        if self._closing:
            raise Unavailable("the store is closing")
        loop = asyncio.get_running_loop()
        job = Job(prepared, loop.create_future())
        self._waiting.append(job)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        patience = loop.call_later(self._queue_seconds, self._give_up, job)
        try:
            return await job.future
        finally:
            patience.cancel()

    async def close(self) -> None:
        """Finish what waits, tie this process's audit chains together, and let go."""
        self._closing = True
        if self._task is not None:
            await self._task
        try:
            await self._transactions.checkpoint()
        except Exception as error:
            _log.warning("the last reads are not tied into the chain of commits: %s", described(error))
        await self._transactions.close()

    def _give_up(self, job: Job) -> None:
        """A job that still waits for its turn is taken back; one that has begun is waited for."""
        if job not in self._waiting:
            return
        self._waiting.remove(job)
        if not job.future.done():
            job.future.set_exception(Unavailable("other changes keep the store busy; nothing was written, try again"))

    async def _run(self) -> None:
        while self._waiting:
            jobs = self._take()
            try:
                await self._transactions.commits(jobs)
            except Exception as error:
                _log.error("a group of commits ended: %s", described(error))
            _deliver(jobs)
        self._task = None

    def _take(self) -> list[Job]:
        jobs: list[Job] = []
        writes = 0
        while self._waiting and writes < MOST_AT_ONCE:
            jobs.append(self._waiting.popleft())
            writes += 1 + len(jobs[-1].work.commit.writes)
        return jobs


def _deliver(jobs: list[Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if isinstance(job.answer, Exception):
            job.future.set_exception(job.answer)
        elif job.answer is None:
            job.future.set_exception(Unavailable("the store could not answer; whether this was written is not known"))
        else:
            job.future.set_result(job.answer)
