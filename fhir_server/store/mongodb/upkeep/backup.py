"""Backups: every collection at one moment, in files of BSON documents one after the other, while the server works.

The database must keep history for as long as the copying takes (`minSnapshotHistoryWindowInSeconds`).
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from fhir_server.outcome import SnapshotExpired, Unavailable
from fhir_server.store.backups import (
    CopiedHead,
    Manifest,
    checksum,
    make_durable,
    make_empty_folder,
    write_manifest,
)
from fhir_server.store.mongodb.collections import AUDIT, COLLECTIONS, LEASE, SCHEMA_VERSION, SLOT
from fhir_server.store.mongodb.connection import Database, refusal

COPIED = tuple(name for name in COLLECTIONS if name not in (SLOT, LEASE))
"""Who holds a slot or a lease is nothing of the record."""
BATCH = 1_000

_TOO_SLOW = (
    "copying takes longer than the database keeps history: raise its minSnapshotHistoryWindowInSeconds, and make the"
    " backup again in another folder"
)


def file_name(collection: str) -> str:
    """The file of a collection in a backup."""
    return f"{collection}.bson"


async def back_up(database: Database, target: Path, now_ms: int) -> None:
    """Copy the store into the folder `target`, which is made, or is empty. Raises FileExistsError where it is not,
    `Unavailable` where copying takes longer than the database keeps history."""
    make_empty_folder(target)
    try:
        async with database.client.start_session(snapshot=True) as session:
            for name in COPIED:
                await _copy(database, session, name, target / file_name(name))
            heads = {chain: head async for chain, head in _heads(database, session)}
    except PyMongoError as error:
        answer = refusal(error)
        raise Unavailable(_TOO_SLOW) if isinstance(answer, SnapshotExpired) else answer from error
    sums = {file_name(name): checksum(target / file_name(name)) for name in COPIED}
    write_manifest(target, Manifest(now_ms, SCHEMA_VERSION, sums, heads))


async def _copy(database: Database, session: AsyncClientSession, name: str, path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        async for batch in database[name].find_raw_batches({}, session=session, batch_size=BATCH):
            file.write(cast(bytes, batch))
        file.flush()
        os.fsync(file.fileno())
    make_durable(path.parent)


async def _heads(database: Database, session: AsyncClientSession) -> AsyncIterator[tuple[str, CopiedHead]]:
    """The last entry of every chain, in the session's snapshot."""
    stages: list[dict[str, Any]] = [
        {"$sort": {"c": 1, "n": -1}},
        {"$group": {"_id": "$c", "n": {"$first": "$n"}, "h": {"$first": "$h"}}},
    ]
    async for each in await database[AUDIT].aggregate(stages, session=session):
        yield each["_id"], CopiedHead(int(each["n"]), each["h"].hex())
