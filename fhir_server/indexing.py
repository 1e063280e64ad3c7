"""Keeping the index whole in the background: rebuilt after an upgrade, made anew for new search parameters.

Under a lease, so that one of the workers does it at a time; another goes on where a worker stopped.
"""

import asyncio
import itertools
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex

from fhir_server.index_rules import IndexRules
from fhir_server.outcome import FhirError, RulesChanged
from fhir_server.reindexing import entries_again
from fhir_server.store.contract import Store

LEASE = "index"
LEASE_SECONDS = 60.0
POLL_SECONDS = 1.0
_BATCHES_A_LEASE = 20

log = logging.getLogger("fhir_server")


Progress = Callable[[int, int], None]


def _unseen(done: int, total: int) -> None:
    """Nobody looks on."""


class Indexing:
    """The background task of one process."""

    def __init__(self, store: Store, rules: IndexRules, progress: Progress | None = None) -> None:
        """`progress` is told how many rows or resources of how many have been indexed anew."""
        self._progress = progress or _unseen
        self._store = store
        self._rules = rules
        self._holder = f"{os.uname().nodename}-{os.getpid()}-{token_hex(4)}"
        self._seen: int | None = None

    async def __call__(self) -> None:
        """Look for work, for ever. What fails for a known reason is tried again."""
        while True:
            with suppress(FhirError):
                await self.once()
            await asyncio.sleep(POLL_SECONDS)

    async def once(self) -> int | None:
        """Do all the work there is; how many versions were indexed anew, None where another process is at it."""
        if not await self._is_needed():
            return 0
        if not await self._leased():
            return None
        try:
            done = 0
            if self._store.needs_reindex():
                log.warning("the search index is of another version; it is built anew, and searches wait for it")
                done = await self._rebuild()
            return done + await self._run_jobs()
        finally:
            await self._store.release_lease(LEASE, self._holder)

    async def _is_needed(self) -> bool:
        """Asked often, so it looks at the jobs only where the rules' number has changed."""
        if self._store.needs_reindex():
            return True
        number = await self._store.index_rules()
        if number == self._seen:
            return False
        if any(not job.complete for job in await self._store.index_jobs()):
            return True
        self._seen = number
        return False

    async def _rebuild(self) -> int:
        serving = await self._rules()
        keeper = asyncio.create_task(self._keep_lease())
        try:
            return await self._store.reindex(entries_again(serving.server, self._store), progress=self._progress)
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            await self._leased()

    async def _run_jobs(self) -> int:
        """Batch by batch, each by the search parameters of its moment."""
        done: dict[str, int] = {}
        for batches in itertools.count(1):
            serving = await self._rules()
            assert serving.server.index_rules is not None
            with suppress(RulesChanged):
                entries_of = entries_again(serving.server, self._store)
                job = await self._store.run_index_job(entries_of, serving.server.index_rules)
                if job is None:
                    break
                done[job.source] = job.done
                self._progress(job.done, job.total or job.done)
                if job.complete:
                    log.info("%s: %d resources indexed", job.source, job.done)
            if batches % _BATCHES_A_LEASE == 0 and not await self._leased():
                break
        return sum(done.values())

    async def _leased(self) -> bool:
        return await self._store.acquire_lease(LEASE, self._holder, LEASE_SECONDS)
