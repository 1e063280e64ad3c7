"""Searches over several types: one search for each, merged by the one order that all types have.

Row numbers rise with changes over all types, so they break ties between types as they do within one.
"""

from collections.abc import Iterable, Sequence

import apsw

from fhir_server.outcome import Invalid
from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import Query, SystemQuery
from fhir_server.store.sqlite.queries.search import Found, Search, paged
from fhir_server.store.sqlite.state import State

_HAS_TYPE = "SELECT 1 FROM version INDEXED BY version_type WHERE type=? LIMIT 1"


class SystemSearch:
    """The searches of the types that have any rows; `type` None as for rows of every type."""

    type = None

    def __init__(self, connection: apsw.Connection, access: AccessFilter, state: State, query: SystemQuery) -> None:
        if any(key.type != "row" for key in query.sort):
            raise Invalid("resources of several types are sorted by `_lastUpdated` or `_id`")
        self._wanted = query.count
        self._searches = [
            Search(connection, access, state, _part(query, part))
            for part in query.parts
            if connection.execute(_HAS_TYPE, (part.type,)).get is not None
        ]

    @property
    def parts(self) -> Sequence[Search]:
        """The search of each type."""
        return self._searches

    def page(self) -> Found:
        """The page after the cursor, or before it."""
        if self._wanted <= 0 or not self._searches:
            return Found((), None)
        order = self._searches[0].order
        rows = [row for search in self._searches for row in search.cursors(self._wanted + 1)]
        return paged(order.merged(rows)[: self._wanted + 1], self._wanted, order)

    def count(self) -> int:
        """How many rows match, over all types."""
        return sum(search.count() for search in self._searches)


def _part(query: SystemQuery, part: Query) -> Query:
    return Query(part.type, part.criteria, query.sort, query.count, None, query.after, query.before)


def search_for(
    connection: apsw.Connection, access: AccessFilter, state: State, query: Query | SystemQuery
) -> Search | SystemSearch:
    """The search that a query asks for, over one type or several."""
    if isinstance(query, SystemQuery):
        return SystemSearch(connection, access, state, query)
    return Search(connection, access, state, query)


def each(search: Search | SystemSearch) -> Iterable[Search]:
    """The searches that it is made of."""
    return search.parts if isinstance(search, SystemSearch) else (search,)
