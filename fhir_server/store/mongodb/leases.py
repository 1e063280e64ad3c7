"""Leases, by which several processes share background jobs, and secrets, which all of them know."""

from secrets import token_bytes
from typing import Any

from pymongo import MongoClient, ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from fhir_server.store.mongodb.collections import LEASE, SECRET
from fhir_server.store.mongodb.connection import DURABLE, MAJORITY, Database, refusal


async def acquire(database: Database, name: str, holder: str, seconds: float, now_ms: int) -> bool:
    """Whether `holder` has the lease from now on, for so many seconds."""
    leases = database.get_collection(LEASE, write_concern=DURABLE)
    free = {"_id": name, "$or": [{"holder": holder}, {"until_ms": {"$lte": now_ms}}]}
    until = now_ms + int(seconds * 1000)
    try:
        await leases.update_one(free, {"$set": {"holder": holder, "until_ms": until}}, upsert=True)
    except DuplicateKeyError:
        return False  # another holder's: the document is there, and the condition does not hold
    except PyMongoError as error:
        raise refusal(error) from error
    return True


async def release(database: Database, name: str, holder: str) -> None:
    """Give the lease back, if it is this holder's."""
    try:
        await database.get_collection(LEASE, write_concern=DURABLE).delete_one({"_id": name, "holder": holder})
    except PyMongoError as error:
        raise refusal(error) from error


async def known_secrets(database: Database) -> dict[str, bytes]:
    """The secrets that there are."""
    collection = database.get_collection(SECRET, read_concern=MAJORITY)
    return {each["_id"]: bytes(each["value"]) async for each in collection.find({})}


def make_secret(url: str, database: str, name: str, size: int) -> bytes:
    """The secret of this name, made unless another process has made it. Waits for the database: for start-up."""
    try:
        with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=5_000) as client:
            collection = client[database].get_collection(SECRET, write_concern=DURABLE)
            fresh = {"$setOnInsert": {"value": token_bytes(size)}}
            try:
                found = collection.find_one_and_update(
                    {"_id": name}, fresh, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:
                found = collection.find_one({"_id": name})
    except PyMongoError as error:
        raise refusal(error) from error
    if found is None:
        raise AssertionError("a secret that was written is there")
    return bytes(found["value"])
