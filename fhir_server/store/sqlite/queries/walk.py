"""Walking along the index of the first sort key, judging each row, until the page is full."""

from typing import TYPE_CHECKING

from fhir_server.store.criteria import DateIs, Prefix, SortKey
from fhir_server.store.sqlite.queries.ordering import Cursor, after, key_value, ordered_by
from fhir_server.store.sqlite.queries.predicates import TRUE, Sql, Value, all_of, span_path

if TYPE_CHECKING:
    from fhir_server.store.sqlite.queries.search import Search

_BY_CHANGE = "version v INDEXED BY version_type"
_BY_ID = "version v INDEXED BY version_key"
_BY_END = "date d INDEXED BY date_high CROSS JOIN version v ON v.vid=d.vid"
_BY_START = "date d NOT INDEXED CROSS JOIN version v ON v.vid=d.vid"


def walk(search: "Search", limit: int) -> list[Cursor]:
    """The next rows after the search's cursor, in its order."""
    first = search.keys[0]
    if first.param in ("_id", "_lastUpdated"):
        return _along_rows(search, first, limit)
    rows: list[Cursor] = []
    if search.cursor is None or search.cursor.keys[0] is not None:
        rows = _along_dates(search, first, limit)
    if len(rows) < limit:
        rows += _without_date(search, first, limit - len(rows))
    return rows


def _along_rows(search: "Search", key: SortKey, limit: int) -> list[Cursor]:
    value = key_value(key, "v", search.guard)
    if value.text not in ("v.id", "v.last_updated"):
        return _select(search, _BY_CHANGE, TRUE, value, limit, ends_with_nulls=True)
    source = _BY_ID if key.param == "_id" else _BY_CHANGE
    return _select(search, source, _start(search, key, value.text), value, limit)


def _along_dates(search: "Search", key: SortKey, limit: int) -> list[Cursor]:
    """Rows that have the date: each at its latest end (descending) or its earliest start."""
    source, column = (_BY_END, "d.high") if key.descending else (_BY_START, "d.low")
    field = Sql("d.field=?", (f"{search.type}.{key.param}",))
    unmasked = (search.guard(key.elements) if key.elements else None) or TRUE
    parts = [field, _start(search, key, column), *_bounds(search, key), unmasked, _extreme(key)]
    return _select(search, source, all_of(parts), Sql(column), limit)


def _without_date(search: "Search", key: SortKey, limit: int) -> list[Cursor]:
    """Rows that lack the date, which come last."""
    value = key_value(key, "v", search.guard)
    missing = Sql(f"({value.text}) IS NULL", value.values)
    return _select(search, _BY_CHANGE, missing, Sql("NULL"), limit)


def _start(search: "Search", key: SortKey, column: str) -> Sql:
    """Where on the index to go on; the exact place is judged by the cursor's own condition."""
    if search.cursor is None or search.cursor.keys[0] is None:
        return TRUE
    return Sql(f"{column}{'<=' if key.descending else '>='}?", (search.cursor.keys[0],))


def _extreme(key: SortKey) -> Sql:
    """This entry is the one that the row is sorted by, so that a row with several dates comes once."""
    if key.descending:
        test = "e.value->>1>d.high OR (e.value->>1=d.high AND e.value->>0>d.low)"
    else:
        test = "e.value->>0<d.low OR (e.value->>0=d.low AND e.value->>1<d.high)"
    return Sql(f"NOT EXISTS (SELECT 1 FROM json_each(v.spans, ?) e WHERE {test})", (span_path(f"d.{key.param}"),))


_REACHES: frozenset[Prefix] = frozenset(("eq", "gt", "ge", "sa", "ap"))
_BEGINS: frozenset[Prefix] = frozenset(("eq", "lt", "le", "eb", "ap"))


def _bounds(search: "Search", key: SortKey) -> list[Sql]:
    """Where the search asks for the date that it sorts by, the walk can end early."""
    asked = [part for part in search.criteria if isinstance(part, DateIs) and part.param == key.param]
    if key.descending:
        return [Sql("d.high>=?", (part.low,)) for part in asked if part.prefix in _REACHES]
    return [Sql("d.low<=?", (part.high,)) for part in asked if part.prefix in _BEGINS]


def _select(
    search: "Search", source: str, where: Sql, first: Sql, limit: int, *, ends_with_nulls: bool = False
) -> list[Cursor]:
    """Rows of the source in the search's order; `first` is the value of the first key, in the source's own order."""
    values = [first, *(key_value(key, "v", search.guard) for key in search.keys[1:])]
    columns = [f"k{place}" for place in range(len(values))]
    named = ", ".join(f"{value.text} AS {column}" for value, column in zip(values, columns, strict=True))
    conditions = all_of([where, _beyond(search, columns, first), search.matching()])
    text = f"SELECT v.vid, {named} FROM {source} WHERE {conditions.text} ORDER BY "
    text += ordered_by(columns, search.keys, "v.vid", search.descending) if ends_with_nulls else _order(search, first)
    selected: list[Value] = [part for value in values for part in value.values]
    return search.fetch(f"{text} LIMIT ?", (*selected, *conditions.values, limit))


def _beyond(search: "Search", columns: list[str], first: Sql) -> Sql:
    if search.cursor is None or (first.text == "NULL" and search.cursor.keys[0] is not None):
        return TRUE
    return after(search.cursor, columns, search.keys, "v.vid", search.descending)


def _order(search: "Search", first: Sql) -> str:
    """The order in words that SQLite recognizes as that of the index: the first key is never NULL there."""
    word = "DESC" if search.descending else "ASC"
    if len(search.keys) == 1:
        column, vid = _TIES[first.text]
        return f"{column} {word}, {vid} {word}"
    names = [f"k{place}" for place in range(1, len(search.keys))]
    rest = ordered_by(names, search.keys[1:], "v.vid", search.descending)
    return rest if first.text == "NULL" else f"{first.text} {word}, {rest}"


_TIES = {
    "NULL": ("v.last_updated", "v.vid"),
    "v.last_updated": ("v.last_updated", "v.vid"),
    "v.id": ("v.id", "v.vid"),
    "d.high": ("d.high", "d.vid"),
    "d.low": ("d.low", "d.vid"),
}
