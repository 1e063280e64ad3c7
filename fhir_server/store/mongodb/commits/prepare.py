"""A commit made ready outside the writer: its entries packed, its shape checked, its claims read as of its basis."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from bson.timestamp import Timestamp
from pymongo.errors import OperationFailure, PyMongoError

from fhir_server.outcome import Contended, Invalid
from fhir_server.store.access import AccessFilter
from fhir_server.store.deciding import CHANGED, check_shape, claim_hash
from fhir_server.store.mongodb.collections import CLAIM
from fhir_server.store.mongodb.connection import Database, refusal
from fhir_server.store.mongodb.documents import Packed, pack
from fhir_server.store.values import Commit, Snapshot

MOST_PACKED_AT_ONCE = 20
"""Larger commits are packed in a thread, so that they do not hold up the event loop."""

Claims = Mapping[bytes, str | None]
"""Which commit carried a key last, by the hash of the key."""

_NOT_KEPT = frozenset({239, 246, 72})
"""SnapshotTooOld, SnapshotUnavailable, and InvalidOptions for a time that has not come"""


@dataclass(frozen=True, slots=True)
class Basis:
    """The state that a commit was decided upon: its cluster time, and the claims of then."""

    time: Timestamp
    claims: Claims


@dataclass(frozen=True, slots=True)
class Prepared:
    """A commit, the filter of its session, the packed entries of each write (None for a deletion), and what it was
    decided upon, if it depends on that."""

    commit: Commit
    access: AccessFilter
    packed: tuple[Packed | None, ...]
    basis: Basis | None


async def prepare(database: Database, epoch: str, commit: Commit, access: AccessFilter) -> Prepared:
    """The commit made ready. Raises `Invalid` where it writes one resource twice, `Contended` where what it was
    decided upon is no longer kept."""
    check_shape(commit)
    if len(commit.writes) > MOST_PACKED_AT_ONCE:
        packed = await asyncio.to_thread(_packed, commit)
    else:
        packed = _packed(commit)
    basis = None
    if commit.depends_on and commit.basis is not None:
        keys = [claim_hash(key) for key in commit.depends_on]
        basis = await _basis(database, cluster_time(commit.basis, epoch), keys)
    return Prepared(commit, access, packed, basis)


def _packed(commit: Commit) -> tuple[Packed | None, ...]:
    return tuple(None if write.method == "delete" else pack(write.type, write.entries) for write in commit.writes)


def cluster_time(basis: Snapshot, epoch: str) -> Timestamp:
    """The cluster time that a snapshot of this store names first. Raises `Invalid` for one that is none, `Contended`
    for one of another life of the store."""
    parts = basis.value.split(".")
    if len(parts) < 3 or not all(part.isascii() and part.isdigit() and len(part) < 11 for part in parts[1:3]):
        raise Invalid("this page link holds no snapshot of this store")
    seconds, increment = int(parts[1]), int(parts[2])
    if parts[0] != epoch or max(seconds, increment) >= 2**32:
        raise Contended(CHANGED)
    return Timestamp(seconds, increment)


async def _basis(database: Database, time: Timestamp, keys: list[bytes]) -> Basis:
    """The claims of these keys at a cluster time. A state of the past never changes, so any time is good to ask."""
    command = {
        "find": CLAIM,
        "filter": {"_id": {"$in": keys}},
        "batchSize": len(keys) + 1,
        "singleBatch": True,
        "readConcern": {"level": "snapshot", "atClusterTime": time},
    }
    try:
        async with database.client.start_session(causal_consistency=False) as session:
            answer = await database.command(command, session=session)
    except OperationFailure as error:
        if error.code in _NOT_KEPT:
            raise Contended(CHANGED) from error
        raise refusal(error) from error
    except PyMongoError as error:
        raise refusal(error) from error
    return Basis(time, {each["_id"]: each.get("c") for each in answer["cursor"]["firstBatch"]})
