"""Walking along the index of the first sort key, judging each row, until the page is full.

A lane is a part of an index that gives rows in order. Where values have a width, the widest index is short: rows come
from two lanes, and are merged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_server.store.criteria import DateIs, Prefix, SortKey
from fhir_server.store.sqlite.forms import field_number
from fhir_server.store.sqlite.queries.ordering import Cursor, Order
from fhir_server.store.sqlite.queries.sort_values import BETWEEN, key_value, quantity_path
from fhir_server.store.sqlite.queries.spans import json_path
from fhir_server.store.sqlite.queries.sql import TRUE, Sql, Value, all_of

if TYPE_CHECKING:
    from fhir_server.store.sqlite.queries.search import Search

WALKED = frozenset(("row", "date", "string", "number", "quantity"))
"""The types of sort keys whose order an index has"""


@dataclass(frozen=True, slots=True)
class Lane:
    """A source of rows, the value of the first key in it, and the columns whose order is that of these values.
    `unordered`: some rows have no value, so that the order must be made."""

    source: str
    where: Sql
    value: Sql
    order: tuple[str, ...]
    vid: str = "v.vid"
    unordered: bool = False


Part = Callable[["Search", SortKey, int], list[Cursor]]

_BY_CHANGE = "version v INDEXED BY version_type"


def walk(search: "Search", limit: int) -> list[Cursor]:
    """The next rows after the search's cursor, in its order."""
    order = search.order
    key = order.keys[0]
    if key.type == "row":
        return _select(search, _along_rows(search, key), limit)
    rows: list[Cursor] = []
    for part in _parts(order):
        if len(rows) < limit:
            rows += part(search, key, limit - len(rows))
    return rows


def _parts(order: Order) -> list[Part]:
    """Rows that have the value and rows that lack it, as far as they lie ahead."""
    lacks = order.cursor is not None and order.cursor.keys[0] is None
    if order.backwards:
        return [_without_value, _with_value] if lacks else [_with_value]
    return [_without_value] if lacks else [_with_value, _without_value]


def _with_value(search: "Search", key: SortKey, limit: int) -> list[Cursor]:
    lanes = _LANES[key.type](search, key)
    found = [row for lane in lanes for row in _select(search, lane, limit)]
    return found if len(lanes) == 1 else search.order.merged(found)[:limit]


def _along_rows(search: "Search", key: SortKey) -> Lane:
    value = key_value(key, "v", search.guard)
    if value.text not in ("v.id", "v.last_updated"):
        return Lane(_BY_CHANGE, TRUE, value, (), unordered=True)
    source = "version v INDEXED BY version_key" if key.param == "_id" else _BY_CHANGE
    return Lane(source, _start(search, key, value.text), value, (value.text,))


def _without_value(search: "Search", key: SortKey, limit: int) -> list[Cursor]:
    """Rows that lack the value, which come last."""
    value = key_value(key, "v", search.guard)
    lacks = Sql(f"({value.text}) IS NULL", value.values)
    return _select(search, Lane(_BY_CHANGE, lacks, Sql("NULL"), ("v.last_updated",)), limit)


def _joined(index: str) -> str:
    return f"{index} CROSS JOIN version v ON v.vid=d.vid"


def _dates(search: "Search", key: SortKey) -> list[Lane]:
    """Each row at its latest end (descending) or its earliest start."""
    end = Lane(_joined("date d INDEXED BY date_high"), TRUE, Sql("d.high"), ("d.high",), "d.vid")
    start = Lane(_joined("date d NOT INDEXED"), TRUE, Sql("d.low"), ("d.low",), "d.vid")
    path = Sql("?", (json_path(f"d.{key.param}"),))
    columns = ("d.high", "d.low") if key.descending else ("d.low", "d.high")
    places = (1, 0) if key.descending else (0, 1)
    extreme = _extreme(key, path, places, columns)
    return [_restricted(search, key, end if key.descending else start, extreme, *_bounds(search, key))]


def _strings(search: "Search", key: SortKey) -> list[Lane]:
    lane = Lane(_joined("string d NOT INDEXED"), TRUE, Sql("d.text"), ("d.text",), "d.vid")
    extreme = _extreme(key, Sql("?", (json_path(f"s.{key.param}"),)), (0,), ("d.text",))
    return [_restricted(search, key, lane, extreme)]


def _numbers(search: "Search", key: SortKey) -> list[Lane]:
    path = Sql("?", (json_path(f"n.{key.param}"),))
    lanes = _by_number(key, Sql("d.unit=''"), "{}", ())
    columns = ("d.high", "d.low") if key.descending else ("d.low", "d.high")
    places = (1, 0) if key.descending else (0, 1)
    return [_restricted(search, key, lane, _extreme(key, path, places, columns)) for lane in lanes]


