"""Versions from documents: one by its id, and the bodies of a page, masked as the filter says."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from pymongo.errors import PyMongoError

from fhir_server.outcome import Unavailable
from fhir_server.store.access import AccessFilter
from fhir_server.store.masking import mask
from fhir_server.store.matching import Row, visible
from fhir_server.store.mongodb.collections import METHODS, RESOURCE, VERSION
from fhir_server.store.mongodb.connection import MAJORITY, Database, refusal
from fhir_server.store.mongodb.documents import checksum, unpack
from fhir_server.store.mongodb.forms import resource_id, version_id
from fhir_server.store.mongodb.gathering import Gathering
from fhir_server.store.mongodb.queries.access_match import NOTHING_MASKED, RowAccess, row_access
from fhir_server.store.mongodb.queries.filters import Filter, one_of
from fhir_server.store.mongodb.queries.state import State
from fhir_server.store.values import Version

Document = Mapping[str, Any]

MOST_TOGETHER = 50

_SHOWN = dict.fromkeys(("t", "i", "v", "m", "u", "p", "b", "ck"), 1)
_JUDGED = dict.fromkeys(("t", "i", "u", "e", "x"), 1)


def row_of(document: Document) -> Row:
    """What access rules judge of a document."""
    return Row(document["t"], document["i"], int(document["u"]), unpack(document.get("e") or {}))


def version_of(document: Document, masked: frozenset[str] = NOTHING_MASKED) -> Version:
    """The version that a document holds, without what is masked. Raises `Unavailable` where the body is damaged."""
    type, id, version, body = document["t"], document["i"], document["v"], document.get("b")
    if checksum(type, id, version, body or b"") != document["ck"]:
        raise Unavailable(f"{type}/{id} version {version} is damaged in the store")
    removed = NOTHING_MASKED
    if masked and body is not None:
        body, removed = mask(body, masked)
    patients = tuple(document.get("p") or ())
    return Version(type, id, int(version), int(document["u"]), body, METHODS[document["m"]], patients, removed)


class Documents:
    """Documents of now by their `_id`, with or without what access rules judge; who asks at the same time shares a
    command."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found = {
            (collection, judged): Gathering(partial(self._find, collection, judged), MOST_TOGETHER)
            for collection in (RESOURCE, VERSION)
            for judged in (False, True)
        }

    async def one(self, collection: str, id: str, rows: RowAccess) -> Document | None:
        """The document, None where there is none. Raises what `refusal` makes of the database's errors."""
        return await self._found[collection, not rows.open].get(id)

    async def _find(self, collection: str, judged: bool, ids: Sequence[str]) -> dict[str, Document]:
        wanted = {**_SHOWN, **_JUDGED} if judged else _SHOWN
        documents = self._database.get_collection(collection, read_concern=MAJORITY)
        try:
            return {each["_id"]: each async for each in documents.find(one_of("_id", ids), wanted)}
        except PyMongoError as error:
            raise refusal(error) from error


async def read(documents: Documents, access: AccessFilter, index: str, type: str, id: str) -> Version | None:
    """The current version; None where there is none or it may not be seen.

    Access is judged by entries of the index of version `index`; raises `Unavailable` for a document with others.
    """
    current = await documents.one(RESOURCE, resource_id(type, id), row_access(access, type))
    return None if current is None else _shown(access, index, current, current)


async def read_version(
    documents: Documents, access: AccessFilter, index: str, type: str, id: str, version: int
) -> Version | None:
    """One version; None where there is none, or where it or the current version may not be seen."""
    rows = row_access(access, type)
    current = await documents.one(RESOURCE, resource_id(type, id), rows)
    if current is None or not 0 < version <= current["v"]:
        return None
    if current["v"] == version:
        return _shown(access, index, current, current)
    earlier = await documents.one(VERSION, version_id(type, id, version), rows)
    return None if earlier is None else _shown(access, index, earlier, current)


def _shown(access: AccessFilter, index: str, document: Document, current: Document) -> Version | None:
    rows = row_access(access, document["t"])
    if rows.open:
        return version_of(document)
    masked = NOTHING_MASKED
    for each in (document,) if document is current else (document, current):
        if each.get("x") != index:
            raise Unavailable("the search index is being rebuilt; try again later")
        row = row_of(each)
        if not visible(access, row):
            return None
        masked |= rows.masked(row)
    return version_of(document, masked)


def shown(rows: RowAccess) -> Filter:
    """What of a document is needed to show it."""
    return {**_SHOWN, **_JUDGED} if rows.masks else _SHOWN


async def page_versions(
    state: State,
    rows: RowAccess,
    ids: Sequence[str],
    *,
    collection: str = RESOURCE,
    known: Mapping[str, Document] = MappingProxyType({}),
) -> dict[str, Version]:
    """By `_id`, these documents of the state as versions, masked; `known` are those that were read already. The caller
    has found that they may be seen."""
    documents = [known[id] for id in ids if id in known]
    if len(documents) < len(ids):
        asked = [id for id in ids if id not in known]
        stages: list[Filter] = [{"$match": {"_id": {"$in": asked}}}, {"$project": shown(rows)}]
        documents += await state.then.ask(collection, stages, hint="_id_")
    masks = await _masks(state, rows, documents, collection)
    return {each["_id"]: version_of(each, masks.get(each["_id"], NOTHING_MASKED)) for each in documents}


async def _masks(
    state: State, rows: RowAccess, documents: Sequence[Document], collection: str
) -> dict[str, frozenset[str]]:
    """What is masked in each of these, then or now."""
    if not rows.masks:
        return {}
    found = {each["_id"]: rows.masked(row_of(each)) for each in documents}
    if state.latest and collection == RESOURCE:
        return found
    now = await masked_now(state, rows, [resource_id(each["t"], each["i"]) for each in documents])
    for each in documents:
        found[each["_id"]] |= now.get(resource_id(each["t"], each["i"]), NOTHING_MASKED)
    return found


async def masked_now(state: State, rows: RowAccess, ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """By `_id`, what is masked in these resources as they are now."""
    stages: list[Filter] = [{"$match": {"_id": {"$in": list(dict.fromkeys(ids))}}}, {"$project": _JUDGED}]
    documents = await state.now.ask(RESOURCE, stages, hint="_id_")
    return {each["_id"]: rows.masked(row_of(each)) for each in documents}
