"""Sorting many rows by a date without looking at all of them: one window of time after the other, until the
page is full.

The index of dates says which rows have a date in a window; a row comes in the one that its least or greatest date lies
in. An index of many values a row gives no order itself.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

from fhir_server.store.criteria import DateIs, Prefix, SortKey
from fhir_server.store.mongodb.collections import RESOURCE
from fhir_server.store.mongodb.forms import field
from fhir_server.store.mongodb.queries.filters import Filter
from fhir_server.store.mongodb.queries.ordering import Order
from fhir_server.store.mongodb.queries.resolved import Asked
from fhir_server.store.mongodb.snapshots import Reader

DAWN = -5_364_662_400_000_000
"""1800: before it lie only dates that are open to the past"""
FIRST_WIDTH, LEAST_WIDTH, GREATEST_WIDTH = 3_600_000_000, 1_000_000, 2**58
"""An hour and a second, in microseconds"""
WIDER = 4
MANY_IN_WINDOW = 2_000

_REACHES: frozenset[Prefix] = frozenset(("eq", "gt", "ge", "sa", "ap"))
_BEGINS: frozenset[Prefix] = frozenset(("eq", "lt", "le", "eb", "ap"))


class Window(NamedTuple):
    """From `low` on and below `high`; None where there is no end."""

    low: int | None = None
    high: int | None = None

    def bounds(self) -> Filter:
        """The filter of values in it."""
        ends = {"$gte": self.low, "$lt": self.high}
        return {name: end for name, end in ends.items() if end is not None}


class Windows:
    """The windows on the way from an order's cursor, as far as the criteria let rows lie in them: wider after one in
    which too few were found, narrower where many would have to be sorted."""

    def __init__(self, reader: Reader, type: str, order: Order, criteria: Sequence[Asked], now_us: int) -> None:
        self._reader = reader
        self._type = type
        self._key = order.keys[0]
        self._falls = order.falls(self._key)
        self._now_us = now_us
        cursor = None if order.cursor is None else order.cursor.keys[0]
        self._cursor = cursor if isinstance(cursor, int) else None
        self._stop = stop_of(self._key, self._falls, criteria)

    async def windows(self) -> AsyncGenerator[Window, None]:
        """One after the other, without a gap."""
        place, open_window = await self._begin()
        if open_window is not None:
            yield open_window
        width = FIRST_WIDTH
        while width < GREATEST_WIDTH:
            if self._is_beyond(place):
                return
            window = Window(place - width, place) if self._falls else Window(place, place + width)
            if width > LEAST_WIDTH and await self._has_many(window):
                width //= WIDER
                continue
            yield window
            place, width = place + (-width if self._falls else width), width * WIDER
        yield Window(None, place) if self._falls else Window(place, None)

    async def _begin(self) -> tuple[int, Window | None]:
        """Where to begin, and a window without an end that comes before that."""
        cursor = self._cursor
        if self._falls:
            if cursor is None or cursor > self._now_us:
                return self._now_us, Window(self._now_us, None if cursor is None else cursor + 1)
            return cursor + 1, None
        if cursor is not None:
            return cursor, None
        first = max(await self._first(), DAWN)
        return first, Window(None, first)

    async def _first(self) -> int:
        """About where values begin: the database gives them in the order of the index, though it promises none."""
        index, having = self.source(Window())
        end = "h" if self._key.descending else "l"
        found = await self._reader.ask(
            RESOURCE, [{"$match": having}, {"$limit": 1}, {"$project": {"e.d": 1}}], hint=index
        )
        name = field(self._type, self._key.param)
        dates = [int(each[end]) for row in found for each in row["e"]["d"] if each["f"] == name]
        return min(dates, default=self._now_us)

    def source(self, window: Window) -> tuple[str, Filter]:
        """The index, and what it is asked, of rows with a date that ends (the key falls) or begins in the window."""
        end, index = ("h", "date_end") if self._key.descending else ("l", "date")
        bounds: Filter = {"f": field(self._type, self._key.param)}
        if window.bounds():
            bounds[end] = window.bounds()
        return index, {"e.d": {"$elemMatch": bounds}, "t": self._type}

    async def _has_many(self, window: Window) -> bool:
        index, having = self.source(window)
        count: list[Filter] = [{"$match": having}, {"$limit": MANY_IN_WINDOW}, {"$count": "n"}]
        found = await self._reader.ask(RESOURCE, count, hint=index)
        return bool(found) and found[0]["n"] >= MANY_IN_WINDOW

    def _is_beyond(self, place: int) -> bool:
        if self._stop is None:
            return False
        return place < self._stop if self._falls else place > self._stop


def stop_of(key: SortKey, falls: bool, criteria: Sequence[Asked]) -> int | None:
    """Beyond what no row lies that has a date as a criterion asks for: its latest end is not before that one's, nor its
    earliest beginning after it."""
    asked = [part for part in criteria if isinstance(part, DateIs) and part.param == key.param]
    if falls and key.descending:
        return max((part.low for part in asked if part.prefix in _REACHES), default=None)
    if not falls and not key.descending:
        return min((part.high for part in asked if part.prefix in _BEGINS), default=None)
    return None
