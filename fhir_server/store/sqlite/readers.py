"""Threads that answer searches, histories and counts, each with a connection of its own."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from fhir_server.outcome import FhirError
from fhir_server.store.sqlite.connection import open_connection, refusal, roll_back, run_script
from fhir_server.store.sqlite.queries.budget import deadline

_NO_LIMIT = 1e9

_Result = TypeVar("_Result")


class Readers:
    """Runs a question inside one read transaction, so that everything it reads is of one state."""

    def __init__(self, path: Path, threads: int, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(threads, "store-reader")
        self._own = threading.local()
        self._connections: list[apsw.Connection] = []

    async def ask(self, question: Callable[[apsw.Connection], _Result], *, patient: bool = False) -> _Result:
        """The answer. Raises what the question raises, `Unavailable`, and `TooCostly` after too long, except where the
        asker is patient."""
        seconds = _NO_LIMIT if patient else self._seconds
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._answer, question, seconds)

    def close(self) -> None:
        """Wait for what runs, and let go."""
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()

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
