"""Building the index anew, when its format or the rules for entries have changed.

While it runs, searches and filtered sessions are refused: half an index would hide rows, or let through what a rule
forbids. Each document tells by which version it was indexed, so a kill costs one batch, and several processes may work
at once. Programs of another version may not write meanwhile.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from fhir_server.store.index_state import BUILDING
from fhir_server.store.mongodb import slots
from fhir_server.store.mongodb.collections import DELETE, RESOURCE, VERSION
from fhir_server.store.mongodb.connection import DURABLE, MAJORITY, refusal
from fhir_server.store.mongodb.documents import pack
from fhir_server.store.mongodb.forms import version_id
from fhir_server.store.mongodb.meta import read_meta
from fhir_server.store.mongodb.transactions import in_transaction
from fhir_server.store.mongodb.versions import EntriesOf, whole_version

if TYPE_CHECKING:
    from fhir_server.store.mongodb.store import MongoStore

Document = Mapping[str, Any]
Collection = AsyncCollection[dict[str, Any]]


async def reindex(
    store: "MongoStore", entries_of: EntriesOf, batch: int, progress: Callable[[int, int], None] | None = None
) -> int:
    """Build the index that is wanted, or go on building it; how many versions were indexed by this call."""
    try:
        return await _reindex(store, entries_of, batch, progress)
    except PyMongoError as error:
        raise refusal(error) from error


async def _reindex(
    store: "MongoStore", entries_of: EntriesOf, batch: int, progress: Callable[[int, int], None] | None
) -> int:
    await _set_index(store, BUILDING + store.index.wanted)
    done, total = 0, await _left(store)
    while True:
        found = [await _batch(store, name, entries_of, batch) for name in (RESOURCE, VERSION)]
        done += sum(found)
        if progress is not None and any(found):
            progress(min(done, total), total)
        if not any(found) and await _set_index(store, store.index.wanted):
            return done


def _other(store: "MongoStore") -> dict[str, Any]:
    """The condition for what is indexed by another version. Not `$ne`: two ranges use the index well."""
    return {"$or": [{"x": {"$lt": store.index.wanted}}, {"x": {"$gt": store.index.wanted}}]}


async def _left(store: "MongoStore") -> int:
    return sum([await store.database[name].count_documents(_other(store)) for name in (RESOURCE, VERSION)])


async def _set_index(store: "MongoStore", state: str) -> bool:
    """Say how the index stands, in a transaction that every writer meets; it is whole only if nothing is left."""
    database = store.database

    async def change(session: AsyncClientSession) -> bool:
        if state == store.index.wanted:
            for name in (RESOURCE, VERSION):
                if await database[name].find_one(_other(store), {"_id": 1}, session=session) is not None:
                    return False
        await slots.change_terms(database, session, state, index=state)
        return True

    await slots.pause_writers(database)
    done = await in_transaction(database, change)
    store.index.note((await read_meta(database)).index)
    return done


async def _batch(store: "MongoStore", name: str, entries_of: EntriesOf, batch: int) -> int:
    """Index a batch of one collection; how many there were. What has been changed meanwhile stays as it is."""
    collection = store.database.get_collection(name, read_concern=MAJORITY, write_concern=DURABLE)
    found = [document async for document in collection.find(_other(store), {"e": 0, "z": 0}, limit=batch)]
    updates = [await _update(store, document, entries_of) for document in found]
    if updates:
        await collection.bulk_write(updates, ordered=False)
    return len(updates)


async def _update(store: "MongoStore", document: Document, entries_of: EntriesOf) -> UpdateOne:
    if document["m"] == DELETE:
        fresh = await _inherited(store, document, entries_of)
    else:
        packed = pack(document["t"], await entries_of(whole_version(document)))
        fresh = {"e": packed.entries, "z": packed.sort, "p": [*packed.patients]}
    same = {"_id": document["_id"], "v": document["v"], "x": document["x"]}
    return UpdateOne(same, {"$set": {**fresh, "x": store.index.wanted}})


async def _inherited(store: "MongoStore", document: Document, entries_of: EntriesOf) -> dict[str, Any]:
    """A deletion has the entries of the version before it."""
    id = version_id(document["t"], document["i"], document["v"] - 1)
    before = await store.database[VERSION].find_one({"_id": id})
    if before is None:
        return {}
    packed = pack(before["t"], await entries_of(whole_version(before)))
    return {"e": packed.entries, "p": [*packed.patients]}
