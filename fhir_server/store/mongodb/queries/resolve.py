"""Criteria that one row does not decide: what they lead over is looked up first, and takes their place.

What a chain leads over is in force at the snapshot and passes the filter, then and now; a masked element matches
nothing there. Where the rest of a search leaves few rows, only what these lead to is looked up; and where a chain leads
over too much, the rows that the rest leaves are gone through, a few at a time (`LinkProbe`).
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from fhir_server.outcome import TooCostly
from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Chained,
    Criterion,
    Elements,
    IdIs,
    InGroup,
    InHierarchy,
    Not,
    Query,
    ReferenceTo,
    ReverseChained,
    is_linked,
    names_any,
)
from fhir_server.store.described import described
from fhir_server.store.entries import leads_inside
from fhir_server.store.mongodb import forms
from fhir_server.store.mongodb.collections import RESOURCE
from fhir_server.store.mongodb.forms import beginning, key, key_parts
from fhir_server.store.mongodb.queries.access_match import row_access
from fhir_server.store.mongodb.queries.filters import Filter, after_all
from fhir_server.store.mongodb.queries.resolved import Asked, Staged, is_nothing
from fhir_server.store.mongodb.queries.search import LeadsTooFar, Search
from fhir_server.store.mongodb.queries.state import State
from fhir_server.store.values import PlanStep

MOST = 100_000
"""Up to how many resources a chain, and all chains of a search, may lead over"""

MOST_IN_HIERARCHY = 5_000
FEW_CANDIDATES = 256


@dataclass(slots=True)
class Spent:
    """How many resources the chains of one search have led over."""

    rows: int = 0

    def add(self, rows: int) -> None:
        self.rows += rows
        if self.rows > MOST:
            raise LeadsTooFar(f"chains lead over more than {MOST} resources: narrow them")


class Links:
    """What chains lead back from, with its references: looked up once for all searches that ask for the same.

    They are of one state and under one filter; `criteria` are theirs.
    """

    def __init__(self, access: AccessFilter, criteria: Iterable[Criterion] = ()) -> None:
        self._access = access
        self._params: dict[Hashable, set[str | None]] = {}
        self._found: dict[Hashable, list[Filter]] = {}
        for asked in chain.from_iterable(map(_reverse_chains, criteria)):
            self._params.setdefault(self._place(asked), set()).add(asked.param)

    def _place(self, asked: ReverseChained) -> Hashable:
        """The same for what the same rows answer: where elements are masked, that depends on what is read."""
        masks = row_access(self._access, asked.type).masks
        return asked.type, asked.criteria, asked.elements if masks else ()

    async def rows(self, asked: ReverseChained, select: Callable[[Filter], Awaitable[list[Filter]]]) -> list[Filter]:
        """The rows that a chain leads back from, which `select` gives, with their reference keys `k`: those of the
        parameter, and perhaps of others."""
        place = self._place(asked)
        params = self._params.get(place, set())
        if asked.param not in params:
            return await select({"k": _references(asked.param or "")})
        if place not in self._found:
            self._found[place] = await select({"k": _references("" if len(params) > 1 else asked.param or "")})
        return self._found[place]


def _reverse_chains(criterion: Criterion) -> Iterator[ReverseChained]:
    match criterion:
        case AllOf(criteria) | AnyOf(criteria):
            yield from chain.from_iterable(map(_reverse_chains, criteria))
        case ReverseChained():
            yield criterion


async def search_for(
    state: State, access: AccessFilter, query: Query, spent: Spent | None = None, links: Links | None = None
) -> Search:
    """The search that a query asks for, with what it leads over looked up, now or row by row. Raises `LeadsTooFar` for
    what is itself led over (`spent`). `links`: what is looked up for other searches too."""
    resolver = Resolver(state, access, query.type, Spent() if spent is None else spent, links or Links(access))
    await resolver.look_at(query.criteria)
    criteria: list[Asked] = []
    probes: list[LinkProbe] = []
    for part in query.criteria:
        try:
            criteria.append(await resolver.resolved(part))
        except LeadsTooFar:
            if spent is not None:
                raise
            probes.append(LinkProbe(state, access, query.type, part))
            resolver.spent = Spent()
            resolver.steps.append(PlanStep("probe", described(part)))
    search = Search(state, access, query, criteria)
    search.steps += resolver.steps
    search.probes = probes
    await search.prepare()
    return search


@dataclass(frozen=True, slots=True)
class LinkProbe:
    """A criterion that leads over too many resources to look all of them up: asked of few rows, it leads over few."""

    state: State
    access: AccessFilter
    type: str
    criterion: Criterion

    async def passing(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of these resources (by `_id`) that match; fewer at a time where they lead too far. Raises `LeadsTooFar`
        where a single one does."""
        try:
            return await self._passing(ids)
        except LeadsTooFar:
            if len(ids) < 2:
                raise
        middle = len(ids) // 2
        return await self.passing(ids[:middle]) | await self.passing(ids[middle:])

    async def _passing(self, ids: Sequence[str]) -> frozenset[str]:
        stages: list[Filter] = [
            {"$match": {"_id": {"$in": list(ids)}}},
            {"$project": {"i": 1, "k": _references("")}},
        ]
        candidates = await self.state.then.ask(RESOURCE, stages, hint="_id_")
        resolver = Resolver(self.state, self.access, self.type, Spent(), Links(self.access), candidates=candidates)
        here = IdIs(tuple(row["i"] for row in candidates))
        query = Query(self.type, (here,))
        search = Search(self.state, self.access, query, (here, await resolver.resolved(self.criterion)))
        await search.prepare()
        return frozenset(await search.ids())


