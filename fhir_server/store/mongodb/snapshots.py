"""Questions at a snapshot: commands with `readConcern: snapshot`, at the cluster time of now or of a page link.

https://www.mongodb.com/docs/v6.0/reference/read-concern-snapshot/
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from bson.timestamp import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from fhir_server.outcome import TooCostly
from fhir_server.store.mongodb.connection import TOO_LONG, Database, refusal

Document = dict[str, Any]
Stage = Mapping[str, Any]

BATCH = 2_000
TRIES, PAUSE_SECONDS = 4, 0.1
UNAVAILABLE_SNAPSHOT = 246


@dataclass(slots=True)
class Reader:
    """Asks any number of questions of one state, for `max_ms` in all. `time` is its cluster time: None until the first
    question has been answered, which then fixes it to that of now."""

    database: Database
    session: AsyncClientSession
    max_ms: int
    time: Timestamp | None = None
    commands: int = field(default=0)
    begin: float = field(default_factory=monotonic)

    async def ask(
        self,
        collection: str,
        pipeline: Sequence[Stage],
        *,
        hint: str | None = None,
        batch: int = BATCH,
        most_ms: int | None = None,
    ) -> list[Document]:
        """All documents that the pipeline gives, found in `most_ms` where that is less than is left. Raises what
        `refusal` makes of the database's errors."""
        documents = self.stream(collection, pipeline, hint=hint, batch=batch, most_ms=most_ms)
        return [document async for document in documents]

    async def stream(
        self,
        collection: str,
        pipeline: Sequence[Stage],
        *,
        hint: str | None = None,
        batch: int = BATCH,
        most_ms: int | None = None,
    ) -> AsyncGenerator[Document, None]:
        """The documents one after the other, a batch a command. Who does not want all of them closes it."""
        concern: Document = {"level": "snapshot"}
        if self.time is not None:
            concern["atClusterTime"] = self.time
        command: Document = {
            **question(collection, pipeline, batch),
            "readConcern": concern,
            "maxTimeMS": self._left_ms() if most_ms is None else min(self._left_ms(), most_ms),
        }
        if hint is not None:
            command["hint"] = hint
        answer = await self._command(command)
        if self.time is None:
            self.time = answer["cursor"]["atClusterTime"]
        documents = answer["cursor"]["firstBatch"]
        cursor = answer["cursor"]["id"]
        try:
            while True:
                for document in documents:
                    yield document
                if not cursor:
                    return
                answer = await self._command({"getMore": cursor, "collection": collection, "batchSize": batch})
                documents, cursor = answer["cursor"]["nextBatch"], answer["cursor"]["id"]
        finally:
            if cursor:
                await self._command({"killCursors": collection, "cursors": [cursor]})

    def _left_ms(self) -> int:
        left = self.max_ms - int((monotonic() - self.begin) * 1_000)
        if left <= 0:
            raise TooCostly(TOO_LONG)
        return left

    async def _command(self, command: Document) -> Document:
        tries = TRIES if "readConcern" in command else 1
        while True:
            self.commands += 1
            tries -= 1
            try:
                return await self.database.command(command, session=self.session)
            except PyMongoError as error:
                if not tries or not self._passes(error):
                    raise refusal(error) from error
            await asyncio.sleep(PAUSE_SECONDS)

    def _passes(self, error: PyMongoError) -> bool:
        """Whether the same question may well be answered in a moment: another member becomes primary, or a collection
        has just been changed and now is not yet a state that can be asked."""
        if isinstance(error, OperationFailure):
            return self.time is None and error.code == UNAVAILABLE_SNAPSHOT
        return isinstance(error, ConnectionFailure)


_FIND = {"$match": "filter", "$sort": "sort", "$limit": "limit", "$project": "projection"}
"""Stages as parts of a `find`, which does them in this order"""


def question(collection: str, pipeline: Sequence[Stage], batch: int) -> Document:
    """The command of a pipeline: a `find` where that can do it, for less than an `aggregate` takes."""
    places = [list(_FIND).index(name) if name in _FIND else -1 for stage in pipeline for name in stage]
    if places[:1] == [0] and places == sorted(set(places)):
        parts = {_FIND[name]: value for stage in pipeline for name, value in stage.items()}
        return {"find": collection, **parts, "batchSize": batch}
    return {"aggregate": collection, "pipeline": list(pipeline), "cursor": {"batchSize": batch}}


@asynccontextmanager
async def reading(database: Database, max_ms: int, time: Timestamp | None = None) -> AsyncIterator[Reader]:
    """A reader of one state: of the cluster time, or of now."""
    async with database.client.start_session(causal_consistency=False) as session:
        yield Reader(database, session, max_ms, time)
