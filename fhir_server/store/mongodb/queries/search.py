"""Searching one type: which rows match, in which order, one page at a time."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import product
from math import isqrt
from time import monotonic
from typing import Protocol

from fhir_server.outcome import TooCostly
from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import AnyOf, Elements, IdIs, Query, ReferenceTo, SortKey
from fhir_server.store.mongodb import forms
from fhir_server.store.mongodb.collections import DELETE, RESOURCE, SORTED
from fhir_server.store.mongodb.queries.access_match import row_access
from fhir_server.store.mongodb.queries.drivers import FEW, FIRST_LIMIT, LAST_LIMIT, Driver, best, counted, drivers
from fhir_server.store.mongodb.queries.filters import ALWAYS, NEVER, Filter, all_of, aside, beginning_with, negated
from fhir_server.store.mongodb.queries.match import Rows, surely
from fhir_server.store.mongodb.queries.ordering import (
    Cursor,
    Field,
    Found,
    Order,
    deciding,
    paged,
    read_cursor,
    value_field,
)
from fhir_server.store.mongodb.queries.resolved import Asked, Staged, conjuncts, is_nothing
from fhir_server.store.mongodb.queries.state import State
from fhir_server.store.mongodb.queries.visibility import MasksSince, hidden_now
from fhir_server.store.mongodb.queries.windows import Windows, stop_of
from fhir_server.store.mongodb.snapshots import BATCH
from fhir_server.store.values import PlanStep

ALIVE: Filter = {"m": {"$ne": DELETE}}
MOST_GUARDED_KEYS = 4
MANY_TO_SORT = LAST_LIMIT
PATIENCE_SECONDS = 1.0
PROBED = 256
MANY_DELETED = 5_000


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of the rows in which the same sort keys are masked."""

    matching: Filter
    fields: tuple[Field, ...]

    def where(self, more: Filter) -> "Branch":
        """The same, of rows for which this holds too."""
        return Branch(all_of([self.matching, more]), self.fields)


class LeadsTooFar(TooCostly):
    """A chain leads over more resources than are looked up."""


