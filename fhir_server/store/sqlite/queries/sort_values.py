"""The value by which a row is sorted, as SQL on its packed columns."""

from collections.abc import Callable

from fhir_server.store.criteria import Elements, SortKey
from fhir_server.store.sqlite.queries.predicates import Guard
from fhir_server.store.sqlite.queries.spans import json_path
from fhir_server.store.sqlite.queries.sql import Sql

BETWEEN = "\x01"
"""Stands between unit and number of a quantity; FHIR allows it in no text, so it keeps their order."""


def key_value(key: SortKey, row: str, guard: Guard) -> Sql:
    """The value of a sort key in a row; NULL where the row has none or it is masked."""
    plain = plain_value(key, row)
    unmasked = _unmasked(key.elements, guard)
    if unmasked is None:
        return plain
    return Sql(f"CASE WHEN {unmasked.text} THEN {plain.text} END", unmasked.values + plain.values)


def _unmasked(elements: Elements, guard: Guard) -> Sql | None:
    return guard(elements) if elements else None


def plain_value(key: SortKey, row: str) -> Sql:
    """The value, whether or not it is masked."""
    if key.type == "row":
        return Sql(f"{row}.{_ROW_COLUMNS[key.param]}")
    return _VALUES[key.type](key, row)


_ROW_COLUMNS = {"_id": "id", "_lastUpdated": "last_updated"}


def _range(kind: str) -> Callable[[SortKey, str], Sql]:
    def value(key: SortKey, row: str) -> Sql:
        extreme = "max(e.value->>1)" if key.descending else "min(e.value->>0)"
        return Sql(f"(SELECT {extreme} FROM json_each({row}.spans, ?) e)", (json_path(f"{kind}.{key.param}"),))

    return value


def _string(key: SortKey, row: str) -> Sql:
    extreme = "max" if key.descending else "min"
    return Sql(f"(SELECT {extreme}(e.value->>0) FROM json_each({row}.spans, ?) e)", (json_path(f"s.{key.param}"),))


def _quantity(key: SortKey, row: str) -> Sql:
    extreme, bound = ("max", 2) if key.descending else ("min", 1)
    path = quantity_path(key.param, row)
    value = (
        f"(SELECT {extreme}((e.value->>0)||char(1)||(e.value->>{bound})) FROM json_each({row}.spans, {path.text}) e)"
    )
    return Sql(value, path.values)


def quantity_path(param: str, row: str) -> Sql:
    """Where the quantities are by which the row is sorted: those in base units, or else those as written."""
    canonical = json_path(f"c.{param}")
    text = f"CASE WHEN json_type({row}.spans, ?) IS NULL THEN ? ELSE ? END"
    return Sql(text, (canonical, json_path(f"q.{param}"), canonical))


def _key(start: str) -> Callable[[SortKey, str], Sql]:
    def value(key: SortKey, row: str) -> Sql:
        return Sql(f"extreme_key({row}.keys, ?, {int(key.descending)})", (_start(start, key.param),))

    return value


def _start(start: str, param: str) -> bytes:
    return f"\x1e{start[0]}{param}{start[1]}".encode()


def _token(key: SortKey, row: str) -> Sql:
    """A parameter may have codes, identifiers, or both."""
    identifier = _key(_IDENTIFIER)(key, row)
    extreme = "max" if key.descending else "min"
    text = (
        f"(SELECT {extreme}(k.code) FROM (SELECT e.value AS code FROM json_each({row}.spans, ?) e"
        f" UNION ALL SELECT {identifier.text}) k)"
    )
    return Sql(text, (json_path(f"k.{key.param}"), *identifier.values))


_IDENTIFIER, _URI, _REFERENCE = ("i\x1f", "u\x1f", "r\x1c")
_VALUES: dict[str, Callable[[SortKey, str], Sql]] = {
    "date": _range("d"),
    "number": _range("n"),
    "string": _string,
    "quantity": _quantity,
    "token": _token,
    "uri": _key(_URI),
    "reference": _key(_REFERENCE),
}
