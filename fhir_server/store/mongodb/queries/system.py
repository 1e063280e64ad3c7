"""Searches over several types: one search for each, merged by the one order that all types have."""

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.outcome import Invalid
from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import Query, SystemQuery
from fhir_server.store.mongodb.collections import RESOURCE
from fhir_server.store.mongodb.queries.filters import Filter
from fhir_server.store.mongodb.queries.ordering import Found, deciding, paged
from fhir_server.store.mongodb.queries.resolve import Links, search_for
from fhir_server.store.mongodb.queries.search import Search
from fhir_server.store.mongodb.queries.state import State
from fhir_server.store.mongodb.queries.together import together

FEW_TYPES = 10
"""Of so few it is not worth asking whether there are any rows"""


class SystemSearch:
    """The searches of several types."""

    type = None

    def __init__(self, searches: Sequence[Search], wanted: int) -> None:
        self.parts = searches
        self._wanted = wanted

    async def page(self) -> Found:
        """The page after the cursor, or before it."""
        if self._wanted <= 0 or not self.parts:
            return Found(())
        orders = [search.order for search in self.parts]
        order = replace(orders[0], by_change=all(each.by_change for each in orders))
        rows = await together(self.parts, order, self._wanted + 1)
        if rows is None:
            rows = [row for search in self.parts for row in await search.cursors(order, self._wanted + 1)]
        return paged(order.merged(rows)[: self._wanted + 1], self._wanted, order)

    async def count(self) -> int:
        """How many rows match, over all types."""
        return sum([await search.count() for search in self.parts])


async def system_search(state: State, access: AccessFilter, query: SystemQuery) -> SystemSearch:
    """The search that a query over several types asks for. Raises `Invalid` for an order that not all types have."""
    if any(key.type != "row" for key in deciding(query.sort)):
        raise Invalid("resources of several types are sorted by `_lastUpdated` or `_id`")
    parts = [_part(query, part) for part in query.parts]
    if len(parts) > FEW_TYPES:
        types = await _types(state)
        parts = [part for part in parts if part.type in types]
    links = Links(access, [criterion for part in parts for criterion in part.criteria])
    return SystemSearch([await search_for(state, access, part, links=links) for part in parts], query.count)


async def _types(state: State) -> frozenset[str]:
    """The types of which there are rows."""
    stages: list[Filter] = [{"$sort": {"t": 1}}, {"$group": {"_id": "$t"}}]
    return frozenset([row["_id"] for row in await state.then.ask(RESOURCE, stages, hint="type")])


def _part(query: SystemQuery, part: Query) -> Query:
    return Query(part.type, part.criteria, query.sort, query.count, None, query.after, query.before)
