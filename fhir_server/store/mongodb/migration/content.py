"""What a store on MongoDB keeps, read in a fixed order. See `store/migration/contract.py`.

No snapshot: reading everything takes longer than the database keeps history, and nobody may be writing.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pymongo.errors import PyMongoError

from fhir_server.store.chain import Head, Link
from fhir_server.store.migration.contract import MOST_HOLDS, MOST_VERSIONS, Hold, KeptVersion, Part, Standing
from fhir_server.store.mongodb.audit.links import link_of
from fhir_server.store.mongodb.collections import AUDIT, HOLD, OUTBOX, RESOURCE, VERSION
from fhir_server.store.mongodb.connection import MAJORITY, Database, refusal
from fhir_server.store.mongodb.forms import version_id
from fhir_server.store.mongodb.meta import read_meta
from fhir_server.store.mongodb.rules import jobs_of
from fhir_server.store.mongodb.versions import whole_version
from fhir_server.store.values import IndexJob

Document = Mapping[str, Any]

_NOT_READ = {"e": 0, "z": 0}


class MongoContent:
    """See `contract.Content`. The database is that of `_database`, which the two ends set."""

    _database: Database

    async def standing(self) -> Standing:
        try:
            newest = [await self._newest(name) for name in (RESOURCE, VERSION)]
            count = sum([await self._database[name].count_documents({}) for name in (RESOURCE, VERSION)])
            return Standing(
                max(newest), count, await chain_heads(self._database), (await read_meta(self._database)).rules
            )
        except PyMongoError as error:
            raise refusal(error) from error

    async def heads(self) -> Mapping[str, Head]:
        try:
            return await chain_heads(self._database)
        except PyMongoError as error:
            raise refusal(error) from error

    async def _newest(self, name: str) -> int:
        found = await self._collection(name).find_one({}, {"o": 1}, sort=[("o", -1)])
        return -1 if found is None else int(found["o"])

    async def versions(self, after: int = -1) -> AsyncIterator[Sequence[KeptVersion]]:
        part = Part()
        try:
            async for kept in self._merged(after):
                if not part.takes(kept):
                    yield await self._numbered(part.versions)
                    part = Part()
                    part.takes(kept)
            if part.versions:
                yield await self._numbered(part.versions)
        except PyMongoError as error:
            raise refusal(error) from error

    async def _merged(self, after: int) -> AsyncIterator[KeptVersion]:
        """The newest versions and those before them, in the order of history."""
        streams = [self._stream(name, after) for name in (RESOURCE, VERSION)]
        waiting = [await anext(stream, None) for stream in streams]
        while any(waiting):
            known = [(kept.place, number) for number, kept in enumerate(waiting) if kept is not None]
            _, number = min(known)
            first = waiting[number]
            assert first is not None
            yield first
            waiting[number] = await anext(streams[number], None)

    async def _stream(self, name: str, after: int) -> AsyncIterator[KeptVersion]:
        cursor = self._collection(name).find(
            {"o": {"$gt": after}}, _NOT_READ, sort=[("o", 1)], hint="order", batch_size=MOST_VERSIONS
        )
        async with cursor:
            async for document in cursor:
                replaced = int(document["ru"]) if name == VERSION else None
                yield KeptVersion(int(document["o"]), whole_version(document), replaced, None)

    async def _numbered(self, part: Sequence[KeptVersion]) -> Sequence[KeptVersion]:
        """With their numbers in the outbox."""
        ids = [version_id(kept.version.type, kept.version.id, kept.version.version) for kept in part]
        found = self._collection(OUTBOX).find({"_id": {"$in": ids}}, {"s": 1}, batch_size=len(ids))
        numbers = {each["_id"]: each["s"] async for each in found}
        return [replace(kept, event=numbers.get(id)) for kept, id in zip(part, ids, strict=True)]

    async def holds(self) -> AsyncIterator[Sequence[Hold]]:
        last = ""
        try:
            while True:
                found = self._collection(HOLD).find({"_id": {"$gt": last}}, sort=[("_id", 1)], limit=MOST_HOLDS)
                part = [Hold(each["_id"], each["t"], each["i"]) async for each in found]
                if not part:
                    return
                yield part
                last = part[-1].key
        except PyMongoError as error:
            raise refusal(error) from error

    async def links(self, chain: str, after: int, count: int) -> Sequence[Link]:
        try:
            found = self._collection(AUDIT).find(
                {"c": chain, "n": {"$gt": after}}, sort=[("n", 1)], hint="chain", limit=count
            )
            return [link_of(each) async for each in found]
        except PyMongoError as error:
            raise refusal(error) from error

    async def index_jobs(self) -> Sequence[IndexJob]:
        try:
            return await jobs_of(self._database)
        except PyMongoError as error:
            raise refusal(error) from error

    def _collection(self, name: str) -> Any:
        return self._database.get_collection(name, read_concern=MAJORITY)


async def chain_heads(database: Database, session: Any = None) -> dict[str, Head]:
    """The last entry of every chain."""
    stages: list[dict[str, Any]] = [
        {"$sort": {"c": 1, "n": -1}},
        {"$group": {"_id": "$c", "n": {"$first": "$n"}, "h": {"$first": "$h"}}},
    ]
    audit = database[AUDIT] if session is not None else database.get_collection(AUDIT, read_concern=MAJORITY)
    return {
        each["_id"]: Head(int(each["n"]), each["h"]) async for each in await audit.aggregate(stages, session=session)
    }
