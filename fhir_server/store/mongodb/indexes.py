"""The collections and their indexes: made, checked, and where an index is missing in a full collection, built while the
store is in use. Searches that need it are refused until it is there (`connection.refusal`).
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pymongo import IndexModel
from pymongo.errors import OperationFailure, PyMongoError

from fhir_server.fault import described
from fhir_server.store.mongodb.collections import COLLECTIONS, INDEXES, META, RESOURCE, VERSION, Index
from fhir_server.store.mongodb.connection import Database
from fhir_server.store.mongodb.meta import OUTBOX_COUNTER
from fhir_server.store.options import StoreRefused

PROGRESS_SECONDS = 10.0
AGAIN_SECONDS = 30.0
"""So long after an error a build is tried again"""

_EXISTS = 48
"""NamespaceExists"""
_AT_ONCE = "order"
"""The index of `resource` and `version` without which no process can start or write"""

Missing = Mapping[str, Sequence[Index]]
"""By collection, the indexes that are not there"""

_log = logging.getLogger(__name__)


async def make_collections(
    database: Database, *, counter: bool = True, indexes_of: Collection[str] = tuple(INDEXES), expected: bool = False
) -> None:
    """Make the collections that are missing, the indexes of these, and the counter of the outbox unless it is still to
    come. That there are documents without their indexes is warned of, unless it is expected. Raises `StoreRefused`
    where an index is another than ours."""
    full = await _make_empty(database)
    for name, missing in (await missing_indexes(database, indexes_of)).items():
        if name in full and not expected:
            _warn(name, missing)
        await _build(database, name, missing)
    if counter:
        await _make_counter(database)


async def make_ready(database: Database) -> Missing:
    """The same for a store that is about to be used; what is still missing then can be built meanwhile (`Builds`).
    Raises `StoreRefused`."""
    full = await _make_empty(database)
    later: dict[str, Sequence[Index]] = {}
    for name, missing in (await missing_indexes(database)).items():
        waiting = [index for index in missing if name in full & {RESOURCE, VERSION} and index.name != _AT_ONCE]
        if waiting:
            _warn(name, waiting)
            later[name] = waiting
        await _build(database, name, [index for index in missing if index not in waiting])
    await _make_counter(database)
    return later


async def missing_indexes(database: Database, collections: Collection[str] = tuple(INDEXES)) -> dict[str, list[Index]]:
    """What is missing in these collections. Raises `StoreRefused` where an index is another than ours."""
    found: dict[str, list[Index]] = {}
    for name, indexes in INDEXES.items():
        if name in collections:
            known = await database[name].index_information()
            _require_same(name, indexes, known)
            found[name] = [index for index in indexes if index.name not in known]
    return found


class Builds:
    """Builds missing indexes beside everything else. Two processes may build the same one: the database does it once,
    and goes on by itself where both end meanwhile."""

    def __init__(self, database: Database, missing: Missing) -> None:
        self._database = database
        self._missing = {name: list(indexes) for name, indexes in missing.items()}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, if there is anything to build."""
        if self._missing:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Wait no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        for name, indexes in self._missing.items():
            while True:
                try:
                    await self._watched(name, indexes)
                    _log.info("the indexes of %s are there: %s", name, _named(indexes))
                    break
                except (PyMongoError, StoreRefused) as error:
                    _log.error("indexes of %s could not be built, and are tried again: %s", name, described(error))
                    await asyncio.sleep(AGAIN_SECONDS)

    async def _watched(self, name: str, indexes: Sequence[Index]) -> None:
        """Build these, and tell from time to time how far that is."""
        build = asyncio.create_task(_build(self._database, name, indexes))
        try:
            while not (await asyncio.wait([build], timeout=PROGRESS_SECONDS))[0]:
                done = await progress(self._database, name)
                _log.info("indexes of %s are being built%s", name, "" if done is None else f": {done:.0%}")
            await build
        finally:
            build.cancel()


async def progress(database: Database, collection: str) -> float | None:
    """What part of the documents of a collection the build that runs has gone through; None where that is not known."""
    running = {"ns": f"{database.name}.{collection}", "progress.total": {"$gt": 0}, "msg": {"$regex": "^Index Build"}}
    stages: list[dict[str, Any]] = [{"$currentOp": {"allUsers": True}}, {"$match": running}]
    try:
        parts = [each["progress"] async for each in await database.client.admin.aggregate(stages)]
    except PyMongoError:
        return None
    return min((each["done"] / each["total"] for each in parts), default=None)


async def _make_empty(database: Database) -> set[str]:
    """Make the collections that are missing; the names of those that have documents."""
    there = set(await database.list_collection_names())
    for name in COLLECTIONS:
        if name not in there:
            await _create(database, name)
    return {name for name in INDEXES if name in there and await database[name].find_one({}, {"_id": 1}) is not None}


async def _create(database: Database, name: str) -> None:
    try:
        await database.create_collection(name, check_exists=False)
    except OperationFailure as error:
        if error.code != _EXISTS:  # another process was first
            raise


async def _make_counter(database: Database) -> None:
    await database[META].update_one({"_id": OUTBOX_COUNTER}, {"$setOnInsert": {"n": 0}}, upsert=True)


async def _build(database: Database, name: str, indexes: Sequence[Index]) -> None:
    if not indexes:
        return
    try:
        await database[name].create_indexes([_model(index) for index in indexes])
    except OperationFailure as error:
        raise StoreRefused(f"indexes of {name} cannot be made: {error.details or error}") from error


def _warn(name: str, indexes: Sequence[Index]) -> None:
    if indexes:
        _log.warning("building missing indexes of %s: %s", name, _named(indexes))


def _named(indexes: Sequence[Index]) -> str:
    return ", ".join(index.name for index in indexes)


def _require_same(collection: str, indexes: tuple[Index, ...], known: Mapping[str, Any]) -> None:
    for index in indexes:
        there = known.get(index.name)
        if there is None:
            continue
        same = [*there["key"]] == [*index.keys] and bool(there.get("sparse")) == index.sparse
        if not same or there.get("partialFilterExpression") != index.partial:
            raise StoreRefused(f"the index {index.name} of {collection} is another than this program's: drop it")


def _model(index: Index) -> IndexModel:
    options: dict[str, Any] = {"name": index.name, "sparse": index.sparse}
    if index.partial is not None:
        options["partialFilterExpression"] = index.partial
    return IndexModel([*index.keys], **options)
