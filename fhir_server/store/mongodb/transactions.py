"""Transactions: how one is run, and what an error in one means.

https://www.mongodb.com/docs/manual/core/transactions/
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference

from fhir_server.store.mongodb.connection import DURABLE, Database, refusal

SNAPSHOT = ReadConcern("snapshot")

_Result = TypeVar("_Result")

_TRANSIENT = "TransientTransactionError"
_UNKNOWN = "UnknownTransactionCommitResult"
_TOO_LARGE = frozenset({10334, 17419, 17420})
"""BSONObjectTooLarge, and the same of what an update would make"""
_CONFLICTS = frozenset({112, 11000})
"""WriteConflict, DuplicateKey: what is decided here has been decided by reading, so a key is taken only by a race"""


def is_conflict(error: PyMongoError) -> bool:
    """Whether another transaction was first."""
    if isinstance(error, BulkWriteError):
        return any(each.get("code") in _CONFLICTS for each in error.details.get("writeErrors", ()))
    return isinstance(error, DuplicateKeyError) or (isinstance(error, OperationFailure) and error.code in _CONFLICTS)


def is_too_large(error: Exception) -> bool:
    """Whether a document is larger than the database takes; the driver says so, or the server."""
    if isinstance(error, OperationFailure):
        return error.code in _TOO_LARGE
    return isinstance(error, DocumentTooLarge)


def is_passing(error: PyMongoError) -> bool:
    """Whether the transaction was not committed, and may succeed when it is run again."""
    return error.has_error_label(_TRANSIENT) or is_conflict(error) or isinstance(error, ConnectionFailure)


def is_unknown(error: PyMongoError) -> bool:
    """Whether it is not known if the commit has happened."""
    return error.has_error_label(_UNKNOWN) or isinstance(error, ConnectionFailure)


async def begin(session: AsyncClientSession) -> None:
    """Begin a transaction with the concerns of this store. One of this session that is still open is ended by it."""
    await session.start_transaction(SNAPSHOT, DURABLE, ReadPreference.PRIMARY)


async def in_transaction(database: Database, work: Callable[[AsyncClientSession], Awaitable[_Result]]) -> _Result:
    """Run work that may be run again, in a transaction of its own. Raises what `refusal` makes of errors."""
    async with database.client.start_session(causal_consistency=False) as session:
        return await in_transaction_of(session, work)


async def in_transaction_of(
    session: AsyncClientSession, work: Callable[[AsyncClientSession], Awaitable[_Result]]
) -> _Result:
    """Run work that may be run again, in a transaction of this session. Raises what `refusal` makes of errors."""

    async def run(session: AsyncClientSession) -> _Result:
        return await work(session)

    try:
        return await session.with_transaction(run, SNAPSHOT, DURABLE, ReadPreference.PRIMARY)
    except PyMongoError as error:
        raise refusal(error) from error
