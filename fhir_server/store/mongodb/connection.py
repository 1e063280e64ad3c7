"""The client of a database, and what its errors mean above the store."""

from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    ConnectionFailure,
    DocumentTooLarge,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from fhir_server.outcome import FhirError, SnapshotExpired, StoreFull, TooCostly, Unavailable

Database = AsyncDatabase[dict[str, Any]]
Client = AsyncMongoClient[dict[str, Any]]

DURABLE = WriteConcern(w="majority", j=True)
MAJORITY = ReadConcern("majority")

TOO_LONG = "this takes longer than a search may; narrow it"
TOO_MUCH = "this needs more memory than a search may have; narrow it"
BEING_BUILT = "an index that this needs is being built; try again later"
EXPIRED = "this page link names a state of the record that is no longer kept; start the search again"

_TOO_OLD = frozenset({239, 246})
"""SnapshotTooOld, SnapshotUnavailable"""
_TIMED_OUT = frozenset({50, 262})
"""MaxTimeMSExpired, ExceededTimeLimit"""
_NO_ROOM = frozenset({14031})
"""OutOfDiskSpace"""
_BAD_VALUE = 2
_TOO_LARGE = frozenset({17419, 17420, 10334, 292})
"""Documents, batches or sorts beyond what the database holds in memory"""


def open_client(url: str, *, timeout_ms: int = 30_000) -> Client:
    """A client with the concerns that this store relies on. Connects at the first command."""
    return AsyncMongoClient(
        url,
        appname="fhir-server",
        serverSelectionTimeoutMS=min(timeout_ms, 5_000),
        connectTimeoutMS=5_000,
        retryReads=True,
        retryWrites=True,
        tz_aware=True,
    )


def refusal(error: PyMongoError) -> FhirError:
    """What is said of an error of the database: without the database's own words, which may hold data."""
    if isinstance(error, ExecutionTimeout) or (isinstance(error, OperationFailure) and error.code in _TIMED_OUT):
        return TooCostly(TOO_LONG)
    if isinstance(error, DocumentTooLarge):
        return TooCostly(TOO_MUCH)
    if isinstance(error, OperationFailure):
        if error.code in _TOO_OLD:
            return SnapshotExpired(EXPIRED)
        if error.code in _NO_ROOM:
            return StoreFull("the database has no room; nothing was written")
        if error.code in _TOO_LARGE:
            return TooCostly(TOO_MUCH)
        if error.code == _BAD_VALUE and "hint" in str((error.details or {}).get("errmsg")):
            return Unavailable(BEING_BUILT)
    if isinstance(error, ConnectionFailure | ServerSelectionTimeoutError | WTimeoutError):
        return Unavailable("the database cannot be reached; try again")
    return Unavailable("the database refused; try again")
