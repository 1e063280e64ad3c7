"""A tiny writer for the tests of what reads: puts commits straight into the collections, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from pymongo import ASCENDING, DESCENDING

from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.criteria import HistoryQuery, Query, SystemQuery
from fhir_server.store.entries import NO_ENTRIES
from fhir_server.store.mongodb.collections import (
    COLLECTIONS,
    DELETE,
    HOLD,
    INDEX_FORMAT,
    INDEXES,
    META,
    METHODS,
    ORDER_BITS,
    RESOURCE,
    SLOT,
    VERSION,
)
from fhir_server.store.mongodb.connection import DURABLE, Client, Database, open_client
from fhir_server.store.mongodb.documents import checksum, pack
from fhir_server.store.mongodb.forms import resource_id, version_id
from fhir_server.store.mongodb.own_mongod import HISTORY_SECONDS
from fhir_server.store.mongodb.queries.questions import Questions
from fhir_server.store.options import DEFAULT_OPTIONS, StoreOptions
from fhir_server.store.values import Commit, Committed, Explanation, Page, Snapshot, Version, Write, Written

INDEX = f"{INDEX_FORMAT}.1"
Document = dict[str, Any]


async def make_collections(database: Database) -> None:
    """The collections, their indexes and the document that says what the store is."""
    for name in COLLECTIONS:
        await database.create_collection(name)
    for name, indexes in INDEXES.items():
        for index in indexes:
            keys = [(key, ASCENDING if way > 0 else DESCENDING) for key, way in index.keys]
            more: dict[str, Any] = {} if index.partial is None else {"partialFilterExpression": index.partial}
            await database[name].create_index(keys, name=index.name, sparse=index.sparse, **more)
    meta = {"_id": "store", "epoch": "e1", "index": INDEX, "rules": 1, "schema": 1}
    await database.get_collection(META, write_concern=DURABLE).insert_one(meta)


@dataclass(slots=True)
class Loader:
    """Writes commits: always allowed, nothing checked."""

    database: Database
    options: StoreOptions
    last: int = 0

    async def commit(self, commit: Commit) -> Committed:
        ids = [resource_id(write.type, write.id) for write in commit.writes]
        known = {row["_id"]: row async for row in self.database[RESOURCE].find({"_id": {"$in": ids}})}
        times = [known[id]["u"] + 1 for id in ids if id in known]
        time_ms = max([self.options.clock(), self.last >> ORDER_BITS, *times])
        written = [
            await self._write(write, known.get(id), time_ms) for write, id in zip(commit.writes, ids, strict=True)
        ]
        slots = self.database.get_collection(SLOT, write_concern=DURABLE)
        await slots.update_one({"_id": 0}, {"$set": {"changed": token_hex(8)}}, upsert=True)
        return Committed(tuple(written), time_ms)

    async def _write(self, write: Write, current: Document | None, time_ms: int) -> Written:
        if write.method == "delete" and (current is None or current["m"] == DELETE):
            return Written(write.type, write.id, 0, 0, "absent")
        document = self._document(write, current, time_ms)
        if current is not None:
            earlier = {**current, "_id": version_id(write.type, write.id, current["v"])}
            await self.database[VERSION].insert_one({**earlier, "ru": time_ms, "ro": document["o"]})
        resources = self.database.get_collection(RESOURCE, write_concern=DURABLE)
        await resources.replace_one({"_id": document["_id"]}, document, upsert=True)
        await self.database[HOLD].delete_many({"t": write.type, "i": write.id})
        holds = [{"_id": key, "t": write.type, "i": write.id} for key in write.holds]
        if holds:
            await self.database[HOLD].insert_many(holds)
        outcome = "deleted" if write.method == "delete" else "created" if current is None else "updated"
        patients = tuple(document["p"])
        return Written(write.type, write.id, document["v"], time_ms, outcome, patients)  # type: ignore[arg-type]

    def _document(self, write: Write, current: Document | None, time_ms: int) -> Document:
        self.last = max(self.last + 1, time_ms << ORDER_BITS)
        version = 1 if current is None else current["v"] + 1
        content = None if write.body is None else write.body.at(version, time_ms)
        packed = pack(write.type, write.entries if write.body is not None else NO_ENTRIES)
        e, patients = packed.entries, list(packed.patients)
        if content is None and current is not None:
            e, patients = current["e"], current["p"]
        return {
            "_id": resource_id(write.type, write.id),
            "t": write.type,
            "i": write.id,
            "v": version,
            "m": METHODS.index(write.method),
            "u": time_ms,
            "o": self.last,
            "p": patients,
            "b": content,
            "ck": checksum(write.type, write.id, version, content or b""),
            "x": INDEX,
            "r": 1,
            "e": e,
            "z": packed.sort,
        }


@dataclass(frozen=True, slots=True)
class Bound:
    """Questions under one filter, as a session has them."""

    questions: Questions
    access: AccessFilter
    loader: Loader

    async def commit(self, commit: Commit) -> Committed:
        return await self.loader.commit(commit)

    async def snapshot(self) -> Snapshot:
        return await self.questions.snapshot()

    async def read(self, type: str, id: str) -> Version | None:
        return await self.questions.read(self.access, type, id)

    async def read_version(self, type: str, id: str, version: int) -> Version | None:
        return await self.questions.read_version(self.access, type, id, version)

    async def search(self, query: Query | SystemQuery, along: Page | None = None) -> Page:
        return await self.questions.search(self.access, query, along)

    async def count(self, query: Query | SystemQuery) -> int:
        return await self.questions.count(self.access, query)

    async def estimate(self, query: Query | SystemQuery) -> int:
        return await self.questions.estimate(self.access, query)

    async def explain(self, query: Query | SystemQuery) -> Explanation:
        return await self.questions.explain(self.access, query)

    async def history(self, query: HistoryQuery) -> Page:
        return await self.questions.history(self.access, query)

    async def count_history(self, query: HistoryQuery) -> int:
        return await self.questions.count_history(self.access, query)

    async def holders(self, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        return await self.questions.holders(self.access, keys)

    async def withheld(self, patient: str) -> bool:
        return await self.questions.withheld(self.access, patient)


@dataclass(slots=True)
class LoadedStore:
    """What can be asked of a store whose writer is the loader."""

    loader: Loader
    questions: Questions

    def session(self, access: AccessFilter) -> Bound:
        return Bound(self.questions, access, self.loader)

    def unbound_session(self) -> Bound:
        return self.session(EVERYTHING)

    async def clean(self, seconds: float) -> None:
        """Nothing here needs it."""

    async def verify_index(self, entries_of: object) -> Sequence[str]:
        return ()


@dataclass(slots=True)
class LoadedPlace:
    """A database that was made for one test."""

    url: str
    clock: Any
    options: StoreOptions = DEFAULT_OPTIONS
    clients: list[Client] = field(default_factory=list)

    async def open(self) -> LoadedStore:
        client = open_client(self.url)
        database = client.get_default_database()
        if not self.clients:
            await make_collections(database)
        self.clients.append(client)
        return LoadedStore(Loader(database, self.options), Questions(database, INDEX, self.options, HISTORY_SECONDS))

    async def close(self) -> None:
        while self.clients:
            await self.clients.pop().close()
