"""What a process writes under: a slot, and the slot's two chains with their heads."""

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from pymongo.errors import PyMongoError

from fhir_server.fault import described
from fhir_server.outcome import Unavailable
from fhir_server.store.chain import Head, HeadFile
from fhir_server.store.mongodb import slots
from fhir_server.store.mongodb.audit.heads import require_head
from fhir_server.store.mongodb.audit.links import COMMITS, READS
from fhir_server.store.mongodb.connection import Database, refusal
from fhir_server.store.mongodb.order import Orders
from fhir_server.store.mongodb.slots import Slot

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Chain:
    """A chain that this process appends to; `head` is the last entry that is durable."""

    name: str
    head: Head
    mirror: HeadFile

    def advance(self, head: Head) -> None:
        """The chain has grown: mirror its new head. Raises OSError where that cannot be written."""
        self.head = head
        self.mirror.write(head)


@dataclass(slots=True, eq=False)
class Desk:
    """A slot that this process holds, and its chains. `tied`: the head of `reads` that was tied into `commits` last."""

    slot: Slot
    commits: Chain
    reads: Chain
    prolonged: float
    tied: Head
    tied_time: float = 0.0


class Desks:
    """Gives the desk at which this process writes; where its slot is lost, another one.

    Nothing more is written once a head could not be mirrored: what is in the database could then no longer be shown
    to be all of it.
    """

    def __init__(self, database: Database, heads: Path, orders: Orders) -> None:
        self._database = database
        self._heads = heads
        self._orders = orders
        self._desk: Desk | None = None
        self._taking = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self.stopped = False

    async def open(self) -> Desk:
        """Take a slot, and keep it from now on."""
        desk = await self.held()
        self._keeper = asyncio.create_task(self._keep())
        return desk

    async def held(self) -> Desk:
        """The desk of now. Raises `Unavailable` after an error of the disk, PyMongo's errors while one is taken."""
        if self.stopped:
            raise Unavailable("the heads of the audit can no longer be written after an error of the disk; restart")
        async with self._taking:
            if self._desk is None:
                self._desk = await self._take()
            return self._desk

    def lost(self, desk: Desk) -> None:
        """The slot of this desk may be another's: it is not used again."""
        if self._desk is desk:
            self._desk = None
            desk.commits.mirror.close()
            desk.reads.mirror.close()

    def advance(self, chain: Chain, head: Head) -> None:
        """The chain has grown; an error of the disk ends all writing, but what was written stays written."""
        try:
            chain.advance(head)
        except OSError as error:
            self.stopped = True
            _log.error("the head of an audit chain could not be mirrored: %s", described(error))

    async def close(self) -> None:
        """Give the slot back."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._desk is None:
            return
        desk, self._desk = self._desk, None
        desk.commits.mirror.close()
        desk.reads.mirror.close()
        try:
            await slots.give_back(self._database, desk.slot)
        except PyMongoError as error:
            _log.warning("the slot was not given back and runs out by itself: %s", described(error))

    async def check(self) -> None:
        """Prolong the slot: a write that shows that there can be writes. Raises `Unavailable` where not."""
        try:
            desk = await self.held()
            if not await slots.prolong(self._database, desk.slot):
                self.lost(desk)
                await self.held()
        except PyMongoError as error:
            raise refusal(error) from error

    async def _take(self) -> Desk:
        slot = await slots.take(self._database)
        commits = await self._chain(f"{COMMITS}{slot.number}")
        reads = await self._chain(f"{READS}{slot.number}")
        self._orders.use_slot(slot.number)
        return Desk(slot, commits, reads, time.monotonic(), slot.tied)

    async def _chain(self, name: str) -> Chain:
        """The chain as it stands; its head is mirrored before it has one entry more."""
        mirror = HeadFile(self._heads, name)
        head = await require_head(self._database, mirror, name)
        mirror.write(head)
        mirror.sync()
        return Chain(name, head, mirror)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(slots.PROLONG_SECONDS)
            desk = self._desk
            if desk is None or time.monotonic() - desk.prolonged < slots.PROLONG_SECONDS:
                continue
            try:
                if await slots.prolong(self._database, desk.slot):
                    desk.prolonged = time.monotonic()
                else:
                    _log.warning("the slot %d of this process had run out and is another's", desk.slot.number)
                    self.lost(desk)
            except PyMongoError as error:
                _log.warning("the slot of this process could not be prolonged: %s", described(error))
