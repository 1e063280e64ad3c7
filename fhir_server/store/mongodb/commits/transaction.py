"""One transaction of the writer: a group of commits, decided again from the start where another process was first."""

import asyncio
import itertools
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import random

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from fhir_server.fault import described
from fhir_server.outcome import Contended, FhirError, TooLarge, Unavailable
from fhir_server.store.access import EVERYTHING
from fhir_server.store.chain import Link
from fhir_server.store.index_state import is_whole, require_index
from fhir_server.store.mongodb import slots
from fhir_server.store.mongodb.audit.chains import Desk, Desks
from fhir_server.store.mongodb.audit.links import checkpoint_after, hash_at
from fhir_server.store.mongodb.commits.apply import Effects
from fhir_server.store.mongodb.commits.decide import decide
from fhir_server.store.mongodb.commits.prepare import Prepared
from fhir_server.store.mongodb.commits.references import Referrers
from fhir_server.store.mongodb.commits.view import read_view
from fhir_server.store.mongodb.connection import Database, refusal
from fhir_server.store.mongodb.meta import KnownIndex
from fhir_server.store.mongodb.order import Orders
from fhir_server.store.mongodb.transactions import begin, is_conflict, is_passing, is_too_large, is_unknown
from fhir_server.store.options import StoreOptions
from fhir_server.store.values import Committed

CHECKPOINT_SECONDS = 1.0
MOST_CONFLICTS_TOGETHER = 6
MOST_CONFLICTS = 40
LONGEST_PAUSE = 0.1
PATIENCE_SECONDS = 20.0
"""How long a database that cannot be reached, or that has no primary yet, is waited for"""
COMMIT_SECONDS = 10.0
"""For so long the same commit is sent again; then it is asked whether it has happened"""
SESSION_SECONDS = 600.0

_NO_ANSWER = "the database does not answer, or is kept busy; nothing was written, try again"

_log = logging.getLogger(__name__)


class _Again(Exception):
    """Nothing was written, and the group is to be decided again. `conflict`: another process was first."""

    def __init__(self, *, conflict: bool) -> None:
        super().__init__()
        self.conflict = conflict


@dataclass(eq=False, slots=True)
class Job:
    """A commit that waits, and the future of whoever asked for it."""

    work: Prepared
    future: "asyncio.Future[Committed]"
    answer: Committed | Exception | None = None


