"""The state that a question is asked of: that of now, or the one that a snapshot names.

A snapshot's value holds the store's epoch, a cluster time, the clock when it was made, a digest of the groups of
commits that the slots had written last, and a check sum of all that. Where the digest is the same now, nothing has
changed since: the state named is that of now.
"""

import re
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic
from typing import Any

from bson.timestamp import Timestamp
from pymongo.errors import PyMongoError

from fhir_server.outcome import Invalid, SnapshotExpired, Unavailable
from fhir_server.store.mongodb.collections import META, ORDER_BITS, RESOURCE, SLOT, VERSION
from fhir_server.store.mongodb.connection import EXPIRED, Database, refusal
from fhir_server.store.mongodb.gathering import Gathering
from fhir_server.store.mongodb.meta import STORE
from fhir_server.store.mongodb.queries.frequent import Frequent
from fhir_server.store.mongodb.snapshots import Reader, reading
from fhir_server.store.options import StoreOptions
from fhir_server.store.values import Snapshot

LATE_MS = 70_000
"""How far behind the clock of a snapshot what is committed after it may lie: the longest life of a transaction (a
minute), and how far the clocks of processes may differ."""

SIZED_SECONDS = 60.0
"""For so long it counts as known how many resources there are"""

SAME_MS = 1_000
"""For so long a state in which nothing changes keeps its name"""

_SHAPE = re.compile(r"([^.]+)\.(\d{1,10})\.(\d{1,10})\.(\d{1,15})\.([0-9a-f]{16})\.([0-9a-f]+)")
_REBUILT = "the search index is being rebuilt; try again later"


@dataclass(frozen=True, slots=True)
class Named:
    """What a snapshot's value says: `last` is the digest of the groups that were committed last."""

    epoch: str
    time: Timestamp
    made_ms: int
    last: str

    @property
    def late(self) -> int:
        """Whatever is committed after the snapshot has at least this order."""
        return order_at(self.made_ms - LATE_MS)

    def snapshot(self) -> Snapshot:
        """The snapshot of this name."""
        text = f"{self.epoch}.{self.time.time}.{self.time.inc}.{self.made_ms}.{self.last}"
        return Snapshot(f"{text}.{_check(text)}", max(self.made_ms - LATE_MS, 0))


