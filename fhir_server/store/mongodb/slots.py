"""Slots: the number under which a process writes, held by a lease of the database's own time.

A slot's document is written by every group of commits, so two processes that believe they have one slot conflict on
it. It repeats what `meta` says of the index and the rules: a change of these writes all slots, so it meets every
writer, and asks the others to pause for it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, NamedTuple

from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from fhir_server.store.chain import EMPTY, Head
from fhir_server.store.mongodb.collections import META, SLOT
from fhir_server.store.mongodb.connection import DURABLE, Database
from fhir_server.store.mongodb.meta import STORE, read_meta
from fhir_server.store.mongodb.transactions import begin, in_transaction, is_conflict

LEASE_MS = 60_000
PROLONG_SECONDS = 15.0
PAUSE_MS = 2_000

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_UNTIL = {"$add": ["$$NOW", LEASE_MS]}
_log = logging.getLogger(__name__)


class Slot(NamedTuple):
    """A slot, and the token of who holds it. `tied`: the head of its chain of reads that was tied into its chain of
    commits last, when it was taken."""

    number: int
    holder: str
    tied: Head


@dataclass(frozen=True, slots=True)
class Terms:
    """What a group goes by: the version of the index in the store, and the number of the rules of its entries."""

    index: str
    rules: int


class SlotLost(Exception):
    """The lease had run out, and another process has the slot now."""


class Paused(Exception):
    """Another process has asked for a moment in which nobody writes."""


async def take(database: Database) -> Slot:
    """The lowest slot that is free, or a new one."""
    holder = token_hex(8)
    slots = database.get_collection(SLOT, write_concern=DURABLE)
    while True:
        found = await slots.find_one_and_update(
            {"$expr": {"$lt": ["$until", "$$NOW"]}}, [{"$set": {"holder": holder, "until": _UNTIL}}], sort=[("_id", 1)]
        )
        if found is not None:
            number, digest = found["tied"]
            return Slot(int(found["_id"]), holder, Head(int(number), digest))
        added = await in_transaction(database, lambda session: _add(database, session))
        _log.info("the store has a new slot for writers: %d", added)


async def _add(database: Database, session: AsyncClientSession) -> int:
    """A new slot, which is free. `meta` is written, so that a change of the rules meets every writer."""
    last = await database[SLOT].find_one({}, {"_id": 1}, sort=[("_id", -1)], session=session)
    number = 0 if last is None else int(last["_id"]) + 1
    meta = await read_meta(database, session)
    await database[META].update_one({"_id": STORE}, {"$set": {"slots": number + 1}}, session=session)
    free: dict[str, Any] = {"_id": number, "holder": None, "until": _LONG_AGO, "group": None, "pause": None}
    free |= {"changed": None}
    free |= {"index": meta.index, "rules": meta.rules, "tied": [EMPTY.sequence, EMPTY.hash]}
    await database[SLOT].insert_one(free, session=session)
    return number


async def prolong(database: Database, slot: Slot) -> bool:
    """Whether the slot is still this holder's, who then has it for a while longer."""
    slots = database.get_collection(SLOT, write_concern=DURABLE)
    done = await slots.update_one({"_id": slot.number, "holder": slot.holder}, [{"$set": {"until": _UNTIL}}])
    return done.matched_count == 1


async def give_back(database: Database, slot: Slot) -> None:
    """Let the next process have the slot."""
    slots = database.get_collection(SLOT, write_concern=DURABLE)
    await slots.update_one({"_id": slot.number, "holder": slot.holder}, {"$set": {"holder": None, "until": _LONG_AGO}})


async def begin_group(
    database: Database, session: AsyncClientSession, slot: Slot, group: str, *, changes: bool
) -> Terms:
    """Write the group's key into the slot, in the group's transaction; where it `changes` resources also as that of the
    last change, by which snapshots know the state. Raises `SlotLost`, and `Paused` also where another process is
    changing the terms at this moment."""
    noted = {"group": group, "until": _UNTIL, **({"changed": group} if changes else {})}
    try:
        found: Mapping[str, Any] | None = await database[SLOT].find_one_and_update(
            {"_id": slot.number, "holder": slot.holder},
            [{"$set": noted}],
            return_document=ReturnDocument.AFTER,
            session=session,
        )
    except PyMongoError as error:
        if is_conflict(error):
            raise Paused from error
        raise
    if found is None:
        raise SlotLost
    pause = found["pause"]
    if pause is not None and (found["until"] - pause).total_seconds() * 1000 < LEASE_MS:
        raise Paused
    return Terms(found["index"], int(found["rules"]))


async def note_tied(database: Database, session: AsyncClientSession, slot: Slot, head: Head) -> None:
    """Remember which head of the slot's chain of reads this transaction ties in."""
    tied = {"tied": [head.sequence, head.hash]}
    await database[SLOT].update_one({"_id": slot.number}, {"$set": tied}, session=session)


async def last_group(database: Database, session: AsyncClientSession, slot: Slot, settled: str) -> str | None:
    """The key of the last group that was committed under the slot; None where the slot is another's by now.

    Asked by a transaction of the session that ran the group: it ends one that is still open, and where it can write the
    slot, none that has not been committed ever will be.
    """
    await begin(session)
    try:
        found = await database[SLOT].find_one_and_update(
            {"_id": slot.number, "holder": slot.holder},
            {"$set": {"settled": settled}},
            return_document=ReturnDocument.BEFORE,
            session=session,
        )
        await session.commit_transaction()
    except BaseException:
        if session.in_transaction:
            await session.abort_transaction()
        raise
    return None if found is None else str(found["group"])


async def pause_writers(database: Database, but: int | None = None) -> None:
    """Ask all writers (but one) to begin nothing for a moment; returns when what they had begun is done."""
    slots = database.get_collection(SLOT, write_concern=DURABLE)
    pause = [{"$set": {"pause": {"$add": ["$$NOW", PAUSE_MS]}}}]
    await slots.update_many({} if but is None else {"_id": {"$ne": but}}, pause)


async def change_terms(database: Database, session: AsyncClientSession, key: str, **terms: str | int) -> None:
    """Change what `meta` says of the index or the rules, in a transaction that meets every writer; their pause ends."""
    await database[META].update_one({"_id": STORE}, {"$set": terms}, session=session)
    await database[SLOT].update_many({}, {"$set": {**terms, "met": key, "pause": None}}, session=session)
