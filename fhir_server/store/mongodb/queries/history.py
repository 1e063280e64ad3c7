"""History: versions of one resource, of a type, or of all, newest first in the order of their commits.

The newest version of each resource stands in one collection, the earlier ones in another: both are asked, and merged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from fhir_server.outcome import Invalid
from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import HistoryQuery
from fhir_server.store.mongodb.collections import RESOURCE, VERSION
from fhir_server.store.mongodb.forms import resource_id
from fhir_server.store.mongodb.queries.access_match import row_access
from fhir_server.store.mongodb.queries.drivers import by_access
from fhir_server.store.mongodb.queries.filters import ALWAYS, NEVER, Filter, all_of, any_of, aside
from fhir_server.store.mongodb.queries.reads import page_versions
from fhir_server.store.mongodb.queries.state import State, order_at
from fhir_server.store.mongodb.queries.visibility import hidden_now, not_passing
from fhir_server.store.mongodb.snapshots import BATCH
from fhir_server.store.values import Version

FEW_RESOURCES = 2_000


class Place(NamedTuple):
    """Where a version stands: its order and its resource, which decide; its collection and `_id`."""

    order: int
    resource: str
    collection: str = ""
    id: str = ""

    def text(self) -> str:
        return msgspec.json.encode([self.order, self.resource]).decode()


def read_place(text: str) -> Place:
    """The place that a page gave. Raises `Invalid` for anything else."""
    try:
        order, resource = msgspec.json.decode(text, type=tuple[int, str])
    except (msgspec.DecodeError, ValueError) as error:
        raise Invalid("this page link holds no place in a history") from error
    if not 0 <= order < 2**63:
        raise Invalid("this page link holds no place in a history")
    return Place(order, resource)


@dataclass(frozen=True, slots=True)
class FoundVersions:
    """A page, and the cursor of the next one."""

    versions: tuple[Version, ...]
    next: str | None


class History:
    """One question to the history in one state under one filter."""

    def __init__(self, state: State, access: AccessFilter, query: HistoryQuery) -> None:
        self._state = state
        self._query = query
        self._rows = row_access(access, query.type)
        self._sources: dict[str, tuple[Filter, str]] = {}

    async def _prepare(self) -> None:
        """Find out by which indexes to ask: where the filter lets few resources through, by theirs."""
        self._sources = {collection: self._source(collection) for collection in (RESOURCE, VERSION)}
        visible = None if self._query.id is not None else by_access(self._query.type, self._rows)
        if visible is None:
            return
        since = self._since()
        self._sources[RESOURCE] = all_of([visible.condition, since]), visible.by
        stages: list[Filter] = [
            {"$match": visible.condition},
            {"$limit": FEW_RESOURCES},
            {"$project": {"t": 1, "i": 1}},
        ]
        rows = await self._state.now.ask(RESOURCE, stages, hint=visible.by)
        if len(rows) < FEW_RESOURCES:
            ids: dict[str, list[str]] = {}
            for row in rows:
                ids.setdefault(row["t"], []).append(row["i"])
            mine = any_of([{"t": type, "i": {"$in": known}} for type, known in ids.items()])
            self._sources[VERSION] = all_of([mine, since]), "instance"

    async def page(self) -> FoundVersions:
        """The next page after the query's cursor. Raises `Invalid` for a cursor that is none."""
        wanted, after = self._query.count, None if self._query.after is None else read_place(self._query.after)
        if wanted <= 0:
            return FoundVersions((), None)
        await self._prepare()
        places = await self._places(after, wanted + 1)
        page = places[:wanted]
        found: dict[str, Version] = {}
        for collection in (RESOURCE, VERSION):
            ids = [place.id for place in page if place.collection == collection]
            found |= await page_versions(self._state, self._rows, ids, collection=collection)
        more = len(places) > len(page)
        return FoundVersions(tuple(found[place.id] for place in page), page[-1].text() if more else None)

    async def _places(self, after: Place | None, limit: int) -> list[Place]:
        """The first versions on the way that may be seen."""
        kept: list[Place] = []
        asked = limit
        while self._rows.visible != NEVER:
            places = await self._found(after, asked)
            hidden = await self._hidden(places)
            kept += [place for place in places if place.resource not in hidden]
            if len(kept) >= limit or len(places) < asked:
                break
            after, asked = places[-1], min(2 * asked, BATCH)
        return kept[:limit]

    async def _hidden(self, places: Sequence[Place]) -> frozenset[str]:
        """The resources among these that may not be seen as they are now."""
        judged = [place.resource for place in places if not (self._state.latest and place.collection == RESOURCE)]
        return await hidden_now(self._state, self._rows, judged)

    async def _found(self, after: Place | None, limit: int) -> list[Place]:
        """The first versions on the way that passed then; `limit` of them, or all that there are. Those of one order
        are cut apart by the database at the end, so more are asked for where it comes to that."""
        asked = limit + 1
        while True:
            parts = [await self._part(collection, after, asked) for collection in (RESOURCE, VERSION)]
            ends = [part[-1].order for part in parts if len(part) == asked]
            known = max(ends, default=-1)
            whole = sorted([place for part in parts for place in part if place.order > known], reverse=True)
            whole = [place for place in whole if after is None or place[:2] < after[:2]]
            if len(whole) >= limit or not ends:
                return whole[:limit]
            asked *= 2

    async def _part(self, collection: str, after: Place | None, limit: int) -> list[Place]:
        bound = ALWAYS if after is None else {"o": {"$lte": after.order}}
        source, hint = self._sources[collection]
        stages: list[Filter] = [
            {"$match": all_of([source, bound, aside(self._conditions(collection))])},
            {"$sort": {"o": -1}},
            {"$limit": limit},
            {"$project": {"o": 1, "t": 1, "i": 1}},
        ]
        found = await self._state.then.ask(collection, stages, hint=hint)
        return [Place(int(row["o"]), resource_id(row["t"], row["i"]), collection, row["_id"]) for row in found]

    def _source(self, collection: str) -> tuple[Filter, str]:
        """What an index answers, and its name."""
        query = self._query
        since = self._since()
        if query.type is not None and query.id is not None:
            if collection == RESOURCE:
                return {"_id": resource_id(query.type, query.id), **since}, "_id_"
            return {"t": query.type, "i": query.id, **since}, "instance"
        if query.type is not None:
            return {"t": query.type, **since}, "type"
        return since, "order"

    def _since(self) -> Filter:
        """Orders begin with the time."""
        return {} if self._query.since_ms is None else {"o": {"$gte": order_at(self._query.since_ms)}}

    def _conditions(self, collection: str) -> Filter:
        return all_of([self._in_time(collection), self._rows.visible])

    def _in_time(self, collection: str) -> Filter:
        """In force at some time that is asked for, as far as the state knows."""
        if self._query.at is None:
            return ALWAYS
        low, high = self._query.at
        begun: Filter = {"u": {"$lt": high}}
        return begun if collection == RESOURCE else {**begun, "ru": {"$gt": low}}

    async def count(self) -> int:
        """How many versions there are in all."""
        if self._rows.visible == NEVER:
            return 0
        await self._prepare()
        return sum([await self._count(collection) for collection in (RESOURCE, VERSION)])

    async def _count(self, collection: str) -> int:
        source, hint = self._sources[collection]
        stages: list[Filter] = [{"$match": all_of([source, aside(self._conditions(collection))])}]
        if self._rows.everything or (collection == RESOURCE and self._state.latest):
            found = await self._state.then.ask(collection, [*stages, {"$count": "n"}], hint=hint)
            return int(found[0]["n"]) if found else 0
        by_resource = {"$group": {"_id": {"$concat": ["$t", "/", "$i"]}, "n": {"$sum": 1}}}
        counts = {
            row["_id"]: row["n"] for row in await self._state.then.ask(collection, [*stages, by_resource], hint=hint)
        }
        ids = list(counts)
        for start in range(0, len(ids), BATCH):
            for hidden in await not_passing(self._state.now, self._rows, ids[start : start + BATCH]):
                counts[hidden] = 0
        return int(sum(counts.values()))
