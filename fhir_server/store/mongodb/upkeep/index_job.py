"""Indexing anew what is there of some types, when a search parameter came, changed or went.

Searches go on meanwhile. What is written while a job runs has the number of the new rules, so a job is complete when no
current resource of its types has a smaller one. Of superseded versions nothing is indexed anew: a search by the
parameter begins after the job, and no snapshot from then on has them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from fhir_server.store.index_state import is_whole, require_rules
from fhir_server.store.mongodb import slots
from fhir_server.store.mongodb.collections import DELETE, INDEX_JOB, META, RESOURCE
from fhir_server.store.mongodb.connection import MAJORITY, refusal
from fhir_server.store.mongodb.documents import Packed, pack
from fhir_server.store.mongodb.meta import STORE, read_meta
from fhir_server.store.mongodb.rules import job_of, oldest_job
from fhir_server.store.mongodb.transactions import in_transaction
from fhir_server.store.mongodb.versions import EntriesOf, whole_version
from fhir_server.store.values import IndexJob, Version

if TYPE_CHECKING:
    from fhir_server.store.mongodb.store import MongoStore

BATCH = 200


class _Batch(NamedTuple):
    """Versions to index anew for a job; `total`: how many there were at its beginning."""

    job: Mapping[str, Any]
    total: int
    versions: tuple[Version, ...]


async def run_index_job(store: "MongoStore", entries_of: EntriesOf, rules: int) -> IndexJob | None:
    """See `contract.Store.run_index_job`."""
    try:
        batch = await _next(store)
    except PyMongoError as error:
        raise refusal(error) from error
    if batch is None:
        return None
    packed = [pack(version.type, await entries_of(version)) for version in batch.versions]

    async def write(session: AsyncClientSession) -> IndexJob:
        return await _write(store, session, batch, packed, rules)

    if len(batch.versions) < BATCH:
        await slots.pause_writers(store.database)
    return await in_transaction(store.database, write)


def _left(job: Mapping[str, Any]) -> dict[str, Any]:
    """The condition for what a job has not done yet."""
    return {"t": {"$in": job["types"]}, "r": {"$lt": job["n"]}, "m": {"$ne": DELETE}}


async def _next(store: "MongoStore") -> _Batch | None:
    job = await oldest_job(store.database)
    if job is None:
        return None
    resources = store.database.get_collection(RESOURCE, read_concern=MAJORITY)
    left = _left(job)
    total = job["total"]
    if total is None:
        total = await resources.count_documents(left, hint="rules")
    cursor = resources.find(left, {"e": 0, "z": 0}, sort=[("t", 1), ("r", 1)], hint="rules", limit=BATCH)
    return _Batch(job, total, tuple([whole_version(each) async for each in cursor]))


async def _write(
    store: "MongoStore", session: AsyncClientSession, batch: _Batch, packed: Sequence[Packed], rules: int
) -> IndexJob:
    """Write the entries, under the rules that they were made by: `meta` is written, so that a change of them is met."""
    database, source, number = store.database, batch.job["_id"], batch.job["n"]
    meta = await read_meta(database, session)
    require_rules(meta.rules, rules)
    is_whole(meta.index, store.index.wanted)
    await database[META].update_one({"_id": STORE}, {"$inc": {"batches": 1}}, session=session)
    job = await database[INDEX_JOB].find_one({"_id": source}, session=session)
    if job is None or job["n"] != number or job["complete"]:
        return job_of(job or batch.job)
    pairs = zip(batch.versions, packed, strict=True)
    updates = [_reindexed(version, fresh, number, rules, store.index.wanted) for version, fresh in pairs]
    done = (await database[RESOURCE].bulk_write(updates, session=session)).modified_count if updates else 0
    complete = len(batch.versions) < BATCH
    total = batch.total if job["total"] is None else job["total"]
    reached = total if complete else min(job["done"] + done, total)
    progress = {"done": reached, "total": total, "complete": complete}
    await database[INDEX_JOB].update_one({"_id": source}, {"$set": progress}, session=session)
    if complete:
        await slots.change_terms(database, session, f"{source} {number}", rules=rules + 1)
    return job_of({**job, **progress})


def _reindexed(version: Version, packed: Packed, number: int, rules: int, index: str) -> UpdateOne:
    """Replaces the entries of a version that is still current and has not been indexed by another process."""
    return UpdateOne(
        {"_id": f"{version.type}/{version.id}", "v": version.version, "r": {"$lt": number}},
        {"$set": {"e": packed.entries, "z": packed.sort, "p": [*packed.patients], "r": rules, "x": index}},
    )
