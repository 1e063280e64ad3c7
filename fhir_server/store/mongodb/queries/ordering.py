"""Sort keys and cursors: the total order of a search, as filters and sort stages.

Rows are ordered by their keys, those without a key last, and where all keys are equal by the order of their commits
(`o`), which follows the direction of the first key; two processes may give one `o`, so the id decides last. A cursor
holds the keys, the order and the id of the first or last row of a page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from fhir_server.outcome import Invalid
from fhir_server.store.criteria import SortKey
from fhir_server.store.mongodb.forms import sort_field
from fhir_server.store.mongodb.queries.filters import ALWAYS, NEVER, Filter, all_of, any_of

KeyValue = str | int | None

_KINDS = {"date": "d", "number": "n", "string": "s", "token": "t", "reference": "r", "uri": "u", "quantity": "q"}
_ROW_FIELDS = {"_id": "i", "_lastUpdated": "u"}


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins or ends: the values of the sort keys, the order, and `_id` of the row."""

    keys: tuple[KeyValue, ...]
    order: int
    id: str

    def text(self) -> str:
        return msgspec.json.encode([*self.keys, self.order, self.id]).decode()


def read_cursor(text: str, keys: int) -> Cursor:
    """The cursor that a page gave. Raises `Invalid` for anything else."""
    try:
        values = msgspec.json.decode(text, type=list[KeyValue])
    except (msgspec.DecodeError, ValueError) as error:
        raise Invalid("this page link holds no place in a search") from error
    if len(values) != keys + 2 or not all(map(_fits, values)):
        raise Invalid("this page link holds no place in this search")
    order, id = values[-2:]
    if not isinstance(order, int) or not isinstance(id, str):
        raise Invalid("this page link holds no place in this search")
    return Cursor(tuple(values[:-2]), order, id)


def _plain(value: KeyValue) -> KeyValue:
    """The driver gives long integers a type of their own."""
    return int(value) if isinstance(value, int) else value


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


def value_field(key: SortKey) -> str:
    """Where in a document the value stands."""
    if key.type == "row":
        return _ROW_FIELDS[key.param]
    return f"z.{sort_field(_KINDS[key.type], key.param)}.{'b' if key.descending else 'a'}"


Field = str | None
"""Where the value of a sort key stands; None where it is masked in the rows that are asked for"""


@dataclass(frozen=True, slots=True)
class Order:
    """The order in which rows are looked for: that of the sort keys, or backwards from a cursor. `by_change`: the order
    of commits is all there is to it."""

    keys: tuple[SortKey, ...]
    cursor: Cursor | None = None
    backwards: bool = False
    by_change: bool = False

    @property
    def descending(self) -> bool:
        """Whether the order of commits falls."""
        return self.falls(self.keys[0])

    def falls(self, key: SortKey) -> bool:
        """Whether the values of a key fall on the way."""
        return key.descending != self.backwards

    def sign(self, key: SortKey) -> int:
        return -1 if self.falls(key) else 1

    def columns(self, fields: Sequence[Field]) -> Filter:
        """The projection of what rows are sorted by."""
        return {"o": 1, **{f"k{place}": f"${field}" for place, field in enumerate(fields) if field is not None}}

    def as_stored(self, fields: Sequence[Field]) -> bool:
        """Whether these values sort as MongoDB sorts them: a missing one comes first where values rise, last where they
        fall."""
        pairs = zip(fields, self.keys, strict=True)
        return all(field is None or key.descending or key.type == "row" for field, key in pairs)

    def sorted(self, fields: Sequence[Field], limit: int, shown: Filter) -> list[Filter]:
        """The stages that give the first documents in this order: these columns, and what is shown of them.

        Sorted as they are documents cost a third of what they cost with columns made before (`m` says that a value is
        missing).
        """
        last: Filter = {"o": self.sign(self.keys[0]), "_id": self.sign(self.keys[0])}
        known = [(place, field, self.keys[place]) for place, field in enumerate(fields) if field is not None]
        project = {**self.columns(fields), **shown}
        if self.as_stored(fields):
            by: Filter = {**{field: self.sign(key) for _, field, key in known}, **last}
            return [{"$sort": by}, {"$limit": limit}, {"$project": project}]
        by = {}
        for place, field, key in known:
            project[f"m{place}"] = {"$eq": [{"$type": f"${field}"}, "missing"]}
            by |= {f"m{place}": -1 if self.backwards else 1, f"k{place}": self.sign(key)}
        return [{"$project": project}, {"$sort": {**by, **last}}, {"$limit": limit}]

    def read(self, document: Filter) -> Cursor:
        """The place of a document with these columns."""
        keys = tuple(_plain(document.get(f"k{place}")) for place in range(len(self.keys)))
        return Cursor(keys, int(document["o"]), document["_id"])

    def beyond(self, fields: Sequence[Field]) -> Filter:
        """The filter of rows that come after the cursor on the way."""
        if self.cursor is None:
            return ALWAYS
        sign = "$lt" if self.descending else "$gt"
        same = {"o": self.cursor.order, "_id": {sign: self.cursor.id}}
        beyond = any_of([{"o": {sign: self.cursor.order}}, same])
        if self.by_change:
            return beyond
        for field, key, value in reversed(list(zip(fields, self.keys, self.cursor.keys, strict=True))):
            beyond = self._beyond(field, key, value, beyond)
        return beyond

    def _beyond(self, field: Field, key: SortKey, value: KeyValue, rest: Filter) -> Filter:
        missing = ALWAYS if field is None else {field: {"$exists": False}}
        exists = NEVER if field is None else {field: {"$exists": True}}
        if value is None:
            equal = all_of([missing, rest])
            return any_of([exists, equal]) if self.backwards else equal
        if field is None:
            return NEVER if self.backwards else ALWAYS
        further: Filter = {field: {"$lt" if self.falls(key) else "$gt": value}}
        equal = all_of([{field: {"$eq": value}}, rest])
        return any_of([further, equal] if self.backwards else [further, missing, equal])

    def along_orders(self) -> Filter:
        """Bounds of the order of commits beyond the cursor, for an index of it."""
        if self.cursor is None:
            return ALWAYS
        return {"o": {"$lte" if self.descending else "$gte": self.cursor.order}}

    def merged(self, rows: Iterable[Cursor]) -> list[Cursor]:
        """Rows of several sources in this order."""
        ordered = sorted(rows, key=lambda row: (row.order, row.id), reverse=self.descending)
        for place, key in () if self.by_change else reversed(list(enumerate(self.keys))):
            have = [row for row in ordered if row.keys[place] is not None]
            lack = [row for row in ordered if row.keys[place] is None]
            have.sort(key=lambda row, place=place: row.keys[place], reverse=self.falls(key))  # type: ignore[misc]
            ordered = lack + have if self.backwards else have + lack
        return ordered


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a page, and the cursors of the next page and the previous one."""

    rows: tuple[Cursor, ...]
    next: str | None = None
    previous: str | None = None


def paged(rows: Sequence[Cursor], wanted: int, order: Order) -> Found:
    """The page of the first rows on the way, of which one more than wanted may have been found."""
    more, page = len(rows) > wanted, list(rows[:wanted])
    if order.backwards:
        page.reverse()
    before = bool(page) and (more if order.backwards else order.cursor is not None)
    after = bool(page) and (order.backwards or more)
    return Found(tuple(page), page[-1].text() if after else None, page[0].text() if before else None)
