"""Searching: which rows match, in which order, one page at a time.

Few candidates: fetch them all and sort. Many: walk along the index of the sort order, judge each row by its packed
columns, stop when the page is full; a walk that uses up its share of steps gives way to the first plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import Query
from fhir_server.store.sqlite.queries.access_sql import row_access
from fhir_server.store.sqlite.queries.budget import UsedUp, trial
from fhir_server.store.sqlite.queries.ordering import Cursor, after, key_value, order_of, ordered_by, read_cursor
from fhir_server.store.sqlite.queries.plan import Driver, best, conjuncts, drivers, probe_limit, type_walk
from fhir_server.store.sqlite.queries.predicates import TRUE, Sql, all_of, condition
from fhir_server.store.sqlite.queries.walk import walk
from fhir_server.store.sqlite.schema import DELETE, FOREVER
from fhir_server.store.sqlite.state import State

TRIAL_STEPS = 4_000_000

_SUPERSEDED = f"v.indexed=1 AND v.until_commit<{FOREVER} AND v.type=?"


@dataclass(frozen=True, slots=True)
class Found:
    """The row numbers of a page, and the cursor of the next."""

    vids: tuple[int, ...]
    next: str | None


class Search:
    """One search in one state under one filter, inside the caller's transaction."""

    def __init__(self, connection: apsw.Connection, access: AccessFilter, state: State, query: Query) -> None:
        self.connection = connection
        self.type = query.type
        self.keys = order_of(query.sort)
        self.descending = self.keys[0].descending
        self.wanted = query.count
        self.cursor = None if query.after is None else read_cursor(query.after, len(self.keys))
        self.criteria = conjuncts(query.criteria)
        self.rows = row_access(access, query.type)
        self.guard = self.rows.guard("v")
        self._state = state
        self._choices = drivers(query.type, self.criteria, access, self.rows)

    def page(self) -> Found:
        """The next page after the cursor."""
        if self.wanted <= 0:
            return Found((), None)
        limit = self.wanted + 1
        cursors = self._cursors(limit)
        more = len(cursors) > self.wanted
        page = cursors[: self.wanted]
        return Found(tuple(cursor.vid for cursor in page), page[-1].text() if more else None)

    def count(self) -> int:
        """How many rows match."""
        enough = probe_limit(self.connection, self.wanted)
        driver = best(self.connection, self._choices, enough) or type_walk(self.type)
        if driver.words is not None and self._state.latest and self.rows.open and self._answers_all(driver):
            return self._count_words(driver.words)
        where = all_of([driver.condition, self.matching(driver)])
        text = f"SELECT count(*) FROM {driver.source.text} WHERE {where.text}"
        return int(self.connection.execute(text, (*driver.source.values, *where.values)).get)

    def _answers_all(self, driver: Driver) -> bool:
        return all(part in driver.answered for part in self.criteria)

    def _count_words(self, words: str) -> int:
        """Where the full-text index answers everything: its own count, ten times as fast as looking at each row, less
        the versions in it that have been superseded."""
        matching = all_of([condition(part, "v", self.guard) for part in self.criteria])
        gone = f"SELECT count(*) FROM version v INDEXED BY version_superseded WHERE {_SUPERSEDED} AND {matching.text}"
        hits = int(self.connection.execute("SELECT count(*) FROM posting(?)", (words,)).get)
        return hits - int(self.connection.execute(gone, (self.type, *matching.values)).get)

    def matching(self, driver: Driver | None = None) -> Sql:
        """The condition that a row `v` is in force in the state, matches, and may be seen; `driver` may have judged
        some of the criteria already."""
        answered = driver.answered if driver is not None and not self.rows.masks else ()
        judged = [condition(part, "v", self.guard) for part in self.criteria if part not in answered]
        alive = Sql(f"v.type=? AND v.method<>{DELETE}", (self.type,))
        return all_of([self._state.holds("v"), alive, *judged, self.rows.visible_then_and_now("v")])

    def _cursors(self, limit: int) -> Sequence[Cursor]:
        enough = probe_limit(self.connection, self.wanted)
        driver = best(self.connection, self._choices, enough)
        if driver is not None and (driver.hits is not None and driver.hits < enough):
            return self._sorted(driver, limit)
        streams = driver is not None and driver.order is not None and not driver.last_resort
        if driver is not None and streams and self._by_change_only():
            return self._sorted(driver, limit)
        if driver is None:
            return walk(self, limit)
        try:
            with trial(self.connection, TRIAL_STEPS):
                return walk(self, limit)
        except UsedUp:
            return self._sorted(driver, limit)

    def _by_change_only(self) -> bool:
        return len(self.keys) == 1 and key_value(self.keys[0], "v", self.guard).text == "v.last_updated"

    def _sorted(self, driver: Driver, limit: int) -> list[Cursor]:
        """All candidates, then sorted; without sorting where the driver gives them in order."""
        if self._by_change_only():
            return self._by_change(driver, limit)
        columns = [f"k{place}" for place in range(len(self.keys))]
        values = [key_value(key, "v", self.guard) for key in self.keys]
        where = all_of([driver.condition, self.matching(driver)])
        beyond = self._after(columns, "vid")
        named = ", ".join(f"{value.text} AS {column}" for value, column in zip(values, columns, strict=True))
        text = (
            f"WITH found AS MATERIALIZED (SELECT v.vid AS vid, {named} FROM {driver.source.text} WHERE {where.text})"
            f" SELECT vid, {', '.join(columns)} FROM found WHERE {beyond.text}"
            f" ORDER BY {ordered_by(columns, self.keys, 'vid', self.descending)} LIMIT ?"
        )
        bound = [part for value in values for part in value.values]
        return self.fetch(text, (*bound, *driver.source.values, *where.values, *beyond.values, limit))

    def _by_change(self, driver: Driver, limit: int) -> list[Cursor]:
        """In the order of row numbers, which is that of changes."""
        vid = driver.order if driver.order == "p.rowid" else "v.vid"
        word, sign = ("DESC", "<") if self.descending else ("ASC", ">")
        beyond = TRUE if self.cursor is None else Sql(f"{vid}{sign}?", (self.cursor.vid,))
        where = all_of([driver.condition, beyond, self.matching(driver)])
        text = (
            f"SELECT v.vid, v.last_updated FROM {driver.source.text} WHERE {where.text} ORDER BY {vid} {word} LIMIT ?"
        )
        return self.fetch(text, (*driver.source.values, *where.values, limit))

    def _after(self, columns: Sequence[str], vid: str) -> Sql:
        if self.cursor is None:
            return TRUE
        return after(self.cursor, columns, self.keys, vid, self.descending)

    def fetch(self, text: str, values: Sequence[object]) -> list[Cursor]:
        """Run a statement that gives row numbers and keys."""
        return [Cursor(tuple(keys), vid) for vid, *keys in self.connection.execute(text, tuple(values))]
