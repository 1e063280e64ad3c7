"""Cleaning up: claims on which no decision can rest any more. History needs none, the database keeps it for a time."""

from typing import TYPE_CHECKING, Any

from bson.timestamp import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from fhir_server.store.mongodb.collections import CLAIM, META
from fhir_server.store.mongodb.connection import DURABLE, refusal
from fhir_server.store.mongodb.meta import STORE, read_meta
from fhir_server.store.mongodb.snapshots import reading
from fhir_server.store.mongodb.transactions import in_transaction
from fhir_server.store.values import CleanReport

if TYPE_CHECKING:
    from fhir_server.store.mongodb.store import MongoStore

LEASE = "store-clean"
LEASE_SECONDS = 60.0
BATCH = 5_000
MAX_MS = 60_000


async def clean(store: "MongoStore", snapshot_seconds: float, holder: str) -> CleanReport:
    """Remove claims that were last written before this. Nothing is done where another process is at it."""
    if not await store.acquire_lease(LEASE, holder, LEASE_SECONDS):
        return CleanReport()
    try:
        cutoff = store.options.clock() - int(snapshot_seconds * 1000)
        removed = 0
        while keys := await _batch(store, cutoff):
            removed += await _delete(store, keys, cutoff)
            await store.acquire_lease(LEASE, holder, LEASE_SECONDS)
            if len(keys) < BATCH:
                break
        return CleanReport(claims=removed)
    finally:
        await store.release_lease(LEASE, holder)


async def _batch(store: "MongoStore", cutoff: int) -> list[bytes]:
    """Old claims. Decisions of before this moment are contended from now on, so that nobody misses what then goes."""
    async with reading(store.database, MAX_MS) as reader:
        stages: list[dict[str, Any]] = [
            {"$match": {"u": {"$lte": cutoff}}},
            {"$limit": BATCH},
            {"$project": {"_id": 1}},
        ]
        keys = [each["_id"] for each in await reader.ask(CLAIM, stages, hint="time")]
        time = reader.time
    if keys and time is not None:
        horizon = time

        async def raise_horizon(session: AsyncClientSession) -> None:
            await _raise_horizon(store, session, horizon)

        await in_transaction(store.database, raise_horizon)
    return keys


async def _raise_horizon(store: "MongoStore", session: AsyncClientSession, horizon: Timestamp) -> None:
    if (await read_meta(store.database, session)).horizon < horizon:
        await store.database[META].update_one({"_id": STORE}, {"$set": {"horizon": horizon}}, session=session)


async def _delete(store: "MongoStore", keys: list[bytes], cutoff: int) -> int:
    """Remove these claims, but for those that have been written again meanwhile."""
    claims = store.database.get_collection(CLAIM, write_concern=DURABLE)
    try:
        done = await claims.delete_many({"_id": {"$in": keys}, "u": {"$lte": cutoff}})
    except PyMongoError as error:
        raise refusal(error) from error
    return done.deleted_count
