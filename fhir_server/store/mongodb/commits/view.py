"""What a group's commits rest on: read in a few commands, and from then on as the commits before leave it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson.timestamp import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession

from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.deciding import claim_hash
from fhir_server.store.matching import Row, visible
from fhir_server.store.mongodb.collections import CLAIM, DELETE, HOLD, RESOURCE
from fhir_server.store.mongodb.commits.prepare import Prepared
from fhir_server.store.mongodb.connection import Database
from fhir_server.store.mongodb.documents import unpack
from fhir_server.store.mongodb.forms import resource_id
from fhir_server.store.mongodb.meta import BEGINNING, read_meta

Document = dict[str, Any]
Found = tuple[str, str]
"""Type and id of a resource."""

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Current:
    """The newest version of a resource, which may be a deletion."""

    document: Document

    @property
    def version(self) -> int:
        return int(self.document["v"])

    @property
    def deleted(self) -> bool:
        return bool(self.document["m"] == DELETE)

    @property
    def last_updated(self) -> int:
        return int(self.document["u"])

    @property
    def patients(self) -> tuple[str, ...]:
        return tuple(self.document["p"])

    def may_be_seen(self, access: AccessFilter) -> bool:
        """Whether it passes the filter."""
        return may_see(access, self.document)


def may_see(access: AccessFilter, document: Document) -> bool:
    """Whether the version in this document passes the filter."""
    if access is EVERYTHING:
        return True
    row = Row(document["t"], document["i"], document["u"], unpack(document["e"]))
    return visible(access, row)


@dataclass(slots=True)
class View:
    """The newest versions by `_id`, who carried a claim last, who holds a unique key and what each resource holds; the
    number of the rules, and the cluster time of which claims are all there (read only where one is asked for)."""

    rules: int
    resources: dict[str, Current] = field(default_factory=dict)
    carried: dict[bytes, str | None] = field(default_factory=dict)
    holders: dict[str, Found] = field(default_factory=dict)
    held: dict[Found, set[str]] = field(default_factory=dict)
    horizon: Timestamp = BEGINNING

    def current(self, type: str, id: str) -> Current | None:
        """The newest version, None where there never was one."""
        return self.resources.get(resource_id(type, id))

    def hold(self, key: str, holder: Found) -> None:
        """The key is this resource's."""
        self.holders[key] = holder
        self.held.setdefault(holder, set()).add(key)

    def release(self, holder: Found) -> None:
        """What the resource holds is free."""
        for key in self.held.pop(holder, ()):
            if self.holders.get(key) == holder:
                del self.holders[key]


async def read_view(database: Database, session: AsyncClientSession, rules: int, group: Sequence[Prepared]) -> View:
    """What these commits rest on, in the session's transaction."""
    view = View(rules)
    commits = [prepared.commit for prepared in group]
    writes = [write for commit in commits for write in commit.writes]
    required = [each for commit in commits for each in commit.required]
    named = [(each.type, each.id) for each in writes] + [(each.type, each.id) for each in required]
    ids = dict.fromkeys(resource_id(type, id) for type, id in named)
    if ids:
        cursor = database[RESOURCE].find({"_id": {"$in": [*ids]}}, session=session, batch_size=BATCH)
        view.resources = {each["_id"]: Current(each) async for each in cursor}
    keys = {claim_hash(key) for commit in commits for key in commit.depends_on}
    if keys:
        view.horizon = (await read_meta(database, session)).horizon
        claims = database[CLAIM].find({"_id": {"$in": [*keys]}}, {"c": 1}, session=session, batch_size=BATCH)
        view.carried = {each["_id"]: each.get("c") async for each in claims}
    wanted = {key for write in writes for key in write.holds}
    changed = [(write.type, write.id) for write in writes if resource_id(write.type, write.id) in view.resources]
    if condition := _holds_of(wanted, changed):
        async for each in database[HOLD].find(condition, session=session, batch_size=BATCH):
            view.hold(each["_id"], (each["t"], each["i"]))
    return view


def _holds_of(keys: Iterable[str], resources: Iterable[Found]) -> Document | None:
    """The condition for these keys, and for all that these resources hold."""
    by_type: dict[str, list[str]] = {}
    for type, id in resources:
        by_type.setdefault(type, []).append(id)
    parts: list[Document] = [{"t": type, "i": {"$in": ids}} for type, ids in by_type.items()]
    if wanted := list(keys):
        parts.append({"_id": {"$in": wanted}})
    return {"$or": parts} if parts else None
