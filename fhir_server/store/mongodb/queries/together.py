"""The rows of several searches by one command, where ids or references lead to few: what goes along with a page.

A command costs more than the few rows that it brings, so one for all is cheaper than a look at each search.
"""

from collections.abc import Sequence
from itertools import chain

from fhir_server.store.mongodb.collections import RESOURCE
from fhir_server.store.mongodb.queries.drivers import Driver
from fhir_server.store.mongodb.queries.filters import Filter, all_of, any_of, aside, one_of
from fhir_server.store.mongodb.queries.ordering import Cursor, Field, Order, value_field
from fhir_server.store.mongodb.queries.search import Search

MOST = 256
"""Up to so many rows are taken together"""


async def together(searches: Sequence[Search], order: Order, limit: int) -> list[Cursor] | None:
    """The first rows of all of these searches on the way, that may be seen then and now; None where they are many (so
    beyond a cursor), or where not one and the same index leads to them. The searches are of one state."""
    if order.cursor is not None:
        return None
    asked = [search for search in searches if not search.nothing]
    found = [(search, driver) for search in asked if (driver := search.linked(order)) is not None]
    if len(found) < len(asked) or len({driver.by for _, driver in found}) != 1:
        return [] if not asked else None
    fields: tuple[Field, ...] = tuple(map(value_field, order.keys))
    state, shown, index = asked[0].state, asked[0].shown, found[0][1].by
    stages: list[Filter] = [
        {"$match": _rows(found)},
        {"$limit": MOST + 1},
        {"$project": {**order.columns(fields), **shown, "t": 1}},
    ]
    documents = await state.then.ask(RESOURCE, stages, hint=index)
    if len(documents) > MOST:
        return None
    passing = [await search.passing(_ids(documents, search.type)) for search in asked]
    seen = frozenset(chain.from_iterable(passing))
    rows = order.merged(order.read(each) for each in documents if each["_id"] in seen)[:limit]
    if shown:
        asked[0].documents.update((each["_id"], each) for each in documents)
    return rows


def _ids(documents: Sequence[Filter], type: str) -> list[str]:
    return [each["_id"] for each in documents if each["t"] == type]


def _rows(found: Sequence[tuple[Search, Driver]]) -> Filter:
    """The rows of all searches. Those of which the same is asked are looked for together."""
    alike: dict[str, tuple[Filter, list[Filter]]] = {}
    for search, driver in found:
        matching = search.matching(driver)
        alike.setdefault(repr(matching), (matching, []))[1].append(driver.condition)
    return any_of([all_of([_either(conditions), aside(matching)]) for matching, conditions in alike.values()])


def _either(conditions: Sequence[Filter]) -> Filter:
    """Rows for which one of these holds; ids, and types of which the same key is asked, are named together."""
    ids: list[str] = []
    types: dict[str, tuple[Filter, list[str]]] = {}
    others: list[Filter] = []
    for condition in conditions:
        match list(condition.items()):
            case [("_id", str(id))]:
                ids.append(id)
            case [("_id", {"$in": [*some]})]:
                ids += some
            case [("$and", [part, typed])] if [*typed] == ["t"] and isinstance(typed["t"], str):
                types.setdefault(repr(part), (part, []))[1].append(typed["t"])
            case _:
                others.append(condition)
    keyed = [all_of([part, one_of("t", of)]) for part, of in types.values()]
    return any_of([one_of("_id", ids), *keyed, *others])