def _check(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def order_at(time_ms: int) -> int:
    """The least order of this millisecond, as far as a document can hold it."""
    return min(max(time_ms, 0) << ORDER_BITS, 2**63 - 1)


def named_by(value: str) -> Named:
    """What the value of a snapshot says. Raises `Invalid` for what is none, `SnapshotExpired` for one that no store
    has given."""
    found = _SHAPE.fullmatch(value)
    if found is None:
        raise Invalid("this page link holds no snapshot of this store")
    epoch, seconds, number, made, last, check = found.groups()
    if check != _check(value.rpartition(".")[0]) or max(int(seconds), int(number)) >= 2**32:
        raise SnapshotExpired(EXPIRED)
    return Named(epoch, Timestamp(int(seconds), int(number)), int(made), last)


@dataclass(frozen=True, slots=True)
class Present:
    """What the store said of itself at a cluster time: that time, the name of its state, the version of its index."""

    time: Timestamp
    named: Named
    index: str | None


@dataclass(frozen=True, slots=True)
class State:
    """Where to ask: `then` for what a page shows, `now` for what may be seen; the same reader where `latest`.

    `moment`: when that is. `late`: what has changed between the two has at least this order. `clock_ms`: about what
    time it is. `size`: about how many resources there are. `frequent`: what is known to be found in many.
    """

    then: Reader
    now: Reader
    snapshot: Snapshot
    moment: Present
    clock_ms: int
    frequent: Frequent
    late: int = 0
    size: int = 0

    @property
    def latest(self) -> bool:
        return self.then is self.now


@dataclass(slots=True)
class States:
    """Makes states of one open store. Who asks at the same time shares the look at what is now."""

    database: Database
    index: str
    options: StoreOptions
    history_seconds: int
    _last: Named | None = field(default=None)
    _size: int = field(default=0)
    _sized: float = field(default=-SIZED_SECONDS)
    _frequent: Frequent = field(default_factory=Frequent)
    _looks: Gathering[None, Present] = field(init=False)

    def __post_init__(self) -> None:
        self._looks = Gathering(self._look)

    @asynccontextmanager
    async def at(
        self, snapshot: Snapshot | None, *, indexed: bool, moment: Present | None = None
    ) -> AsyncIterator[State]:
        """The state that a snapshot names, None for now, which is the `moment` where one is given. With `indexed` the
        index must be whole and of our version.

        Raises `Invalid`, `SnapshotExpired`, `Unavailable`.
        """
        named = None if snapshot is None else named_by(snapshot.value)
        present = moment or await self._present()
        if indexed and present.index != self.index:
            raise Unavailable(_REBUILT)
        async with AsyncExitStack() as readers:
            now = await readers.enter_async_context(self.reading(present.time))
            if named is None or snapshot is None:
                name, ms = present.named.snapshot(), present.named.made_ms
                yield State(now, now, name, present, ms, self._frequent, size=self._size)
            elif await self._is_present(now, named, present):
                yield State(now, now, snapshot, present, named.made_ms, self._frequent, size=self._size)
            else:
                then = await readers.enter_async_context(self.reading(named.time))
                yield State(then, now, snapshot, present, named.made_ms, self._frequent, named.late, self._size)

    @asynccontextmanager
    async def reading(self, time: Timestamp | None = None) -> AsyncIterator[Reader]:
        """A reader of the state of a cluster time, or of now, with the time that a search may take."""
        async with reading(self.database, max(int(self.options.search_seconds * 1_000), 1), time) as reader:
            yield reader

    async def latest(self) -> Snapshot:
        """The snapshot of now."""
        return (await self._present()).named.snapshot()

    async def _present(self) -> Present:
        present = await self._looks.get(None)
        if present is None:
            raise Unavailable("the database holds no store")
        return present

    async def _look(self, _: Sequence[None]) -> Mapping[None, Present]:
        """The store's own document and the groups that were committed last, as of one cluster time."""
        clock_ms = self.options.clock()
        async with self.reading() as reader:
            documents = await reader.ask(META, _QUESTION)
        if not documents or reader.time is None:
            return {}
        if monotonic() - self._sized >= SIZED_SECONDS:
            self._size, self._sized = await self._estimated(), monotonic()
        document = documents[0]
        found = Named(document["epoch"], reader.time, clock_ms, _digest(document["groups"]))
        last = self._last
        same = last is not None and (last.epoch, last.last) == (found.epoch, found.last)
        if last is not None and same and 0 <= clock_ms - last.made_ms <= SAME_MS:
            found = last
        self._last = found
        return {None: Present(reader.time, found, document.get("index"))}

    async def _estimated(self) -> int:
        try:
            return await self.database[RESOURCE].estimated_document_count()
        except PyMongoError as error:
            raise refusal(error) from error

    async def _is_present(self, now: Reader, named: Named, present: Present) -> bool:
        """Whether nothing has changed since. Raises `SnapshotExpired` for a state that is no longer to be asked."""
        if named.epoch != present.named.epoch or named.time > present.time:
            raise SnapshotExpired(EXPIRED)
        if named.last == present.named.last:
            return True
        kept_ms = int(min(self.options.snapshot_seconds, self.history_seconds) * 1_000)
        horizon_ms = self.options.clock() - kept_ms
        if named.made_ms <= horizon_ms and await _superseded_ms(now, named.made_ms) <= horizon_ms:
            raise SnapshotExpired(EXPIRED)
        return False


_QUESTION: list[dict[str, Any]] = [
    {"$match": {"_id": STORE}},
    {
        "$lookup": {
            "from": SLOT,
            "pipeline": [{"$match": {"changed": {"$type": "string"}}}, {"$project": {"changed": 1}}],
            "as": "groups",
        }
    },
]


def _digest(groups: Iterable[Mapping[str, Any]]) -> str:
    """A group of commits has a key of its own and writes it into its slot: two states with the same are one state."""
    named = sorted(f"{group['_id']} {group['changed']}" for group in groups)
    return blake2b("\n".join(named).encode(), digest_size=8).hexdigest()


async def _superseded_ms(now: Reader, made_ms: int) -> int:
    """About when the first change after a snapshot was made."""
    first: list[dict[str, Any]] = [
        {"$match": {"o": {"$gte": order_at(made_ms + 1)}}},
        {"$sort": {"o": 1}},
        {"$limit": 1},
        {"$project": {"_id": 0, "o": 1}},
    ]
    orders = [row["o"] for part in (RESOURCE, VERSION) for row in await now.ask(part, first, hint="order")]
    return min(orders, default=order_at(made_ms)) >> ORDER_BITS