@dataclass(slots=True)
class Resolver:
    """Resolves the criteria of one search for rows of `type`. `candidates`: the ids of all rows that the rest of the
    search leaves, where they are few, and their reference keys where a chain follows these."""

    state: State
    access: AccessFilter
    type: str
    spent: Spent
    links: Links
    steps: list[PlanStep] = field(default_factory=list)
    candidates: list[Filter] | None = None

    async def look_at(self, criteria: Sequence[Criterion]) -> None:
        """Find the few candidates that what is not linked leaves, if they are few."""
        plain = tuple(part for part in criteria if not is_linked(part))
        if len(plain) == len(criteria) or not plain:
            return
        search = Search(self.state, self.access, Query(self.type, plain), plain)
        await search.prepare()
        forwards = any(names_any(part, Chained) for part in criteria)
        self.candidates = await search.few({"i": 1, **({"k": _references("")} if forwards else {})}, FEW_CANDIDATES)

    async def resolved(self, criterion: Criterion) -> Asked:
        """The same criterion, with what is in it resolved."""
        match criterion:
            case AllOf(criteria):
                return AllOf(tuple([await self.resolved(part) for part in criteria]))  # type: ignore[misc]
            case AnyOf(criteria):
                found = [await self.resolved(part) for part in criteria]
                left = [part for part in found if not is_nothing(part)]
                return left[0] if len(left) == 1 else _one_of_these(left) or AnyOf(tuple(left))  # type: ignore[arg-type]
            case Not(inner):
                return Not(await self.resolved(inner))  # type: ignore[arg-type]
            case Chained():
                return await self._chained(criterion)
            case ReverseChained():
                return await self._reverse_chained(criterion)
            case InHierarchy():
                return await self._in_hierarchy(criterion)
            case InGroup(name) if leads_inside(name):
                return await self._inside(criterion)
            case _:
                return criterion

    async def _inside(self, asked: InGroup) -> Asked:
        """Nothing, where nothing in the store refers to such a contained resource by this parameter."""
        here = {"e.k": key(forms.INSIDE, asked.group), "t": self.type}
        if await self.state.then.ask(RESOURCE, [{"$match": here}, {"$limit": 1}, {"$project": {"_id": 1}}], hint="key"):
            return asked
        return Staged(asked.group, ids=(), elements=asked.elements)

    async def _inner(self, type: str, criteria: tuple[Criterion, ...]) -> Search:
        return await search_for(self.state, self.access, Query(type, criteria), self.spent)

    async def _chained(self, asked: Chained) -> Asked:
        only = self._led_to(asked.param, asked.type)
        inner = await self._inner(asked.type, (*asked.criteria, *only))
        found = [row["i"] for row in await inner.select({"i": 1}, most=MOST)]
        return self._referring(f"{asked.param}:{asked.type}", asked.param, asked.type, found, asked.elements)

    def _led_to(self, param: str, type: str) -> tuple[Criterion, ...]:
        """What the few candidates refer to, as one more criterion of what a chain leads over."""
        if self.candidates is None:
            return ()
        keys = chain.from_iterable(row["k"] for row in self.candidates)
        return (IdIs(tuple(_ids(keys, param, type))),)

    def _referring(self, what: str, param: str, type: str, ids: Sequence[str], elements: Elements) -> Staged:
        """Rows that refer to one of these."""
        self.spent.add(len(ids))
        self.steps.append(PlanStep("resolve", what, actual=len(ids)))
        return Staged(what, None, tuple(key(forms.REFERENCE, param, type, id) for id in ids), elements)

    async def _reverse_chained(self, asked: ReverseChained) -> Asked:
        narrowed = replace(asked, criteria=(*asked.criteria, *self._led_from(asked)))

        async def select(projected: Filter) -> list[Filter]:
            inner = await self._inner(narrowed.type, narrowed.criteria)
            return await inner.select(projected, narrowed.elements, most=MOST)

        rows = await self.links.rows(narrowed, select)
        self.spent.add(len(rows))
        keys = chain.from_iterable(row["k"] for row in rows)
        ids = tuple(_ids(keys, asked.param, self.type))
        self.spent.add(len(ids))
        what = f"_has:{asked.type}:{asked.param or '*'}"
        self.steps.append(PlanStep("resolve", what, actual=len(ids)))
        return Staged(what, ids)

    def _led_from(self, asked: ReverseChained) -> tuple[Criterion, ...]:
        """What refers to the few candidates, as one more criterion."""
        if self.candidates is None or asked.param is None:
            return ()
        return (AnyOf(tuple(ReferenceTo(asked.param, self.type, row["i"]) for row in self.candidates)),)

    async def _in_hierarchy(self, asked: InHierarchy) -> Asked:
        """All of the hierarchy that the resource lies in, level by level."""
        known: dict[str, None] = {asked.id: None}
        level: tuple[str, ...] = (asked.id,)
        while level:
            level = tuple(id for id in await self._next_level(asked, level) if id not in known)
            known.update(dict.fromkeys(level))
            if len(known) > MOST_IN_HIERARCHY:
                raise TooCostly(f"more than {MOST_IN_HIERARCHY} resources lie in this hierarchy: ask for a part of it")
        what = f"{asked.param}:{'above' if asked.above else 'below'}"
        return self._referring(what, asked.param, asked.type, list(known), asked.elements)

    async def _next_level(self, asked: InHierarchy, level: tuple[str, ...]) -> list[str]:
        if asked.above:
            inner = await self._inner(asked.type, (IdIs(level),))
            rows = await inner.select({"k": _references(asked.via)}, asked.via_elements, most=MOST)
            return _ids(chain.from_iterable(row["k"] for row in rows), asked.via, asked.type)
        links = tuple(ReferenceTo(asked.via, asked.type, id, asked.via_elements) for id in level)
        inner = await self._inner(asked.type, (AnyOf(links),))
        rows = await inner.select({"i": 1}, most=MOST_IN_HIERARCHY)
        return list(dict.fromkeys(row["i"] for row in rows))


