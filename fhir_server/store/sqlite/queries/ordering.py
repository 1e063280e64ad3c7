"""Sort keys and cursors: the total order of a search, as SQL.

Rows are ordered by their keys, those without a key last, and by row number where all keys are equal; the row number
follows the direction of the first key. A cursor holds the keys and the row number of the first or last row of a page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from fhir_server.outcome import Invalid
from fhir_server.store.criteria import SortKey
from fhir_server.store.sqlite.queries.sql import TRUE, Sql, Value

KeyValue = str | int | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins or ends: the values of the sort keys, and the row number."""

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


def deciding(sort: Sequence[SortKey]) -> tuple[SortKey, ...]:
    """The sort keys that decide: without any, newest change first; a key named again, or after `_id`, adds nothing."""
    keys: list[SortKey] = []
    for key in sort or (SortKey("_lastUpdated", descending=True),):
        if all(key.param != known.param for known in keys):
            keys.append(key)
        if key.param == "_id":
            break
    return tuple(keys)


@dataclass(frozen=True, slots=True)
class Order:
    """The order in which rows are looked for: that of the sort keys, or backwards from a cursor."""

    keys: tuple[SortKey, ...]
    cursor: Cursor | None = None
    backwards: bool = False

    @property
    def descending(self) -> bool:
        """Whether row numbers fall."""
        return self.falls(self.keys[0])

    def falls(self, key: SortKey) -> bool:
        """Whether the values of a key fall on the way."""
        return key.descending != self.backwards

    def word(self, key: SortKey) -> str:
        return "DESC" if self.falls(key) else "ASC"

    def by(self, columns: Sequence[str], vid: str, skip: int = 0) -> str:
        """The ORDER BY of the columns of the keys, without the first `skip` of them, and the row number."""
        nulls = "NULLS FIRST" if self.backwards else "NULLS LAST"
        pairs = list(zip(columns, self.keys, strict=True))[skip:]
        parts = [f"{column} {self.word(key)} {nulls}" for column, key in pairs]
        return ", ".join([*parts, f"{vid} {self.word(self.keys[0])}"])

    def beyond(self, columns: Sequence[str], vid: str) -> Sql:
        """The condition that a row comes after the cursor on the way."""
        if self.cursor is None:
            return TRUE
        beyond = Sql(f"{vid}{'<' if self.descending else '>'}?", (self.cursor.vid,))
        for column, key, value in reversed(list(zip(columns, self.keys, self.cursor.keys, strict=True))):
            beyond = self._beyond(column, key, value, beyond)
        return beyond

    def _beyond(self, column: str, key: SortKey, value: KeyValue, rest: Sql) -> Sql:
        if value is None:
            equal = f"{column} IS NULL AND {rest.text}"
            return Sql(f"({column} IS NOT NULL OR ({equal}))" if self.backwards else f"({equal})", rest.values)
        further = f"{column}{'<' if self.falls(key) else '>'}?"
        if not self.backwards:
            further += f" OR {column} IS NULL"
        values: tuple[Value, ...] = (value, value, *rest.values)
        return Sql(f"({further} OR ({column}=? AND {rest.text}))", values)

    def merged(self, rows: Iterable[Cursor]) -> list[Cursor]:
        """Rows of several sources in this order."""
        ordered = sorted(rows, key=lambda row: row.vid, reverse=self.descending)
        for place, key in reversed(list(enumerate(self.keys))):
            have = [row for row in ordered if row.keys[place] is not None]
            lack = [row for row in ordered if row.keys[place] is None]
            have.sort(key=lambda row, place=place: row.keys[place], reverse=self.falls(key))  # type: ignore[misc]
            ordered = lack + have if self.backwards else have + lack
        return ordered
