"""What may be seen is asked of now, whatever state a page shows: by a second command for the rows that were found."""

from collections.abc import Iterable, Sequence

from fhir_server.outcome import TooCostly
from fhir_server.store.criteria import Elements
from fhir_server.store.mongodb.collections import RESOURCE
from fhir_server.store.mongodb.queries.access_match import RowAccess
from fhir_server.store.mongodb.queries.filters import Filter, all_of, aside, negated
from fhir_server.store.mongodb.queries.state import State
from fhir_server.store.mongodb.snapshots import Reader

MOST_MASKED_SINCE = 10_000


async def hidden_now(state: State, rows: RowAccess, ids: Iterable[str]) -> frozenset[str]:
    """Those of these resources (by `_id`) that do not pass the filter as they are now."""
    if rows.everything:
        return frozenset()
    return await not_passing(state.now, rows, ids)


async def not_passing(reader: Reader, rows: RowAccess, ids: Iterable[str]) -> frozenset[str]:
    """Those of these resources that do not pass the filter in the reader's state."""
    asked = list(dict.fromkeys(ids))
    if not asked or rows.everything:
        return frozenset()
    stages: Sequence[Filter] = [
        {"$match": all_of([{"_id": {"$in": asked}}, aside(negated(rows.visible))])},
        {"$project": {"_id": 1}},
    ]
    return frozenset([row["_id"] for row in await reader.ask(RESOURCE, stages, hint="_id_")])


class MasksSince:
    """For an earlier state: the resources that have changed since and in which elements are masked now."""

    def __init__(self, state: State, rows: RowAccess, type: str) -> None:
        self._state = state
        self._rows = rows
        self._type = type
        self._known: dict[Elements, tuple[str, ...]] = {}

    async def learn(self, asked: Iterable[Elements]) -> None:
        """Look up what `unmasked` is then asked for. Raises `TooCostly` where too much has changed."""
        if self._state.latest or not self._rows.masks:
            return
        for elements in asked:
            if elements not in self._known:
                self._known[elements] = await self._masked_now(elements)

    async def _masked_now(self, elements: Elements) -> tuple[str, ...]:
        unmasked = self._rows.unmasked(elements)
        if unmasked is None:
            return ()
        changed: Filter = {"t": self._type, "o": {"$gte": self._state.late}}
        stages: Sequence[Filter] = [
            {"$match": all_of([changed, aside(all_of([self._rows.visible, negated(unmasked)]))])},
            {"$limit": MOST_MASKED_SINCE + 1},
            {"$project": {"_id": 1}},
        ]
        found = await self._state.now.ask(RESOURCE, stages, hint="type")
        if len(found) > MOST_MASKED_SINCE:
            raise TooCostly("too much has changed since this page link was made; start the search again")
        return tuple(row["_id"] for row in found)

    def unmasked(self, elements: Elements) -> Filter | None:
        """The filter of rows in which these elements are masked neither then nor now; None: they never are."""
        then = self._rows.unmasked(elements)
        if then is None:
            return None
        since = self._known.get(elements, ())
        return all_of([then, {"_id": {"$nin": list(since)}}]) if since else then
