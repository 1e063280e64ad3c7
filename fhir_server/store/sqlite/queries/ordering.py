"""Sort keys and cursors: the total order of a search, as SQL.

Rows are ordered by their keys, those without a key last, and by row number where all keys are equal; the row number
follows the direction of the first key. A cursor holds the keys and the row number of the last row of a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from fhir_server.outcome import Invalid
from fhir_server.store.criteria import Elements, SortKey
from fhir_server.store.sqlite.queries.predicates import Guard, Sql, Value, span_path

KeyValue = str | int | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the values of the sort keys, and the row number."""

    keys: tuple[KeyValue, ...]
    vid: int

    def text(self) -> str:
        return msgspec.json.encode([*self.keys, self.vid]).decode()


def read_cursor(text: str, keys: int) -> Cursor:
    """The cursor that a page gave. Raises `Invalid` for anything else."""
    try:
        *values, vid = msgspec.json.decode(text, type=list[KeyValue])
    except (msgspec.DecodeError, ValueError) as error:
        raise Invalid("this page link holds no place in a search") from error
    if not isinstance(vid, int) or len(values) != keys or not all(map(_fits, (*values, vid))):
        raise Invalid("this page link holds no place in this search")
    return Cursor(tuple(values), vid)


def _fits(value: KeyValue) -> bool:
    return not isinstance(value, int) or abs(value) < 2**63


def order_of(sort: Sequence[SortKey]) -> tuple[SortKey, ...]:
    """The sort keys that decide: without any, newest change first; a key named again, or after `_id`, adds nothing."""
    keys: list[SortKey] = []
    for key in sort or (SortKey("_lastUpdated", descending=True),):
        if all(key.param != known.param for known in keys):
            keys.append(key)
        if key.param == "_id":
            break
    return tuple(keys)


def key_value(key: SortKey, row: str, guard: Guard) -> Sql:
    """The value of a sort key in a row; NULL where the row has none or it is masked."""
    plain = _plain_value(key, row)
    unmasked = _unmasked(key.elements, guard)
    if unmasked is None:
        return plain
    return Sql(f"CASE WHEN {unmasked.text} THEN {plain.text} END", unmasked.values + plain.values)


def _unmasked(elements: Elements, guard: Guard) -> Sql | None:
    return guard(elements) if elements else None


def _plain_value(key: SortKey, row: str) -> Sql:
    if key.param == "_id":
        return Sql(f"{row}.id")
    if key.param == "_lastUpdated":
        return Sql(f"{row}.last_updated")
    extreme = "max(e.value->>1)" if key.descending else "min(e.value->>0)"
    return Sql(f"(SELECT {extreme} FROM json_each({row}.spans, ?) e)", (span_path(f"d.{key.param}"),))


def ordered_by(columns: Sequence[str], keys: Sequence[SortKey], vid: str, descending: bool) -> str:
    """The ORDER BY of these key columns and the row number."""
    parts = [f"{column} {_word(key.descending)} NULLS LAST" for column, key in zip(columns, keys, strict=True)]
    return ", ".join([*parts, f"{vid} {_word(descending)}"])


def _word(descending: bool) -> str:
    return "DESC" if descending else "ASC"


def after(cursor: Cursor, columns: Sequence[str], keys: Sequence[SortKey], vid: str, descending: bool) -> Sql:
    """The condition that a row comes after the cursor."""
    sign = "<" if descending else ">"
    text, values = f"{vid}{sign}?", [cursor.vid]
    collected: list[Value | None] = list(values)
    for column, key, value in reversed(list(zip(columns, keys, cursor.keys, strict=True))):
        if value is None:
            text = f"({column} IS NULL AND {text})"
        else:
            beyond = f"{column}{'<' if key.descending else '>'}? OR {column} IS NULL"
            text = f"({beyond} OR ({column}=? AND {text}))"
            collected = [value, value, *collected]
    return Sql(text, tuple(part for part in collected if part is not None))
