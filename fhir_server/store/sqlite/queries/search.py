"""Searching: which rows match, in which order, one page at a time.

Few candidates: fetch them all and sort. Many: walk along the index of the sort order, judge each row by its packed
columns, stop when the page is full; a walk that uses up its share of steps gives way to the first plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import apsw

from fhir_server.outcome import TooCostly
from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import Criterion, Elements, Query, is_linked
from fhir_server.store.sqlite.queries.access_sql import row_access
from fhir_server.store.sqlite.queries.budget import UsedUp, trial
from fhir_server.store.sqlite.queries.ordering import Cursor, Order, deciding, read_cursor
from fhir_server.store.sqlite.queries.plan import (
    FEW_WORDS,
    Asked,
    Driver,
    best,
    conjuncts,
    counted,
    drivers,
    probe_limit,
    type_walk,
)
from fhir_server.store.sqlite.queries.postings import all_words, words_for
from fhir_server.store.sqlite.queries.predicates import condition
from fhir_server.store.sqlite.queries.resolve import MANY, SOME, Resolver
from fhir_server.store.sqlite.queries.resolved import Words
from fhir_server.store.sqlite.queries.sort_values import key_value
from fhir_server.store.sqlite.queries.sql import TRUE, Sql, all_of
from fhir_server.store.sqlite.queries.walk import WALKED, walk
from fhir_server.store.sqlite.schema import DELETE, FOREVER
from fhir_server.store.sqlite.state import State
from fhir_server.store.values import PlanStep

FIRST_STEPS = 400_000
STREAM_STEPS = 50_000
SMALL = 4
TRIAL_STEPS = 4_000_000
PROBE_STEPS = 400_000
RESOLVE_STEPS = 2_000_000
SORT_STEPS = 400_000_000
FEW_CANDIDATES = 256
FEW_TO_LEAD_OVER = 256
MANY_TO_SORT = 50_000

_SUPERSEDED = f"v.indexed=1 AND v.until_commit<{FOREVER} AND v.type=?"
_TOO_MANY = (
    "too many resources would have to be looked at for this order: narrow the search, or sort by a date, a string, a"
    " number or `_lastUpdated`"
)


@dataclass(frozen=True, slots=True)
class Found:
    """The row numbers of a page, and the cursors of the next page and the previous one."""

    vids: tuple[int, ...]
    next: str | None
    previous: str | None = None


class Search:
    """One search in one state under one filter, inside the caller's transaction.

    `most`: up to how many resources a chain may lead over before each candidate is asked instead (None: that depends on
    how many candidates there are); `depth`: how many
    chains led here. `steps` tells what was done.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        access: AccessFilter,
        state: State,
        query: Query,
        most: int | None = None,
        depth: int = 0,
    ) -> None:
        self.connection = connection
        self.type = query.type
        self.wanted = query.count
        self.order = _order(query)
        self.rows = row_access(access, query.type)
        self.guard = self.rows.guard("v")
        self.steps: list[PlanStep] = []
        self._query = query
        self._access = access
        self._state = state
        self._depth = depth
        self._candidates = self._few_candidates() if most is None else None
        self.most = FEW_TO_LEAD_OVER if self._few else SOME if most is None else most
        resolver = Resolver(connection, query.type, self._inner, f"v{depth + 1}", self.steps, self._candidates)
        self.criteria: list[Asked] = conjuncts([resolver.resolved(part) for part in query.criteria])
        self.probes = resolver.probes
        self.choices = drivers(query.type, self.criteria, access, self.rows)

    @property
    def filtered(self) -> bool:
        """Whether anything at all is hidden from the session."""
        return not row_access(self._access, None).open

    @property
    def _few(self) -> bool:
        return self._candidates is not None

    def _few_candidates(self) -> tuple[str, ...] | None:
        """The ids of those that match what no chain decides, where they are few: then each is better asked where it
        leads than a chain over many resources looked up beforehand."""
        plain = tuple(part for part in self._query.criteria if not is_linked(part))
        if len(plain) == len(self._query.criteria):
            return None
        choices = drivers(self.type, conjuncts(plain), self._access, self.rows)
        found = best(self.connection, choices, FEW_CANDIDATES)
        if found is None or found.hits is None or found.hits >= FEW_CANDIDATES:
            return None
        rows = self._inner(self.type, plain, FEW_CANDIDATES).select("v.id")
        return None if rows is None else tuple(id for (id,) in rows)

    def _inner(self, type: str, criteria: tuple[Criterion, ...], most: int | None = None) -> "Search":
        query, most = Query(type, criteria), self.most if most is None else most
        return Search(self.connection, self._access, self._state, query, most, self._depth + 1)

    def page(self) -> Found:
        """The page after the cursor, or before it."""
        if self.wanted <= 0:
            return Found((), None)
        cursors = list(self.cursors(self.wanted + 1))
        return paged(cursors, self.wanted, self.order)

    def count(self) -> int:
        """How many rows match."""
        if self.probes and self.most < MANY and not self._few:
            return self._with_larger_sets().count()
        driver = self.driver(probe_limit(self.connection, self.wanted)) or type_walk(self.type)
        if driver.words is not None and self._state.latest and self.rows.open and self._answers_all(driver):
            return self._count_words(driver.words)
        driver = driver.again()
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

    def driver(self, limit: int) -> Driver | None:
        """The index to begin with; candidates are counted up to the limit."""
        found = best(self.connection, self.choices, limit)
        if found is not None:
            self.steps.append(PlanStep("drive", found.by, found.hits))
        return found

    def matching(self, driver: Driver | None = None, row: str = "v") -> Sql:
        """The condition that a row is in force in the state, matches, and may be seen; `driver` may have judged some of
        the criteria already."""
        answered = driver.answered if driver is not None and not self.rows.masks else ()
        guard = self.rows.guard(row)
        judged = [condition(part, row, guard) for part in self.criteria if part not in answered]
        alive = Sql(f"{row}.type=? AND {row}.method<>{DELETE}", (self.type,))
        return all_of([self._state.holds(row), alive, *judged, self.rows.visible_then_and_now(row)])

    def reads(self, row: str, elements: Elements) -> Sql:
        """The condition that these elements are not masked in the row."""
        guard = self.rows.guard(row)
        return (guard(elements) if elements else None) or TRUE

    @property
    def few_words(self) -> Words | None:
        """The expression of the full-text index for the criteria, if it is short enough to be asked again and again."""
        known = [words_for(self.type, part) for part in self.criteria]
        return all_words([words for words in known if words is not None and words.count <= FEW_WORDS])

    def select(self, columns: str, more: Sql = TRUE) -> list[tuple[Any, ...]] | None:
        """These columns of the rows that match and for which `more` holds, in no order; None where there are more than
        `most`, or where finding them takes too much for a first attempt."""
        driver = (best(self.connection, self.choices, self.most) or type_walk(self.type)).again()
        where = all_of([driver.condition, self.matching(driver), more])
        text = f"SELECT {columns} FROM {driver.source.text} WHERE {where.text} LIMIT ?"
        most = max(self.most, driver.hits or 0) if driver.by == "id" else self.most
        values = (*driver.source.values, *where.values, most + 1)
        try:
            with trial(self.connection, RESOLVE_STEPS if self.most < MANY else SORT_STEPS):
                found = self.connection.execute(text, values).fetchall()
        except UsedUp:
            return None
        return None if len(found) > most else found

    def cursors(self, limit: int) -> Sequence[Cursor]:
        """The first rows on the way, with their keys."""
        enough = probe_limit(self.connection, self.wanted)
        driver = self.driver(enough)
        if driver is not None and driver.hits is not None and driver.hits < enough:
            return self._sorted(driver, limit)
        if self.order.keys[0].type not in WALKED:
            return self._sorted(driver or type_walk(self.type), limit)
        if not self.probes:
            return self._walk(driver, limit)
        try:
            with trial(self.connection, PROBE_STEPS):
                return self._walk(driver, limit)
        except UsedUp:
            if self.most < MANY:
                return self._with_larger_sets().cursors(limit)
            return self._sorted(driver or type_walk(self.type), limit)

    def _walk(self, driver: Driver | None, limit: int) -> Sequence[Cursor]:
        streams = driver is not None and driver.order is not None and not driver.last_resort
        if driver is not None and streams and self._by_change_only:
            return self._stream(driver, limit)
        self.steps.append(PlanStep("walk", self.order.keys[0].param))
        if driver is None:
            return walk(self, limit)
        try:
            with trial(self.connection, FIRST_STEPS):
                return walk(self, limit)
        except UsedUp:
            return self._walk_or_sort(driver, limit)

    def _stream(self, driver: Driver, limit: int) -> Sequence[Cursor]:
        """Along an index that gives rows in order. The longer that takes, the fewer of its rows match: then another one
        that has fewer is looked through whole, first only where it is small."""
        others = [each for each in self.choices if each.by != driver.by and not each.last_resort]
        small = SMALL * probe_limit(self.connection, self.wanted)
        for steps, most in ((STREAM_STEPS, small), (TRIAL_STEPS, MANY_TO_SORT)) if others else ():
            try:
                with trial(self.connection, steps):
                    return self._sorted(driver, limit)
            except UsedUp:
                fewest = best(self.connection, others, most)
                if fewest is not None and (fewest.hits or 0) < most:
                    self.steps.append(PlanStep("drive", fewest.by, fewest.hits))
                    return self._sorted(fewest, limit)
        return self._sorted(driver, limit)

    def _walk_or_sort(self, driver: Driver, limit: int) -> Sequence[Cursor]:
        """A long walk is worth its while only where there is more than that to sort."""
        many = counted(self.connection, replace(driver, hits=None), MANY_TO_SORT)
        if driver.by == "id" or (many.hits is not None and many.hits < MANY_TO_SORT):
            return self._sorted(driver, limit)
        try:
            with trial(self.connection, TRIAL_STEPS):
                return walk(self, limit)
        except UsedUp:
            return self._sorted(driver, limit)

    def _with_larger_sets(self) -> "Search":
        """The same search, with chains that lead over many resources looked up beforehand."""
        larger = Search(self.connection, self._access, self._state, self._query, MANY, self._depth)
        larger.steps[:0] = self.steps
        self.steps = larger.steps
        return larger

    @cached_property
    def _by_change_only(self) -> bool:
        keys = self.order.keys
        return len(keys) == 1 and key_value(keys[0], "v", self.guard).text == "v.last_updated"

    def _sorted(self, driver: Driver, limit: int) -> list[Cursor]:
        """All candidates, then sorted; without sorting where the driver gives them in order."""
        if self._by_change_only:
            return self._by_change(driver, limit)
        driver = driver.again()
        self.steps.append(PlanStep("sort", ", ".join(key.param for key in self.order.keys)))
        columns = [f"k{place}" for place in range(len(self.order.keys))]
        values = [key_value(key, "v", self.guard) for key in self.order.keys]
        where = all_of([driver.condition, self.matching(driver)])
        beyond = self.order.beyond(columns, "vid")
        named = ", ".join(f"{value.text} AS {column}" for value, column in zip(values, columns, strict=True))
        text = (
            f"WITH found AS MATERIALIZED (SELECT v.vid AS vid, {named} FROM {driver.source.text} WHERE {where.text})"
            f" SELECT vid, {', '.join(columns)} FROM found WHERE {beyond.text}"
            f" ORDER BY {self.order.by(columns, 'vid')} LIMIT ?"
        )
        bound = [part for value in values for part in value.values]
        try:
            with trial(self.connection, SORT_STEPS):
                return self.fetch(text, (*bound, *driver.source.values, *where.values, *beyond.values, limit))
        except UsedUp as error:
            raise TooCostly(_TOO_MANY) from error

    def _by_change(self, driver: Driver, limit: int) -> list[Cursor]:
        """In the order of row numbers, which is that of changes."""
        vid = driver.order if driver.order == "p.rowid" else "v.vid"
        word, sign = ("DESC", "<") if self.order.descending else ("ASC", ">")
        cursor = self.order.cursor
        beyond = TRUE if cursor is None else Sql(f"{vid}{sign}?", (cursor.vid,))
        where = all_of([driver.condition, beyond, self.matching(driver)])
        text = (
            f"SELECT v.vid, v.last_updated FROM {driver.source.text} WHERE {where.text} ORDER BY {vid} {word} LIMIT ?"
        )
        return self.fetch(text, (*driver.source.values, *where.values, limit))

    def fetch(self, text: str, values: Sequence[object]) -> list[Cursor]:
        """Run a statement that gives row numbers and keys."""
        return [Cursor(tuple(keys), vid) for vid, *keys in self.connection.execute(text, tuple(values))]


def _order(query: Query) -> Order:
    keys = deciding(query.sort)
    place = query.before if query.after is None else query.after
    cursor = None if place is None else read_cursor(place, len(keys))
    return Order(keys, cursor, backwards=query.after is None and cursor is not None)


def paged(rows: Sequence[Cursor], wanted: int, order: Order) -> Found:
    """The page of the first rows on the way, of which one more than wanted may have been found."""
    more, page = len(rows) > wanted, list(rows[:wanted])
    if order.backwards:
        page.reverse()
    before = bool(page) and (more if order.backwards else order.cursor is not None)
    after = bool(page) and (order.backwards or more)
    vids = tuple(row.vid for row in page)
    return Found(vids, page[-1].text() if after else None, page[0].text() if before else None)
