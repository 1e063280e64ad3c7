"""A database that a record moves into.

A batch of versions is one transaction with the marker that says so. All are of one session, whose id stands beside the
marker: the transaction of a process that was killed stays open for a minute, unless who goes on ends its session.
Indexes are built when all documents are there, which is faster; only that of the audit is there from the start.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import bson
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError

from fhir_server.outcome import TooCostly
from fhir_server.store.backups import make_folder
from fhir_server.store.chain import EMPTY, Head, HeadFile, Link, mirrored_chains
from fhir_server.store.migration.contract import Hold, Indexed, Marker, MigrationRefused, advanced, overtaken
from fhir_server.store.mongodb.audit.links import COMMITS, checkpoint_after, document_of
from fhir_server.store.mongodb.audit.verify import verify_chains
from fhir_server.store.mongodb.collections import AUDIT, HOLD, INDEX_JOB, META, OUTBOX
from fhir_server.store.mongodb.connection import DURABLE, Client, Database, open_client, refusal
from fhir_server.store.mongodb.indexes import make_collections
from fhir_server.store.mongodb.meta import MIGRATED, MIGRATION, OUTBOX_COUNTER, STORE, index_version
from fhir_server.store.mongodb.migration.batch import Batch, read_before
from fhir_server.store.mongodb.migration.content import MongoContent, chain_heads
from fhir_server.store.mongodb.opening import database_name, first_meta, heads_folder, new_epoch
from fhir_server.store.mongodb.server import check_server
from fhir_server.store.mongodb.transactions import in_transaction_of
from fhir_server.store.options import StoreOptions, StoreRefused
from fhir_server.store.values import ChainReport, IndexJob

SESSION = "migration_session"
"""Beside the marker: the id of the session under which it is written"""

LARGEST_DOCUMENT = 16 << 20

CHAIN = f"{COMMITS}0"
"""The chain that the first process of the new store goes on with"""


async def open_target(url: str, options: StoreOptions) -> "MongoTarget":
    """Connect to the database at `url`, in which nothing is made yet. Raises `StoreRefused`."""
    name = await database_name(url)
    client = open_client(url)
    try:
        await check_server(client)
    except BaseException:
        await client.close()
        raise
    return MongoTarget(client, client.get_database(name, write_concern=DURABLE), heads_folder(name, options), options)


class MongoTarget(MongoContent):
    """See `migration.contract.Target`."""

    def __init__(self, client: Client, database: Database, heads: Path, options: StoreOptions) -> None:
        self._client = client
        self._database = database
        self._heads = heads
        self._options = options
        self._session = client.start_session(causal_consistency=False)

    @property
    def index(self) -> str:
        return index_version(self._options)

    async def begin(self, marker: Marker) -> None:
        first = {**first_meta(new_epoch(), self.index), MIGRATION: marker.text()}
        meta = self._database[META]
        try:
            with suppress(DuplicateKeyError):  # another process was first
                await meta.update_one({"_id": STORE}, {"$setOnInsert": first}, upsert=True)
            known = {"_id": STORE, MIGRATION: marker.text()}
            found = await meta.find_one(known)
            if found is None:
                raise overtaken(self._database.name)
            if SESSION in found:
                await self._client.admin.command("killSessions", [{"id": found[SESSION]}])
            mine = {"$set": {SESSION: self._session.session_id["id"]}}
            if (await meta.update_one(known, mine)).matched_count != 1:
                raise overtaken(self._database.name)
            await make_collections(self._database, counter=False, indexes_of=(AUDIT,), expected=True)
        except PyMongoError as error:
            raise StoreRefused(f"the database refuses what the store needs ({type(error).__name__})") from error

    async def write(self, batch: Sequence[Indexed], before: Marker) -> Marker:
        made: list[Batch] = []

        async def write(session: AsyncClientSession) -> Marker:
            documents = Batch(await read_before(self._database, session, batch), self.index, before.rules)
            made[:] = [documents]
            reached = before.reached
            for kept, entries in batch:
                reached = documents.add(kept, entries, reached)
            after = advanced(before, batch, reached)
            await documents.write(self._database, session)
            await self._mark(session, before, {"$set": {MIGRATION: after.text()}})
            return after

        try:
            return await in_transaction_of(self._session, write)
        except TooCostly as error:
            for document in made[0].documents() if made else ():
                if len(bson.encode(document)) >= LARGEST_DOCUMENT:
                    raise MigrationRefused(
                        f"{document['t']}/{document['i']} version {document['v']} and its index entries are larger than"
                        " one document of MongoDB may be: this record cannot move there"
                    ) from error
            raise

    async def _mark(self, session: AsyncClientSession, before: Marker, change: dict[str, Any]) -> None:
        """Change the marker, if it is the one of before."""
        known = {"_id": STORE, MIGRATION: before.text()}
        if (await self._database[META].update_one(known, change, session=session)).matched_count != 1:
            raise overtaken(self._database.name)

    async def append(self, chain: str, links: Sequence[Link]) -> None:
        documents = [document_of(chain, link) for link in links]
        try:
            await self._database[AUDIT].insert_many(documents)
        except PyMongoError as error:
            raise refusal(error) from error

    async def hold(self, holds: AsyncIterator[Sequence[Hold]]) -> None:
        try:
            await self._database[HOLD].delete_many({})
            async for part in holds:
                await self._database[HOLD].insert_many(
                    [{"_id": each.key, "t": each.type, "i": each.id} for each in part]
                )
        except PyMongoError as error:
            raise refusal(error) from error

    async def settle(self, rules: int, jobs: Sequence[IndexJob], heads: Mapping[str, Head]) -> None:
        try:
            await make_collections(self._database, expected=True)
            await self._settle(rules, jobs)
        except PyMongoError as error:
            raise refusal(error) from error
        make_folder(self._heads)
        for chain, head in heads.items():
            _mirror(self._heads, chain, head)

    async def _settle(self, rules: int, jobs: Sequence[IndexJob]) -> None:
        last = await self._database[OUTBOX].find_one({}, {"s": 1}, sort=[("s", -1)])
        meta = self._database[META]
        number = 0 if last is None else last["s"] or 0
        await meta.update_one({"_id": OUTBOX_COUNTER}, {"$set": {"n": number}})
        await meta.update_one({"_id": STORE}, {"$set": {"rules": rules}})
        await self._database[INDEX_JOB].delete_many({})
        if jobs:
            first = rules - len(jobs) + 1
            await self._database[INDEX_JOB].insert_many([_job(number, job) for number, job in enumerate(jobs, first)])

    async def verify_audit(self) -> Sequence[ChainReport]:
        return await verify_chains(self._database, self._heads)

    async def mirrored(self) -> Mapping[str, Head]:
        read = {chain: HeadFile(self._heads, chain).read() for chain in mirrored_chains(self._heads)}
        return {chain: head for chain, head in read.items() if head is not None}

    async def complete(self) -> None:
        """The chain of the first slot, which goes on or begins here, gets a checkpoint for each chain that came."""

        async def complete(session: AsyncClientSession) -> Head:
            heads = await chain_heads(self._database, session)
            head, links = heads.pop(CHAIN, EMPTY), []
            for chain, end in sorted(heads.items()):
                links.append(checkpoint_after(head, chain, end, self._options.clock()))
                head = Head(links[-1].sequence, links[-1].hash)
            if links:
                await self._database[AUDIT].insert_many([document_of(CHAIN, link) for link in links], session=session)
            meta = self._database[META]
            found = await meta.find_one({"_id": STORE, MIGRATION: {"$exists": True}}, session=session)
            if found is None:
                raise overtaken(self._database.name)
            done = {"$set": {MIGRATED: found[MIGRATION]}, "$unset": {MIGRATION: "", SESSION: ""}}
            await meta.update_one({"_id": STORE}, done, session=session)
            return head

        head = await in_transaction_of(self._session, complete)
        _mirror(self._heads, CHAIN, head)

    async def close(self) -> None:
        await self._session.end_session()
        await self._client.close()


def _job(number: int, job: IndexJob) -> dict[str, Any]:
    """A job that is complete, or one that begins anew over everything."""
    known = {"_id": job.source, "n": number, "types": [*job.types], "complete": job.complete}
    return {**known, "done": job.done if job.complete else 0, "total": job.total if job.complete else None}


def _mirror(heads: Path, chain: str, head: Head) -> None:
    mirror = HeadFile(heads, chain)
    mirror.write(head)
    mirror.sync()
    mirror.close()
