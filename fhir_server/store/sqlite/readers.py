"""What answers searches, histories and counts: threads, each with a connection of its own; for cheap ones the loop."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import apsw

from fhir_server.outcome import FhirError, TooCostly
from fhir_server.store.sqlite.connection import open_connection, refusal, roll_back, run_script
from fhir_server.store.sqlite.queries.budget import deadline
from fhir_server.store.sqlite.shapes import Shape, Shapes

_NO_LIMIT = 1e9
_INLINE_SECONDS = 0.010
"""So long the event loop may be held by one question before it goes to a thread"""

_Result = TypeVar("_Result")


class Readers:
    """Runs a question inside one read transaction, so that everything it reads is of one state."""

    def __init__(self, path: Path, threads: int, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(threads, "store-reader")
        self._own = threading.local()
        self._connections: list[apsw.Connection] = []
        self._shapes = Shapes()

    async def ask(
        self, question: Callable[[apsw.Connection], _Result], *, patient: bool = False, shape: Shape | None = None
    ) -> _Result:
        """The answer. Raises what the question raises, `Unavailable`, and `TooCostly` after too long, except where the
        asker is patient. Where questions of this shape are cheap, it is answered here, without a hop."""
        if shape is not None and self._shapes.is_cheap(shape):
            with suppress(TooCostly):
                return self._noted(question, _INLINE_SECONDS, shape)
            self._shapes.took(shape, _INLINE_SECONDS)
        seconds = _NO_LIMIT if patient else self._seconds
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._noted, question, seconds, shape)

    def close(self) -> None:
        """Wait for what runs, and let go."""
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()

    def _noted(self, question: Callable[[apsw.Connection], _Result], seconds: float, shape: Shape | None) -> _Result:
        """The answer, and what it has cost: processor time, for waiting for others says nothing of the question."""
        began = time.thread_time()
        answer = self._answer(question, seconds)
        if shape is not None:
            self._shapes.took(shape, time.thread_time() - began)
        return answer

    def _answer(self, question: Callable[[apsw.Connection], _Result], seconds: float) -> _Result:
        try:
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                with deadline(connection, seconds):
                    return question(connection)
            finally:
                roll_back(connection)
        except FhirError:
            raise
        except apsw.Error as error:
            raise refusal(error) from error

    def _connection(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = open_connection(self._path)
            run_script(connection, "PRAGMA query_only=ON")
            self._connections.append(connection)
        return connection
