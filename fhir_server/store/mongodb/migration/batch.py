"""A batch of versions as documents: what the writer would have left, as far as it is the record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from fhir_server.store.entries import Entries
from fhir_server.store.migration.contract import Indexed, KeptVersion, MigrationRefused
from fhir_server.store.mongodb.collections import DIRECTORY, METHODS, ORDER_BITS, OUTBOX, RESOURCE, VERSION
from fhir_server.store.mongodb.connection import Database
from fhir_server.store.mongodb.documents import checksum, pack
from fhir_server.store.mongodb.forms import resource_id, version_id

Document = dict[str, Any]


@dataclass(slots=True)
class Before:
    """What is here of the resources of a batch. `placements`: where each lies. `newest`: documents of versions that
    were the newest ones when they were copied, which the batch goes on from: the source has been written to since.
    `replaced`: those of versions that a deletion in the batch follows, by `_id`."""

    placements: dict[str, str] = field(default_factory=dict)
    newest: dict[str, Document] = field(default_factory=dict)
    replaced: dict[str, Document] = field(default_factory=dict)


async def read_before(database: Database, session: AsyncClientSession, batch: Sequence[Indexed]) -> Before:
    """Read it, in the transaction that then writes the batch."""
    later = [kept.version for kept, _ in batch if kept.version.version > 1]
    ids = list({resource_id(version.type, version.id) for version in later})
    gone = [version_id(each.type, each.id, each.version - 1) for each in later if each.deleted]
    before = Before()
    if ids:
        among = {"_id": {"$in": ids}}
        before.placements = {each["_id"]: each["pl"] async for each in database[DIRECTORY].find(among, session=session)}
        before.newest = {each["_id"]: each async for each in database[RESOURCE].find(among, session=session)}
    if gone:
        found = database[VERSION].find({"_id": {"$in": gone}}, {"b": 0}, session=session)
        before.replaced = {each["_id"]: each async for each in found}
    return before


@dataclass(slots=True)
class Batch:
    """The documents of a batch. `index` and `rules`: by what its entries are made."""

    before: Before
    index: str
    rules: int
    newest: dict[str, Document] = field(default_factory=dict)
    replaced: dict[str, Document] = field(default_factory=dict)
    _moved: list[str] = field(default_factory=list)
    _directory: list[Document] = field(default_factory=list)
    _outbox: list[Document] = field(default_factory=list)
    _followed: list[UpdateOne] = field(default_factory=list)

    def add(self, kept: KeptVersion, entries: Entries, reached: int) -> int:
        """Take a version in behind the order that was reached; its own order."""
        version = kept.version
        order = max(version.last_updated_ms << ORDER_BITS, reached + 1)
        id = resource_id(version.type, version.id)
        before = self._replace(id, kept, order) if version.version > 1 else None
        document = self._document(id, kept, order) | self._content(kept, entries, before)
        if version.version == 1:
            document["pl"] = resource_id("Patient", version.patients[0]) if version.patients else id
            self.before.placements[id] = document["pl"]
            self._directory.append({"_id": id, "pl": document["pl"]})
        if kept.replaced_ms is None:
            self.newest[id] = document
        else:
            own = version_id(version.type, version.id, version.version)
            self.replaced[own] = document | {"_id": own, "ru": kept.replaced_ms}
        self._outbox.append(_event(document, kept.event))
        return order

    def _replace(self, id: str, kept: KeptVersion, order: int) -> Mapping[str, Any] | None:
        """Note that this version replaces the one before; its document, where it has been read or is in the batch."""
        version = kept.version
        if id not in self.before.placements:
            raise MigrationRefused(f"{id} has a version {version.version}, but none before it: the source is damaged")
        own = version_id(version.type, version.id, version.version - 1)
        follows = {"ru": version.last_updated_ms, "ro": order}
        newest = self.newest.pop(id, None)
        if newest is None and (newest := self.before.newest.pop(id, None)) is not None:
            self._moved.append(id)
        if newest is not None:
            self.replaced[own] = newest | {"_id": own} | follows
        elif own in self.replaced:
            self.replaced[own] |= follows
        else:
            known = {"_id": own, "pl": self.before.placements[id]}
            self._followed.append(UpdateOne(known, {"$set": {"ro": order}}))
            return self.before.replaced.get(own)
        return self.replaced[own]

    def _document(self, id: str, kept: KeptVersion, order: int) -> Document:
        version = kept.version
        return {
            "_id": id,
            "t": version.type,
            "i": version.id,
            "v": version.version,
            "m": METHODS.index(version.method),
            "u": version.last_updated_ms,
            "o": order,
            "pl": self.before.placements.get(id),
            "p": [*version.patients],
            "b": version.body,
            "ck": checksum(version.type, version.id, version.version, version.body or b""),
        }

    def _content(self, kept: KeptVersion, entries: Entries, before: Mapping[str, Any] | None) -> Document:
        """The index entries; a deletion has those of the version before it."""
        if not kept.version.deleted:
            packed = pack(kept.version.type, entries)
            return {"x": self.index, "r": self.rules, "e": packed.entries, "z": packed.sort}
        if before is None:
            raise MigrationRefused(f"a deletion of {kept.version.type}/{kept.version.id} follows nothing")
        return {"x": before["x"], "r": before["r"], "e": before["e"], "z": {}}

    def documents(self) -> Iterator[Document]:
        """All documents of versions."""
        yield from self.newest.values()
        yield from self.replaced.values()

    async def write(self, database: Database, session: AsyncClientSession) -> None:
        """Write everything, in the session's transaction. Raises `MigrationRefused` where a version is missing."""
        if self._moved:
            await database[RESOURCE].delete_many({"_id": {"$in": self._moved}}, session=session)
        for name, documents in (
            (RESOURCE, [*self.newest.values()]),
            (VERSION, [*self.replaced.values()]),
            (DIRECTORY, self._directory),
            (OUTBOX, self._outbox),
        ):
            if documents:
                await database[name].insert_many(documents, session=session)
        if self._followed:
            done = await database[VERSION].bulk_write(self._followed, session=session)
            if done.matched_count != len(self._followed):
                raise MigrationRefused("a version follows one that is not there: the source is damaged")


def _event(document: Document, number: int | None) -> Document:
    event = {name: document[name] for name in ("t", "i", "v", "m", "o")}
    return {"_id": version_id(document["t"], document["i"], document["v"]), **event, "s": number}