class Probe(Protocol):
    """A criterion that is asked of rows that were found, a few at a time."""

    async def passing(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of these resources (by `_id`, up to `PROBED` of them) that match."""


class Search:
    """One search in one state under one filter, its chains resolved (`resolve.search_for` makes it).

    `steps` tells what was done.
    """

    def __init__(self, state: State, access: AccessFilter, query: Query, criteria: Sequence[Asked]) -> None:
        self.state = state
        self.type = query.type
        self.wanted = query.count
        self.rows = row_access(access, query.type)
        self.criteria = conjuncts(list(criteria))
        self.steps: list[PlanStep] = []
        self.hidden = not row_access(access, None).open
        """Whether anything at all is hidden from the session"""
        self.shown: Filter = {}
        """What of the documents is wanted, beside where they stand in the order, where that is found at once"""
        self.documents: dict[str, Filter] = {}
        self.probes: Sequence[Probe] = ()
        """What is asked of the rows that the criteria leave"""
        self._masks = MasksSince(state, self.rows, query.type)
        self._query = query
        self._choices = drivers(query.type, self.criteria, self.rows)
        self._driver: Driver | None = None
        self._counted_to = LAST_LIMIT

    async def prepare(self) -> None:
        """Look up what the guards of an earlier state need."""
        asked: dict[Elements, None] = {}

        def note(elements: Elements) -> Filter | None:
            asked[elements] = None
            return self.rows.unmasked(elements)

        for criterion in self.criteria:
            surely(criterion, Rows(self.type, note))
        asked.update(dict.fromkeys(key.elements for key in self._query.sort if key.elements))
        await self._masks.learn(asked)

    @property
    def order(self) -> Order:
        """The order of the query's rows, from its cursor on. Raises `Invalid` for a cursor that is none."""
        keys = deciding(self._query.sort)
        after, before = self._query.after, self._query.before
        place = before if after is None else after
        cursor = None if place is None else read_cursor(place, len(keys))
        by_change = len(keys) == 1 and keys[0].param == "_lastUpdated" and self._guard_of(keys[0]) is None
        return Order(keys, cursor, after is None and cursor is not None, by_change)

    def _guard_of(self, key: SortKey) -> Filter | None:
        return self._masks.unmasked(key.elements) if key.elements else None

    @property
    def nothing(self) -> bool:
        """Whether it is known beforehand that no row matches."""
        return self.rows.visible == NEVER or any(map(is_nothing, self.criteria))

    async def driver(self, order: Order | None = None) -> Driver:
        """The index to begin with, where the rows are wanted in this order (None: all of them, in any)."""
        if self._driver is None:
            ordered = order is not None and order.by_change
            only = self._choices[0] if order is None and len(self._choices) == 2 else None
            many = LAST_LIMIT if order is None else self._many(order, self.wanted + 1)
            self._counted_to = max(many, FIRST_LIMIT)
            self._driver = only or await best(
                self.state.then, self._choices, self.state.frequent, ordered=ordered, many=many
            )
            self.steps.append(PlanStep("drive", self._driver.by, self._driver.hits))
        return self._driver

    def answered(self, driver: Driver) -> Asked | None:
        """The criterion that the driver's rows need not be judged by."""
        return None if self.rows.masks else driver.answered

    def matching(self, driver: Driver) -> Filter:
        """The filter of rows that match and that passed then, among those of the driver."""
        rows = Rows(self.type, self._masks.unmasked)
        answered = self.answered(driver)
        judged = [surely(part, rows) for part in self.criteria if part is not answered]
        return all_of([ALIVE, *judged, *([] if driver.visible else [self.rows.visible])])

    def linked(self, order: Order) -> Driver | None:
        """The index that leads to what ids or references alone name, where the order can be read off any row; None
        where rows are found otherwise."""
        if any(self._guard_of(key) is not None or key.type != "row" for key in order.keys) or self.probes:
            return None
        return next((each for each in self._choices if each.answered is not None and _is_link(each.answered)), None)

    def _from(self, driver: Driver, *more: Filter) -> Filter:
        """The rows of a driver that match, and for which these hold."""
        return all_of([driver.condition, aside(all_of([self.matching(driver), *more]))])

    async def page(self) -> Found:
        """The page after the cursor, or before it."""
        order = self.order
        if self.wanted <= 0:
            return Found(())
        return paged(await self.cursors(order, self.wanted + 1), self.wanted, order)

    async def cursors(self, order: Order, limit: int) -> list[Cursor]:
        """The first rows on the way that may be seen, then and now."""
        kept: list[Cursor] = []
        asked = max(limit, PROBED) if self.probes else limit
        while not self.nothing:
            rows = await self._found(order, asked)
            passing = await self.passing([row.id for row in rows])
            kept += [row for row in rows if row.id in passing]
            if len(kept) >= limit or len(rows) < asked:
                break
            order, asked = replace(order, cursor=rows[-1]), min(2 * asked, BATCH)
        return kept[:limit]

    async def passing(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of these rows that may be seen now, and of which the probes hold."""
        left = frozenset(ids) - await self._hidden(ids)
        for probe in self.probes:
            asked = [id for id in ids if id in left]
            batches = [asked[start : start + PROBED] for start in range(0, len(asked), PROBED)]
            left = frozenset([id for batch in batches for id in await probe.passing(batch)])
        return left

    async def _hidden(self, ids: Sequence[str]) -> frozenset[str]:
        return frozenset() if self.state.latest else await hidden_now(self.state, self.rows, ids)

    async def count(self) -> int:
        """How many rows match."""
        if self.nothing:
            return 0
        if self.probes or (not self.state.latest and not self.rows.everything):
            return len(await self.ids())
        driver = await self.driver()
        if self.rows.open and all(part is driver.answered for part in self.criteria):
            counted = await self._count_keys(driver)
            if counted is not None:
                return counted
        return await self._counted(self._from(driver), driver.by)

    async def _count_keys(self, driver: Driver) -> int | None:
        """How many rows an index has that answers everything, without a look at them, less those that have been
        deleted. None where these are many."""
        deleted: Filter = {"t": self.type, "m": DELETE}
        stages: list[Filter] = [{"$match": deleted}, {"$limit": MANY_DELETED}, {"$count": "n"}]
        found = await self.state.then.ask(RESOURCE, stages, hint="deleted")
        if found and found[0]["n"] == MANY_DELETED:
            return None
        gone = await self._counted(all_of([deleted, aside(driver.condition)]), "deleted") if found else 0
        return await self._counted(driver.condition, driver.by) - gone

    async def _counted(self, matching: Filter, index: str) -> int:
        found = await self.state.then.ask(RESOURCE, [{"$match": matching}, {"$count": "n"}], hint=index)
        return int(found[0]["n"]) if found else 0

    async def ids(self, most: int | None = None) -> list[str]:
        """The `_id` of every row that matches, in no order. Raises `LeadsTooFar` where there are more than `most`."""
        return [row["_id"] for row in await self.select({"_id": 1}, most=most)]

    async def select(self, project: Filter, unmasked: Elements = (), most: int | None = None) -> list[Filter]:
        """This of every row that matches and in which these elements are not masked, in no order.

        Raises `LeadsTooFar` where there are more than `most`.
        """
        if self.nothing:
            return []
        await self._masks.learn((unmasked,) if unmasked else ())
        driver = await self.driver()
        if most is not None and driver.covered and (await counted(self.state.then, driver, most + 1)).hits == most + 1:
            raise LeadsTooFar(f"a chain leads over more than {most} resources: narrow it")
        shown = (self._masks.unmasked(unmasked) if unmasked else None) or {}
        stages: list[Filter] = [
            {"$match": self._from(driver, shown)},
            *([] if most is None else [{"$limit": most + 1}]),
            {"$project": project},
        ]
        found = await self.state.then.ask(RESOURCE, stages, hint=driver.by)
        if most is not None and len(found) > most:
            raise LeadsTooFar(f"a chain leads over more than {most} resources: narrow it")
        return await self._seen(found)

    async def few(self, project: Filter, limit: int) -> list[Filter] | None:
        """This of every row that matches, in no order; None where so many or more are looked at. They are not counted
        before where each that is looked at matches."""
        if self.nothing:
            return []
        only = self._choices[0]
        if len(self._choices) == 2 and self.rows.open and all(part is only.answered for part in self.criteria):
            stages: list[Filter] = [{"$match": self._from(only)}, {"$limit": limit}, {"$project": project}]
            found = await self.state.then.ask(RESOURCE, stages, hint=only.by)
            return await self._seen(found) if len(found) < limit else None
        driver = await counted(self.state.then, await self.driver(), limit)
        return await self.select(project) if (driver.hits or 0) < limit else None

    async def _seen(self, found: Sequence[Filter]) -> list[Filter]:
        """Those of these documents that may be seen now, and of which the probes hold."""
        passing: set[str] = set()
        for start in range(0, len(found), BATCH):
            passing |= await self.passing([row["_id"] for row in found[start : start + BATCH]])
        return [row for row in found if row["_id"] in passing]

    async def _found(self, order: Order, limit: int) -> list[Cursor]:
        """The first rows on the way that match and passed then."""
        driver = await self.driver(order)
        if order.by_change and driver.ordered:
            return await self._along(driver, Branch(self.matching(driver), ("u",)), order, limit)
        if driver.hits is None or driver.hits >= min(self._many(order, limit), self._counted_to):
            walked = await self._walked(driver, order, limit)
            if walked is not None:
                return walked
        self.steps.append(PlanStep("sort", ", ".join(key.param for key in order.keys)))
        return await self._first(driver, self._branches(driver, order), order, limit)

    def _many(self, order: Order, limit: int) -> int:
        """So many candidates are better not all sorted. Along an index that has the order, one page costs as many looks
        as there are resources for each that matches, times the page."""
        if self._index_of(order) is None:
            return MANY_TO_SORT
        return min(MANY_TO_SORT, max(FEW, isqrt(limit * self.state.size)))

    def _index_of(self, order: Order) -> str | None:
        """The index that has this order, for rows that have the value."""
        if len(order.keys) > 1 or self._guard_of(order.keys[0]) is not None:
            return None
        return SORTED.get(value_field(order.keys[0]))

    async def _first(self, source: Driver, branches: Sequence[Branch], order: Order, limit: int) -> list[Cursor]:
        """The first rows on the way, over all branches."""
        rows = [row for branch in branches for row in await self._sorted(source, branch, order, limit)]
        return order.merged(rows)[:limit]

    async def _along(self, source: Driver, branch: Branch, order: Order, limit: int) -> list[Cursor]:
        """Along an index of orders, without sorting, where no value comes before that. Rows of one order may be cut
        apart at the end, where it comes to that more are asked for."""
        matching = all_of([source.condition, aside(all_of([branch.matching, order.beyond(branch.fields)]))])
        bound = order.along_orders() if order.by_change else ALWAYS
        shown: Filter = {**({"k0": "$u"} if order.by_change else {}), **self.shown}
        asked = limit
        while True:
            asked += 1
            stages: list[Filter] = [
                {"$match": all_of([bound, matching])},
                {"$sort": {"o": order.sign(order.keys[0])}},
                {"$limit": asked},
                {"$project": {"o": 1, **shown}},
            ]
            documents = await self.state.then.ask(RESOURCE, stages, hint=source.by)
            rows = [order.read(row) for row in documents]
            if self.shown:
                self.documents.update((row["_id"], row) for row in documents)
            whole = rows if len(rows) < asked else [row for row in rows if row.order != rows[-1].order]
            if len(whole) >= limit or len(rows) < asked:
                return order.merged(whole)[:limit]
            asked *= 2

    async def _walked(self, driver: Driver, order: Order, limit: int) -> list[Cursor] | None:
        """The first rows on the way, found along an index of what they are sorted by. None where no index is, or
        where it takes so long that the driver's rows are better sorted."""
        key = order.keys[0]
        if key.param == "_id" and self._guard_of(key) is None:
            self.steps.append(PlanStep("walk", "_id"))
            return await self._by_id(order, limit)
        if self._index_of(order) is None and key.type != "date":
            return None
        self.steps.append(PlanStep("walk", key.param))
        lacks = order.cursor is not None and order.cursor.keys[0] is None
        having = self._with_date if self._index_of(order) is None else self._with_value
        parts = [having, self._without_value]
        if order.backwards:
            parts = [self._without_value, having] if lacks else [having]
        elif lacks:
            parts = [self._without_value]
        rows: list[Cursor] = []
        for part in parts:
            found = await part(driver, order, limit - len(rows)) if len(rows) < limit else []
            if found is None:
                return None
            rows += found
        return rows

    async def _by_id(self, order: Order, limit: int) -> list[Cursor]:
        """`_id` in the store is type and id, so a type's lie together in the order of their ids."""
        by_id = Driver("_id_", {"_id": beginning_with(forms.resource_id(self.type, ""))}, 0)
        bound: Filter = {}
        if order.cursor is not None:
            # The cursor may be at a row of another type; one of this type may have the same id.
            place = forms.resource_id(self.type, str(order.cursor.keys[0]))
            bound = {"_id": {"$lte" if order.descending else "$gte": place}}
        stages: list[Filter] = [
            {"$match": all_of([bound, self._from(by_id, order.beyond(("i",)))])},
            {"$sort": {"_id": order.sign(order.keys[0])}},
            {"$limit": limit},
            {"$project": {"o": 1, "k0": "$i"}},
        ]
        return [order.read(row) for row in await self.state.then.ask(RESOURCE, stages, hint=by_id.by)]

    async def _with_value(self, driver: Driver, order: Order, limit: int) -> list[Cursor] | None:
        """Rows that have the value that is sorted by, along the index that has this order."""
        key, field = order.keys[0], value_field(order.keys[0])
        bounds: list[Filter] = [{"t": self.type}, {field: {"$exists": True}}]
        if order.cursor is not None and order.cursor.keys[0] is not None:
            bounds.append({field: {"$lte" if order.falls(key) else "$gte": order.cursor.keys[0]}})
        stop = stop_of(key, order.falls(key), self.criteria) if key.type == "date" else None
        if stop is not None:
            bounds.append({field: {"$gte" if order.falls(key) else "$lte": stop}})
        source = Driver(self._index_of(order) or "", all_of(bounds), driver.rank)
        patience = None if driver.by == "type" else int(PATIENCE_SECONDS * 1_000)
        if patience is not None and patience <= 0:
            return None
        way = order.sign(key)
        stages: list[Filter] = [
            {"$match": self._from(source, order.beyond((field,)))},
            {"$sort": {field: way, "o": way, "_id": way}},
            {"$limit": limit},
            {"$project": {**order.columns((field,)), **self.shown}},
        ]
        try:
            documents = await self.state.then.ask(RESOURCE, stages, hint=source.by, most_ms=patience)
        except TooCostly:
            if patience is None:
                raise
            return None
        if self.shown:
            self.documents.update((row["_id"], row) for row in documents)
        return [order.read(row) for row in documents]

    async def _with_date(self, driver: Driver, order: Order, limit: int) -> list[Cursor] | None:
        """Window after window of time, of rows that have the date that is sorted by."""
        rows: list[Cursor] = []
        walk = Windows(self.state.then, self.type, order, self.criteria, self.state.clock_ms * 1_000)
        begin = monotonic()
        async with aclosing(walk.windows()) as windows:
            async for window in windows:
                if monotonic() - begin > PATIENCE_SECONDS:
                    return None
                source = Driver(*walk.source(window), driver.rank)
                inside: Filter = {value_field(order.keys[0]): {"$exists": True, **window.bounds()}}
                branches = [each.where(inside) for each in self._branches(source, order) if each.fields[0] is not None]
                rows += await self._first(source, branches, order, limit - len(rows))
                if len(rows) >= limit:
                    break
        return rows

    async def _without_value(self, driver: Driver, order: Order, limit: int) -> list[Cursor]:
        """Rows that lack the value that is sorted by, or in which it is masked."""
        missing: Filter = {value_field(order.keys[0]): {"$exists": False}}
        known = self._branches(driver, order)
        branches = [
            each if each.fields[0] is None else Branch(all_of([each.matching, missing]), (None, *each.fields[1:]))
            for each in known
        ]
        return await self._first(driver, branches, order, limit)

    def _branches(self, driver: Driver, order: Order) -> list[Branch]:
        matching = self.matching(driver)
        guards = [(key, self._guard_of(key)) for key in order.keys]
        different: list[Filter] = []
        for _, guard in guards:
            if guard is not None and guard not in different:
                different.append(guard)
        if len(different) > MOST_GUARDED_KEYS:
            raise TooCostly("too many sort keys may be masked")
        branches = []
        for truths in product((True, False), repeat=len(different)):
            parts = [guard if true else negated(guard) for guard, true in zip(different, truths, strict=True)]
            fields = tuple(
                value_field(key) if guard is None or truths[different.index(guard)] else None for key, guard in guards
            )
            branches.append(Branch(all_of([matching, *parts]), fields))
        return [branch for branch in branches if branch.matching != NEVER]

    async def _sorted(self, source: Driver, branch: Branch, order: Order, limit: int) -> list[Cursor]:
        """All candidates, then sorted, with what is shown of them unless that would be sorted along of many; not sorted
        where the source's order is all there is to it."""
        if source.ordered and not any(branch.fields):
            return await self._along(source, branch, order, limit)
        few = source.hits is not None and source.hits < FEW
        shown = self.shown if few or order.as_stored(branch.fields) else {}
        stages: list[Filter] = [
            {"$match": all_of([source.condition, aside(all_of([branch.matching, order.beyond(branch.fields)]))])},
            *order.sorted(branch.fields, limit, shown),
        ]
        documents = await self.state.then.ask(RESOURCE, stages, hint=source.by)
        if shown:
            self.documents.update((row["_id"], row) for row in documents)
        return [order.read(row) for row in documents]


def _is_link(criterion: Asked) -> bool:
    """Whether ids or references are all that a criterion names."""
    if isinstance(criterion, AnyOf):
        return all(map(_is_link, criterion.criteria))
    return isinstance(criterion, IdIs | ReferenceTo | Staged)