def _quantities(search: "Search", key: SortKey) -> list[Lane]:
    path = quantity_path(key.param, "v")
    lanes = _by_number(key, Sql("d.unit>='='"), "substr(d.unit,2)||char(1)||{}", ("d.unit",))
    columns = ("d.high", "d.low") if key.descending else ("d.low", "d.high")
    places = (2, 1) if key.descending else (1, 2)
    extreme = _extreme(key, path, (0, *places), ("substr(d.unit,2)", *columns))
    return [_restricted(search, key, lane, extreme) for lane in lanes]


def _by_number(key: SortKey, units: Sql, value: str, order: tuple[str, ...]) -> list[Lane]:
    """Ascending, by low ends. Descending, by high ends: those of points and those of what is wider."""
    points = _joined("number d NOT INDEXED")
    low = Lane(points, units, Sql(value.format("d.low")), (*order, "d.low"), "d.vid")
    if not key.descending:
        return [low]
    wide = _joined("number d INDEXED BY number_wide")
    return [
        Lane(points, all_of([units, Sql("d.low=d.high")]), low.value, low.order, "d.vid"),
        Lane(wide, all_of([units, Sql("d.low<>d.high")]), Sql(value.format("d.high")), (*order, "d.high"), "d.vid"),
    ]


_LANES = {"date": _dates, "string": _strings, "number": _numbers, "quantity": _quantities}


def _restricted(search: "Search", key: SortKey, lane: Lane, *more: Sql) -> Lane:
    """The lane for one parameter, from the cursor on, without rows in which the key is masked."""
    unmasked = (search.guard(key.elements) if key.elements else None) or TRUE
    field = Sql("d.field=?", (field_number(search.type, key.param),))
    where = all_of([field, lane.where, _start(search, key, *lane.order), unmasked, *more])
    return Lane(lane.source, where, lane.value, lane.order, lane.vid)


def _start(search: "Search", key: SortKey, *columns: str) -> Sql:
    """Where on the index to go on; the exact place is judged by the cursor's own condition."""
    cursor = search.order.cursor
    if cursor is None or cursor.keys[0] is None:
        return TRUE
    sign = "<=" if search.order.falls(key) else ">="
    if len(columns) == 1:
        return Sql(f"{columns[0]}{sign}?", (cursor.keys[0],))
    unit, _, number = str(cursor.keys[0]).rpartition(BETWEEN)
    return Sql(f"({','.join(columns)}){sign}(?,?)", ("=" + unit, number))


def _extreme(key: SortKey, path: Sql, places: tuple[int, ...], columns: tuple[str, ...]) -> Sql:
    """This entry is the one that the row is sorted by, so that a row with several values comes once."""
    parts = ",".join(f"e.value->>{place}" for place in places)
    test = f"({parts}){'>' if key.descending else '<'}({','.join(columns)})"
    return Sql(f"NOT EXISTS (SELECT 1 FROM json_each(v.spans, {path.text}) e WHERE {test})", path.values)


_REACHES: frozenset[Prefix] = frozenset(("eq", "gt", "ge", "sa", "ap"))
_BEGINS: frozenset[Prefix] = frozenset(("eq", "lt", "le", "eb", "ap"))


def _bounds(search: "Search", key: SortKey) -> list[Sql]:
    """Where the search asks for the date that it sorts by, the walk can end early."""
    asked = [part for part in search.criteria if isinstance(part, DateIs) and part.param == key.param]
    if key.descending:
        return [Sql("d.high>=?", (part.low,)) for part in asked if part.prefix in _REACHES]
    return [Sql("d.low<=?", (part.high,)) for part in asked if part.prefix in _BEGINS]


def _select(search: "Search", lane: Lane, limit: int) -> list[Cursor]:
    """Rows of a lane in the search's order."""
    order = search.order
    values = [lane.value, *(key_value(key, "v", search.guard) for key in order.keys[1:])]
    columns = [f"k{place}" for place in range(len(values))]
    named = ", ".join(f"{value.text} AS {column}" for value, column in zip(values, columns, strict=True))
    conditions = all_of([lane.where, order.beyond(columns, "v.vid"), search.matching()])
    text = f"SELECT v.vid, {named} FROM {lane.source} WHERE {conditions.text} ORDER BY {_order(search, lane, columns)}"
    selected: list[Value] = [part for value in values for part in value.values]
    return search.fetch(f"{text} LIMIT ?", (*selected, *conditions.values, limit))


def _order(search: "Search", lane: Lane, columns: list[str]) -> str:
    """The order in words that SQLite recognizes as that of the index: the first key is never NULL there."""
    order = search.order
    if lane.unordered:
        return order.by(columns, "v.vid")
    word = order.word(order.keys[0])
    if len(columns) > 1 and lane.value.text == "NULL":
        return order.by(columns, "v.vid", skip=1)
    first = ", ".join(f"{column} {word}" for column in lane.order)
    return f"{first}, {lane.vid} {word}" if len(columns) == 1 else f"{first}, {order.by(columns, 'v.vid', skip=1)}"
