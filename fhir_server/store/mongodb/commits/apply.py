"""Writing what was decided: the documents that a group's commits leave, by a few commands in its transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from fhir_server.store.chain import EVENT, Head, Link, link_after
from fhir_server.store.deciding import claim_hash
from fhir_server.store.mongodb.audit.links import document_of
from fhir_server.store.mongodb.collections import (
    AUDIT,
    CLAIM,
    DIRECTORY,
    HOLD,
    LOCK,
    METHODS,
    OUTBOX,
    RESOURCE,
    VERSION,
)
from fhir_server.store.mongodb.commits.decide import Change, Decision
from fhir_server.store.mongodb.commits.view import Current, Document, View
from fhir_server.store.mongodb.connection import Database
from fhir_server.store.mongodb.documents import Packed, checksum
from fhir_server.store.mongodb.forms import resource_id, version_id
from fhir_server.store.mongodb.order import Orders
from fhir_server.store.mongodb.rules import add_jobs
from fhir_server.store.values import Commit, IndexJob, Write

LOCKS = 8
"""Lock documents of a target: who refers to it writes one of them, who deletes it all."""

_Operation = InsertOne[Document] | ReplaceOne[Document] | DeleteOne | UpdateOne


@dataclass(slots=True)
class Effects:
    """What the commits of one group write. `index`: the version of the index; `slot`: under which they are written;
    `tied`: the head of the chain of reads that a checkpoint ties in."""

    view: View
    orders: Orders
    key: str
    slot: int
    index: str
    head: Head
    chain: str
    links: list[Link] = field(default_factory=list)
    newest: dict[str, Document] = field(default_factory=dict)
    tied: Head | None = None
    _stored: set[str] = field(init=False)
    _held: dict[str, tuple[str, str]] = field(init=False)
    _versions: list[Document] = field(default_factory=list)
    _outbox: list[Document] = field(default_factory=list)
    _carried: dict[bytes, str] = field(default_factory=dict)
    _depended: set[bytes] = field(default_factory=set)
    _locks: dict[str, None] = field(default_factory=dict)
    _touched: dict[str, str] = field(default_factory=dict)
    _jobs: list[IndexJob] = field(default_factory=list)
    _time_ms: int = 0

    def __post_init__(self) -> None:
        self._stored = set(self.view.resources)
        self._held = dict(self.view.holders)

    def append(self, link: Link) -> None:
        """The chain goes on with this link."""
        self.links.append(link)
        self.head = Head(link.sequence, link.hash)

    def add(self, commit: Commit, decision: Decision) -> None:
        """Write one commit."""
        changes = [change for change in decision.changes if change.writes]
        if changes:
            self._add_versions(changes, decision)
            self._add_holds(decision)
            self._add_claims(commit)
            self._add_locks(commit, changes)
            self._add_jobs(commit)
            self._touch(decision)
        self.append(link_after(self.head, EVENT, decision.audit))

    def _add_versions(self, changes: list[Change], decision: Decision) -> None:
        self._time_ms = decision.time_ms
        first = self.orders.take(decision.time_ms, len(changes))
        for order, change in enumerate(changes, first):
            document = self._document(change, decision, order)
            if change.current is not None:
                self._versions.append(_superseded(change.current.document, decision.time_ms, order))
            self.newest[document["_id"]] = document
            self.view.resources[document["_id"]] = Current(document)
            event = {name: document[name] for name in ("t", "i", "v", "m", "o")}
            self._outbox.append({"_id": version_id(document["t"], document["i"], document["v"]), **event, "s": None})

    def _document(self, change: Change, decision: Decision, order: int) -> Document:
        write, before = change.write, None if change.current is None else change.current.document
        known: Document = {
            "_id": resource_id(write.type, write.id),
            "t": write.type,
            "i": write.id,
            "v": change.version,
            "m": METHODS.index(write.method),
            "u": decision.time_ms,
            "o": order,
        }
        if change.packed is None or write.body is None:
            return known | _deletion(write, change.version, before)
        body = write.body.at(change.version, decision.time_ms)
        return known | {
            "pl": _placement(known["_id"], change.packed) if before is None else before["pl"],
            "p": [*change.packed.patients],
            "b": body,
            "ck": checksum(write.type, write.id, change.version, body),
            "x": self.index,
            "r": decision.rules,
            "e": change.packed.entries,
            "z": change.packed.sort,
        }

    def _add_holds(self, decision: Decision) -> None:
        """Release what the resources held, then note what they hold now."""
        for holding in decision.holdings:
            self.view.release((holding.write.type, holding.write.id))
        for holding in decision.holdings:
            for key in holding.keys:
                self.view.hold(key, (holding.write.type, holding.write.id))

    def _add_claims(self, commit: Commit) -> None:
        """A key that the commit only depends on is written too, so that a rival of this moment is met; who carried it
        last stays who it was."""
        mark = f"{self.key}.{len(self.links)}"
        for key in map(claim_hash, commit.carries):
            self._carried[key] = self.view.carried[key] = mark
        self._depended.update(map(claim_hash, commit.depends_on))

    def _add_locks(self, commit: Commit, changes: list[Change]) -> None:
        written = {(change.write.type, change.write.id) for change in changes}
        for required in commit.required:
            if (required.type, required.id) not in written:
                self._locks[f"{resource_id(required.type, required.id)}#{self.slot % LOCKS}"] = None
        for change in changes:
            if change.outcome == "deleted" and change.write.refuse_if_referenced:
                target = resource_id(change.write.type, change.write.id)
                self._locks.update((f"{target}#{number}", None) for number in range(LOCKS))

    def _touch(self, decision: Decision) -> None:
        """What the commit found as it should be, and leaves so, meets a rival that changes it: else two commits, each
        of which changes what the other has found unchanged, could both be done."""
        found = (change.current.document for change in decision.changes if change.current and not change.writes)
        self._touched.update((document["_id"], document["pl"]) for document in found)

    def _add_jobs(self, commit: Commit) -> None:
        self._jobs += commit.index_jobs
        self.view.rules += len(commit.index_jobs)

    async def write(self, database: Database, session: AsyncClientSession) -> None:
        """Everything, in the session's transaction."""
        created = [document for id, document in self.newest.items() if id not in self._stored]
        directory = [{"_id": document["_id"], "pl": document["pl"]} for document in created]
        audit = [document_of(self.chain, link) for link in self.links]
        for collection, documents in (
            (RESOURCE, created),
            (DIRECTORY, directory),
            (VERSION, self._versions),
            (OUTBOX, self._outbox),
            (AUDIT, audit),
        ):
            if documents:
                await database[collection].insert_many(documents, session=session)
        for collection, operations in (
            (RESOURCE, self._replacements()),
            (HOLD, list(self._hold_operations())),
            (CLAIM, list(self._claim_operations())),
            (LOCK, [_upsert(id, {"g": self.key}) for id in self._locks]),
        ):
            if operations:
                await database[collection].bulk_write(operations, ordered=True, session=session)
        if self._jobs:
            await add_jobs(database, session, self.view.rules, self._jobs, self.key)

    def _replacements(self) -> list[_Operation]:
        replacements: list[_Operation] = [
            ReplaceOne({"_id": id, "pl": document["pl"]}, document)
            for id, document in self.newest.items()
            if id in self._stored
        ]
        touched = ((id, placement) for id, placement in self._touched.items() if id not in self.newest)
        return replacements + [UpdateOne({"_id": id, "pl": pl}, {"$set": {"g": self.key}}) for id, pl in touched]

    def _hold_operations(self) -> Iterable[_Operation]:
        now = self.view.holders
        for key, holder in self._held.items():
            if key not in now:
                yield DeleteOne({"_id": key})
            elif now[key] != holder:
                yield ReplaceOne({"_id": key}, _hold(now[key]))
        for key, holder in now.items():
            if key not in self._held:
                yield InsertOne({"_id": key, **_hold(holder)})

    def _claim_operations(self) -> Iterable[_Operation]:
        for key, mark in self._carried.items():
            yield _upsert(key, {"c": mark, "u": self._time_ms})
        for key in self._depended - self._carried.keys():
            yield _upsert(key, {"d": self.key, "u": self._time_ms})


def _upsert(id: Any, values: Document) -> UpdateOne:
    return UpdateOne({"_id": id}, {"$set": values}, upsert=True)


def _hold(holder: tuple[str, str]) -> Document:
    return {"t": holder[0], "i": holder[1]}


def _placement(id: str, packed: Packed) -> str:
    """Where a new resource lies: with its first patient, or by itself."""
    return resource_id("Patient", packed.patients[0]) if packed.patients else id


def _deletion(write: Write, version: int, before: Document | None) -> Document:
    """A deletion keeps the entries of the version before it: they decide who may know of it."""
    if before is None:
        raise AssertionError("a deletion follows a version")
    kept = {name: before[name] for name in ("pl", "p", "x", "r", "e")}
    return {**kept, "b": None, "ck": checksum(write.type, write.id, version, b""), "z": {}}


def _superseded(document: Document, time_ms: int, order: int) -> Document:
    """The version that another one has replaced."""
    id = version_id(document["t"], document["i"], document["v"])
    return {**document, "_id": id, "ru": time_ms, "ro": order}