def _one_of_these(found: Sequence[Asked]) -> Staged | None:
    """Alternatives that all came to ids as one, by which rows are found; None where some did not."""
    staged = [part for part in found if isinstance(part, Staged) and part.ids is not None and not part.elements]
    if not staged or len(staged) < len(found):
        return None
    ids = dict.fromkeys(id for part in staged for id in part.ids or ())
    return Staged(", ".join(dict.fromkeys(part.what for part in staged)), tuple(ids))


def _references(param: str) -> Filter:
    """The projection of the reference keys of a parameter ("": of all)."""
    first = beginning(forms.REFERENCE, param) if param else forms.REFERENCE
    bounds = [{"$gte": ["$$each", first]}, {"$lt": ["$$each", after_all(first)]}]
    keys = {"$ifNull": ["$e.k", []]}
    return {"$filter": {"input": keys, "as": "each", "cond": {"$and": bounds}}}


def _ids(keys: Iterable[str], param: str | None, type: str) -> list[str]:
    """The ids of the resources of this type in reference keys of this parameter (None: of any)."""
    found: dict[str, None] = {}
    first = forms.REFERENCE if param is None else beginning(forms.REFERENCE, param, type)
    for each in keys:
        if each.startswith(first):
            _, target, id = key_parts(each)[1]
            if target == type:
                found[id] = None
    return list(found)
