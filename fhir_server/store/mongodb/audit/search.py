"""Reading audit entries of all chains, newest first.

A snapshot names the last entry of every chain: what chains have by then never changes, so it never expires. Where
entries were recorded at the same time, the chain and the number decide.
"""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pymongo.errors import PyMongoError

from fhir_server.outcome import Invalid, TooCostly
from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.chain import EVENT
from fhir_server.store.criteria import AuditQuery
from fhir_server.store.entries import Entries
from fhir_server.store.matching import Row, visible
from fhir_server.store.mongodb.audit.links import entry_id, link_of
from fhir_server.store.mongodb.collections import AUDIT
from fhir_server.store.mongodb.connection import MAJORITY, Database, refusal
from fhir_server.store.options import StoreOptions
from fhir_server.store.values import AuditPage, RecordedAudit, Snapshot

BATCH = 200

Document = Mapping[str, Any]
Positions = dict[str, int]
"""For each chain the number of an entry."""


async def read_audit(database: Database, access: AccessFilter, id: str) -> RecordedAudit | None:
    """One entry by the id of its AuditEvent."""
    try:
        found = await database.get_collection(AUDIT, read_concern=MAJORITY).find_one({"_id": id})
    except PyMongoError as error:
        raise refusal(error) from error
    if found is None or found["k"] != EVENT or not _may_see(access, found):
        return None
    return _recorded(found)


async def search_audit(database: Database, access: AccessFilter, query: AuditQuery, options: StoreOptions) -> AuditPage:
    """One page of the entries that match and may be seen. Raises `Invalid` for a snapshot or cursor that is none."""
    try:
        snapshot = query.snapshot or Snapshot(_written(await _ends(database)), options.clock())
        found: list[Document] = []
        async for document in _matching(database, query, _positions(snapshot.value), options.search_seconds):
            if _may_see(access, document):
                found.append(document)
            if len(found) > query.count:
                break
    except PyMongoError as error:
        raise refusal(error) from error
    page = found[: query.count]
    more = len(found) > len(page) > 0
    return AuditPage(tuple(map(_recorded, page)), snapshot, _cursor(page[-1]) if more else None)


async def _ends(database: Database) -> Positions:
    stages: list[Mapping[str, Any]] = [
        {"$sort": {"c": 1, "n": -1}},
        {"$group": {"_id": "$c", "n": {"$first": "$n"}}},
    ]
    audit = database.get_collection(AUDIT, read_concern=MAJORITY)
    return {each["_id"]: each["n"] async for each in await audit.aggregate(stages)}


async def _matching(database: Database, query: AuditQuery, ends: Positions, seconds: float) -> AsyncIterator[Document]:
    recorded = {"$gte": -(2**62) if query.low_ms is None else query.low_ms}
    recorded["$lt"] = 2**62 if query.high_ms is None else query.high_ms
    within: list[dict[str, Any]] = [{"c": chain, "n": {"$lte": end}} for chain, end in ends.items()]
    conditions: list[dict[str, Any]] = [{"k": EVENT}, {"u": recorded}, {"$or": within}]
    if query.patient is not None:
        conditions.append({"p": query.patient})
    if query.after is not None:
        conditions.append(_behind(query.after))
    if not within:
        return
    deadline = time.monotonic() + seconds
    order = [("u", -1), ("c", 1), ("n", -1)]
    audit = database.get_collection(AUDIT, read_concern=MAJORITY)
    hint = "time" if query.patient is None else "patient"
    cursor = audit.find({"$and": conditions}, sort=order, hint=hint, batch_size=BATCH, max_time_ms=int(seconds * 1000))
    async with cursor:
        async for document in cursor:
            yield document
            if time.monotonic() > deadline:
                raise TooCostly("this takes longer than a search may; narrow it")


def _may_see(access: AccessFilter, document: Document) -> bool:
    """An entry is an AuditEvent in the compartments of the patients that it names. Its body is no FHIR yet, so a rule
    that would mask a part of it lets none of it through."""
    if access is EVERYTHING:
        return True
    whole = tuple(rule for rule in access.allow if not any(path.startswith("AuditEvent") for path in rule.masked))
    compartments = tuple(("Patient", patient) for patient in document["p"])
    row = Row("AuditEvent", document["_id"], document["u"], Entries(compartments=compartments))
    return visible(AccessFilter(whole, access.deny), row)


def _recorded(document: Document) -> RecordedAudit:
    link = link_of(document)
    return RecordedAudit(entry_id(document["c"], link.sequence), link.entry)


def _cursor(document: Document) -> str:
    return f"{document['u']},{document['c']},{document['n']}"


def _behind(cursor: str) -> dict[str, Any]:
    """The condition that an entry comes after the one that the cursor names."""
    recorded, _, place = cursor.partition(",")
    chain, _, number = place.partition(",")
    if not _is_number(recorded.removeprefix("-")) or not chain or not _is_number(number):
        raise Invalid("this page link holds no place in the audit")
    same = {"u": int(recorded)}
    return {
        "$or": [
            {"u": {"$lt": int(recorded)}},
            same | {"c": {"$gt": chain}},
            same | {"c": chain, "n": {"$lt": int(number)}},
        ]
    }


def _written(positions: Positions) -> str:
    return ",".join(f"{name}:{sequence}" for name, sequence in sorted(positions.items()))


def _positions(text: str) -> Positions:
    if not text:
        return {}
    pairs = [part.partition(":") for part in text.split(",")]
    if not all(name and _is_number(number) for name, _, number in pairs):
        raise Invalid("this page link holds no place in the audit")
    return {name: int(number) for name, _, number in pairs}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
