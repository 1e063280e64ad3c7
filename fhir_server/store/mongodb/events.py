"""The outbox: what was committed, numbered by whoever reads it first.

Entries come without a number. Those that are there get theirs in one transaction, so a number is never given before a
smaller one, and what is committed later gets a greater one.
"""

from collections.abc import Sequence

from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from fhir_server.store.mongodb.collections import META, METHODS, OUTBOX
from fhir_server.store.mongodb.connection import MAJORITY, Database, refusal
from fhir_server.store.mongodb.meta import OUTBOX_COUNTER
from fhir_server.store.mongodb.transactions import in_transaction
from fhir_server.store.values import Event

BATCH = 1_000

_UNNUMBERED = {"s": {"$type": "null"}}


async def events(database: Database, after: int, count: int) -> Sequence[Event]:
    """Outbox entries after this number, in order."""
    outbox = database.get_collection(OUTBOX, read_concern=MAJORITY)
    try:
        while await outbox.find_one(_UNNUMBERED, {"_id": 1}, hint="unnumbered") is not None:
            if await in_transaction(database, lambda session: _number(database, session)) < BATCH:
                break
        if not count:
            return []
        found = outbox.find({"s": {"$gt": after}}, sort=[("s", 1)], limit=count)
        return [Event(each["s"], each["t"], each["i"], each["v"], METHODS[each["m"]]) async for each in found]
    except PyMongoError as error:
        raise refusal(error) from error


async def _number(database: Database, session: AsyncClientSession) -> int:
    """Number a batch of those that have no number; how many there were."""
    cursor = database[OUTBOX].find(
        _UNNUMBERED, {"_id": 1}, sort=[("o", 1)], limit=BATCH, hint="unnumbered", session=session
    )
    ids = [each["_id"] async for each in cursor]
    if not ids:
        return 0
    counter = await database[META].find_one_and_update(
        {"_id": OUTBOX_COUNTER}, {"$inc": {"n": len(ids)}}, return_document=ReturnDocument.AFTER, session=session
    )
    if counter is None:
        raise AssertionError("the counter of the outbox is made at opening")
    first = int(counter["n"]) - len(ids) + 1
    numbers = [UpdateOne({"_id": id}, {"$set": {"s": number}}) for number, id in enumerate(ids, first)]
    await database[OUTBOX].bulk_write(numbers, session=session)
    return len(ids)
