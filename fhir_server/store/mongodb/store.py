"""The store on MongoDB, opened and wired."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

from pymongo.errors import PyMongoError

from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.mongodb import leases
from fhir_server.store.mongodb.audit.chains import Desks
from fhir_server.store.mongodb.audit.reads import Recorder
from fhir_server.store.mongodb.audit.verify import verify_chains
from fhir_server.store.mongodb.collections import DELETE, RESOURCE
from fhir_server.store.mongodb.commits.transaction import Transactions
from fhir_server.store.mongodb.commits.writer import Writer
from fhir_server.store.mongodb.connection import MAJORITY, refusal
from fhir_server.store.mongodb.events import events
from fhir_server.store.mongodb.gathering import Gathering
from fhir_server.store.mongodb.indexes import Builds
from fhir_server.store.mongodb.meta import KnownIndex, Meta, index_version, read_meta
from fhir_server.store.mongodb.opening import Opened, open_database
from fhir_server.store.mongodb.queries.questions import Questions
from fhir_server.store.mongodb.rules import jobs_of
from fhir_server.store.mongodb.session import MongoSession
from fhir_server.store.mongodb.upkeep.backup import back_up
from fhir_server.store.mongodb.upkeep.clean import clean
from fhir_server.store.mongodb.upkeep.index_job import run_index_job
from fhir_server.store.mongodb.upkeep.reindex import reindex
from fhir_server.store.mongodb.upkeep.verify import verify_index
from fhir_server.store.mongodb.versions import EntriesOf
from fhir_server.store.options import StoreOptions
from fhir_server.store.values import ChainReport, CleanReport, Counts, Event, IndexJob


async def open_mongodb(url: str, options: StoreOptions) -> "MongoStore":
    """Open the store in the database that the URL names. Raises `StoreRefused` and its kinds, ValueError for a URL
    that names none."""
    opened = await open_database(url, options)
    store = MongoStore(url, opened, options, await leases.known_secrets(opened.database))
    try:
        await store.desks.open()
        store.builds.start()
    except BaseException:
        await opened.client.close()
        raise
    return store


class MongoStore:
    """See `contract.Store`."""

    def __init__(self, url: str, opened: Opened, options: StoreOptions, secrets: dict[str, bytes]) -> None:
        self.options = options
        self.database = opened.database
        self.heads = opened.heads
        self.epoch = opened.meta.epoch
        self.index = KnownIndex(index_version(options), opened.meta.index)
        self.desks = Desks(self.database, opened.heads, opened.orders)
        self.recorder = Recorder(self.database, self.desks)
        transactions = Transactions(self.database, self.desks, opened.orders, self.index, options)
        self.writer = Writer(transactions, options.queue_seconds)
        self.questions = Questions(self.database, self.index.wanted, options, opened.history_seconds)
        self.builds = Builds(self.database, opened.missing)
        self._metas = Gathering(self._read_meta)
        self._url = url
        self._secrets = secrets
        self._holder = token_hex(8)

    def session(self, access: AccessFilter) -> MongoSession:
        return MongoSession(self, access)

    def unbound_session(self) -> MongoSession:
        return MongoSession(self, EVERYTHING)

    async def close(self) -> None:
        await self.builds.close()
        await self.recorder.close()
        await self.writer.close()
        await self.desks.close()
        await self.database.client.close()

    async def check(self) -> None:
        await self._meta()
        await self.desks.check()

    async def counts(self) -> Counts:
        stages: list[dict[str, Any]] = [{"$match": {"m": {"$ne": DELETE}}}, {"$group": {"_id": "$t", "n": {"$sum": 1}}}]
        resources = self.database.get_collection(RESOURCE, read_concern=MAJORITY)
        try:
            return Counts({each["_id"]: each["n"] async for each in await resources.aggregate(stages)})
        except PyMongoError as error:
            raise refusal(error) from error

    def secret(self, name: str, size: int) -> bytes:
        if name not in self._secrets:
            self._secrets[name] = leases.make_secret(self._url, self.database.name, name, size)
        value = self._secrets[name]
        if len(value) != size:
            raise ValueError(f"the secret {name!r} has {len(value)} bytes, not {size}")
        return value

    async def acquire_lease(self, name: str, holder: str, seconds: float) -> bool:
        return await leases.acquire(self.database, name, holder, seconds, self.options.clock())

    async def release_lease(self, name: str, holder: str) -> None:
        await leases.release(self.database, name, holder)

    async def events(self, after: int, count: int) -> Sequence[Event]:
        return await events(self.database, after, count)

    async def clean(self, snapshot_seconds: float) -> CleanReport:
        return await clean(self, snapshot_seconds, self._holder)

    async def verify_audit(self) -> Sequence[ChainReport]:
        return await verify_chains(self.database, self.heads)

    async def verify_index(self, entries_of: EntriesOf) -> Sequence[str]:
        return await verify_index(self, entries_of)

    async def reindex(
        self, entries_of: EntriesOf, batch: int = 200, progress: Callable[[int, int], None] | None = None
    ) -> int:
        await self._meta()
        return await reindex(self, entries_of, batch, progress) if self.needs_reindex() else 0

    async def index_rules(self) -> int:
        return (await self._meta()).rules

    async def index_jobs(self) -> Sequence[IndexJob]:
        try:
            return await jobs_of(self.database)
        except PyMongoError as error:
            raise refusal(error) from error

    async def run_index_job(self, entries_of: EntriesOf, rules: int) -> IndexJob | None:
        return await run_index_job(self, entries_of, rules)

    def needs_reindex(self) -> bool:
        return self.index.stored != self.index.wanted

    async def backup(self, target: Path) -> None:
        await back_up(self.database, target, self.options.clock())

    async def _meta(self) -> Meta:
        """What the store says of itself now; remembered, as far as it tells whether the index is whole."""
        meta = await self._metas.get(None)
        assert meta is not None
        return meta

    async def _read_meta(self, _: Sequence[None]) -> Mapping[None, Meta]:
        try:
            meta = await read_meta(self.database)
        except PyMongoError as error:
            raise refusal(error) from error
        self.index.note(meta.index)
        return {None: meta}
