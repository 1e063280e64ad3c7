"""The rules of index entries: the number of those that hold now, and the jobs of indexing anew by them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession

from fhir_server.store.mongodb import slots
from fhir_server.store.mongodb.collections import INDEX_JOB
from fhir_server.store.mongodb.connection import MAJORITY, Database
from fhir_server.store.values import IndexJob


async def add_jobs(
    database: Database, session: AsyncClientSession, rules: int, jobs: Sequence[IndexJob], key: str
) -> None:
    """Note what is to be indexed anew, each job with a number of the rules of its own, the last with `rules`. What is
    written from now on goes by the new rules."""
    await slots.change_terms(database, session, key, rules=rules)
    for number, job in enumerate(jobs, rules - len(jobs) + 1):
        fresh = {"n": number, "types": [*job.types], "done": 0, "total": None, "complete": False}
        await database[INDEX_JOB].replace_one({"_id": job.source}, fresh, upsert=True, session=session)


async def jobs_of(database: Database) -> list[IndexJob]:
    """The latest job of each source, oldest first."""
    collection = database.get_collection(INDEX_JOB, read_concern=MAJORITY)
    return [job_of(each) async for each in collection.find({}, sort=[("n", 1)])]


async def oldest_job(database: Database, session: AsyncClientSession | None = None) -> Mapping[str, Any] | None:
    """The document of the oldest job that is not complete."""
    collection = database[INDEX_JOB] if session else database.get_collection(INDEX_JOB, read_concern=MAJORITY)
    return await collection.find_one({"complete": False}, sort=[("n", 1)], session=session)


def job_of(document: Mapping[str, Any]) -> IndexJob:
    """The job as it stands."""
    types: Iterable[str] = document["types"]
    return IndexJob(document["_id"], tuple(types), document["done"], document["total"], document["complete"])