class Transactions:
    """Runs groups of commits, one after the other."""

    def __init__(
        self, database: Database, desks: Desks, orders: Orders, index: KnownIndex, options: StoreOptions
    ) -> None:
        self._database = database
        self._desks = desks
        self._orders = orders
        self._index = index
        self._clock = options.clock
        self._session: AsyncClientSession | None = None
        self._used = 0.0
        self._numbers = itertools.count()

    async def commits(self, jobs: Sequence[Job]) -> None:
        """Answer these commits: together, or one by one where the group as a whole fails."""
        try:
            await self._persist(jobs, MOST_CONFLICTS_TOGETHER if len(jobs) > 1 else MOST_CONFLICTS)
        except Exception as error:
            if len(jobs) < 2 or isinstance(error, Unavailable):
                self._failed(jobs, error)
                return
            for job in jobs:
                await self.commits([job])

    async def checkpoint(self) -> None:
        """Tie this process's chain of reads into its chain of commits, outside any commit."""
        desk = await self._desks.held()
        if desk.reads.head != desk.tied:
            desk.tied_time = 0.0
            await self._persist([], MOST_CONFLICTS_TOGETHER)

    async def close(self) -> None:
        """Let go of the session."""
        if self._session is not None:
            await self._session.end_session()
            self._session = None

    def _failed(self, jobs: Sequence[Job], error: Exception) -> None:
        if not isinstance(error, FhirError):
            _log.error("a transaction of the store failed: %s", described(error))
        if is_too_large(error):
            error = TooLarge("the resource and its index entries are larger than the database takes")
        for job in jobs:
            job.answer = refusal(error) if isinstance(error, PyMongoError) else error

    async def _persist(self, jobs: Sequence[Job], most_conflicts: int) -> None:
        """Decide and write, again and again while others are first, or nobody is there."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        for attempt in itertools.count():
            try:
                await self._attempt(jobs)
                return
            except _Again as again:
                if again.conflict and attempt >= most_conflicts:
                    raise Contended("other changes of the same resources were always first; try again") from again
                if time.monotonic() > deadline:
                    raise Unavailable(
                        "the database does not answer, or is kept busy; nothing was written, try again"
                    ) from again
            await asyncio.sleep(random() * min(0.002 * 2 ** min(attempt, 10), LONGEST_PAUSE))

    async def _attempt(self, jobs: Sequence[Job]) -> None:
        """Raises `_Again`, and errors that end the group."""
        try:
            desk = await self._desks.held()
            if any(job.work.commit.index_jobs for job in jobs):
                await slots.pause_writers(self._database, but=desk.slot.number)
            session = await self._open_session()
            await begin(session)
        except PyMongoError as error:
            raise _again(error) from error
        key = f"{desk.slot.holder}-{next(self._numbers)}"
        try:
            effects = await self._write(session, desk, key, jobs)
        except PyMongoError as error:
            await session.abort_transaction()
            raise _again(error) from error
        except slots.SlotLost:
            await session.abort_transaction()
            self._desks.lost(desk)
            raise _Again(conflict=False) from None
        except slots.Paused:
            await session.abort_transaction()
            raise _Again(conflict=False) from None
        except BaseException:
            await session.abort_transaction()
            raise
        if effects is None:
            await session.abort_transaction()
            return
        await self._commit(session, desk, key, effects.links[-1])
        desk.prolonged = time.monotonic()
        if effects.tied is not None:
            desk.tied, desk.tied_time = effects.tied, time.monotonic()
        self._desks.advance(desk.commits, effects.head)

    async def _open_session(self) -> AsyncClientSession:
        """One session for all groups: beginning a transaction ends one of the same session that was left open."""
        if self._session is not None and time.monotonic() - self._used > SESSION_SECONDS:
            await self.close()
        if self._session is None:
            self._session = self._database.client.start_session(causal_consistency=False)
        self._used = time.monotonic()
        return self._session

    async def _write(self, session: AsyncClientSession, desk: Desk, key: str, jobs: Sequence[Job]) -> Effects | None:
        """Decide the commits and write what comes of them; None where nothing does."""
        terms = await slots.begin_group(
            self._database, session, desk.slot, key, changes=any(job.work.commit.writes for job in jobs)
        )
        indexed = is_whole(self._index.note(terms.index), self._index.wanted)
        view = await read_view(self._database, session, terms.rules, [job.work for job in jobs])
        effects = Effects(
            view=view,
            orders=self._orders,
            key=key,
            slot=desk.slot.number,
            index=self._index.wanted,
            head=desk.commits.head,
            chain=desk.commits.name,
        )
        referrers = Referrers(self._database, session, effects.newest)
        for job in jobs:
            job.answer = await self._one(effects, referrers, job.work, indexed)
        if jobs and not effects.links:
            return None
        self._append_checkpoint(desk, effects)
        if not effects.links:
            return None
        await effects.write(self._database, session)
        if effects.tied is not None:
            await slots.note_tied(self._database, session, desk.slot, effects.tied)
        return effects

    async def _one(
        self, effects: Effects, referrers: Referrers, prepared: Prepared, indexed: bool
    ) -> Committed | Exception:
        try:
            if prepared.access is not EVERYTHING:
                require_index(self._index.wanted if indexed else "", self._index.wanted)
            decision = await decide(effects.view, referrers, prepared, self._orders.now())
        except FhirError as error:
            return error
        except PyMongoError:
            raise
        except Exception as error:  # the caller's own functions run in there: their faults are the caller's
            return error
        effects.add(prepared.commit, decision)
        return Committed(decision.written, decision.time_ms)

    def _append_checkpoint(self, desk: Desk, effects: Effects) -> None:
        head = desk.reads.head
        if head == desk.tied or time.monotonic() - desk.tied_time < CHECKPOINT_SECONDS:
            return
        effects.append(checkpoint_after(effects.head, desk.reads.name, head, self._clock()))
        effects.tied = head

    async def _commit(self, session: AsyncClientSession, desk: Desk, key: str, last: Link) -> None:
        """Commit; where the answer does not come, ask whether it has happened. Raises `_Again` where it has not."""
        give_up = time.monotonic() + COMMIT_SECONDS
        doubtful = False
        while True:
            try:
                await session.commit_transaction()
                return
            except PyMongoError as error:
                unknown = is_unknown(error)
                if not doubtful and not unknown:
                    raise _again(error) from error
                if not unknown:
                    break
            doubtful = True
            if time.monotonic() > give_up:
                break
            await asyncio.sleep(LONGEST_PAUSE * random())
        if not await self._has_happened(session, desk, key, last):
            raise _Again(conflict=False)

    async def _has_happened(self, session: AsyncClientSession, desk: Desk, key: str, last: Link) -> bool:
        """Whether the group with this key, which ends with this link, was committed. It cannot be any more when this
        says that it was not. Raises `Unavailable` where nobody answers."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                group = await slots.last_group(self._database, session, desk.slot, key)
                if group is not None:
                    return group == key
                self._desks.lost(desk)
                return await hash_at(self._database, desk.commits.name, last.sequence) == last.hash
            except PyMongoError as error:
                if not is_passing(error) or time.monotonic() > deadline:
                    self._desks.lost(desk)
                    raise Unavailable(
                        "the database cannot be reached, and whether this was written is not known; read it again"
                    ) from error
                await asyncio.sleep(LONGEST_PAUSE)


def _again(error: PyMongoError) -> Exception:
    """What an error in a transaction comes to: once more from the start, or the error itself."""
    return _Again(conflict=is_conflict(error)) if is_passing(error) else error
