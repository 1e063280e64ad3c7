"""The oracle: what a store must answer, by brute force over everything that was ever written.

Deliberately simple and slow, and sharing no code with any store. A criterion is judged to True, False, or None where
it reads an element that is masked in the row; None counts as no match, also below `Not`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import asin, cos, dist, radians, sin
from typing import Any

from fhir_server.store.access import AccessFilter, Rule
from fhir_server.store.criteria import (
    EARTH_METRES,
    AllOf,
    AnyOf,
    Chained,
    Criterion,
    DateIs,
    ExactIs,
    HasWord,
    HistoryQuery,
    IdentifierIs,
    IdIs,
    InCompartment,
    InGroup,
    InHierarchy,
    IsNear,
    IsPresent,
    LastUpdatedIs,
    Not,
    NumberIs,
    QuantityIs,
    Query,
    ReferenceTo,
    ReverseChained,
    SortKey,
    StringIs,
    SystemQuery,
    TermIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.entries import CANONICAL, Entries
from fhir_server.store.values import Commit, Committed, Method

Truth = bool | None


@dataclass(slots=True)
class Row:
    """One version. `state` counts commits; `until` is the state that superseded it, `replaced_ms` its time."""

    state: int
    type: str
    id: str
    version: int
    time_ms: int
    method: Method
    body: bytes | None
    entries: Entries
    until: int | None = None
    replaced_ms: int | None = None

    @property
    def deleted(self) -> bool:
        return self.body is None

    @property
    def patients(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(id for name, id in self.entries.compartments if name == "Patient"))


class Model:
    """Everything ever written, and the answers to questions about it at any state."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.state = 0

    def apply(self, commit: Commit, committed: Committed) -> None:
        """Note what a store says that a commit did; the times are the store's, everything else is checked."""
        self.state += 1
        for write, written in zip(commit.writes, committed.written, strict=True):
            current = self.current(write.type, write.id)
            if written.outcome in ("unchanged", "absent"):
                continue
            version = 1 if current is None else current.version + 1
            assert written.version == version
            entries = write.entries
            if current is not None:
                assert written.last_updated_ms > current.time_ms
                current.until, current.replaced_ms = self.state, written.last_updated_ms
            if write.method == "delete":
                assert current is not None
                entries = current.entries
            content = None if write.body is None else write.body.at(version, written.last_updated_ms)
            row = Row(
                self.state, write.type, write.id, version, written.last_updated_ms, write.method, content, entries
            )
            self.rows.append(row)
            assert written.patients == row.patients

    def current(self, type: str, id: str, state: int | None = None) -> Row | None:
        """The version in force at a state (None: now), which may be a deletion."""
        at = self.state if state is None else state
        known = [row for row in self.rows if (row.type, row.id) == (type, id) and row.state <= at]
        return known[-1] if known else None

    def at_version(self, type: str, id: str, version: int) -> Row | None:
        return next((row for row in self.rows if (row.type, row.id, row.version) == (type, id, version)), None)

    def visible(self, row: Row | None, access: AccessFilter) -> bool:
        """Whether the row passes the filter, and the current version of its resource too."""
        if row is None:
            return False
        now = self.current(row.type, row.id)
        return now is not None and passes(row, access) and passes(now, access)

    def masked(self, row: Row, access: AccessFilter) -> frozenset[str]:
        now = self.current(row.type, row.id)
        assert now is not None
        return _masks(row, access) | _masks(now, access)

    def search(self, query: Query, access: AccessFilter, state: int) -> list[Row]:
        """All rows that match, in order; among equals newest change first, or last where the first key ascends."""
        found = [
            row
            for row in self.rows
            if row.type == query.type and row.state <= state and self.current(row.type, row.id, state) is row
        ]
        found = [row for row in found if not row.deleted and self.visible(row, access)]
        world = World(self, access, state)
        found = [row for row in found if self._matches(query.criteria, row, world)]
        return self._in_order(found, query.sort, access)

    def search_all(self, query: SystemQuery, access: AccessFilter, state: int) -> list[Row]:
        """All rows of all types that match, in one order."""
        parts = [self.search(Query(part.type, part.criteria), access, state) for part in query.parts]
        found = {id(row) for part in parts for row in part}
        return self._in_order([row for row in self.rows if id(row) in found], query.sort, access)

    def _in_order(self, found: list[Row], sort: Sequence[SortKey], access: AccessFilter) -> list[Row]:
        keys = sort or (SortKey("_lastUpdated", descending=True),)
        if keys[0].descending:
            found.reverse()
        for key in reversed(keys):
            found = _sorted(found, key, lambda row, key=key: self._key(key, row, access))  # type: ignore[misc]
        return found

    def keys(self, query: Query, row: Row, access: AccessFilter) -> tuple[object, ...]:
        return tuple(self._key(key, row, access) for key in query.sort)

    def history(self, query: HistoryQuery, access: AccessFilter, state: int) -> list[Row]:
        """All versions that the query gives, newest first."""
        return [
            row for row in reversed(self.rows) if row.state <= state and self._in_history(query, row, access, state)
        ]

    def _in_history(self, query: HistoryQuery, row: Row, access: AccessFilter, state: int) -> bool:
        if query.type not in (None, row.type) or query.id not in (None, row.id):
            return False
        if query.since_ms is not None and row.time_ms < query.since_ms:
            return False
        if query.at is not None:
            replaced = row.replaced_ms if row.until is not None and row.until <= state else None
            if row.time_ms >= query.at[1] or (replaced is not None and replaced <= query.at[0]):
                return False
        return self.visible(row, access)

    def withheld(self, patient: str, access: AccessFilter) -> bool:
        """Whether a current resource of the patient is hidden or has a masked element (the samples have them all)."""
        rows = [row for row in self.rows if row.until is None and not row.deleted]
        mine = [row for row in rows if ("Patient", patient) in row.entries.compartments]
        return any(not passes(row, access) or self._hides(row, access) for row in mine)

    def _hides(self, row: Row, access: AccessFilter) -> bool:
        return any(path.startswith(row.type + ".") for path in self.masked(row, access))

    def _matches(self, criteria: Sequence[Criterion], row: Row, world: "World") -> bool:
        masked = self.masked(row, world.access)
        return all(judge(criterion, row, masked, world) is True for criterion in criteria)

    def _key(self, key: SortKey, row: Row, access: AccessFilter) -> object:
        if _reads(key.elements, self.masked(row, access)):
            return None
        if key.param == "_id":
            return row.id
        if key.param == "_lastUpdated":
            return row.time_ms
        values = _sort_values(key, row.entries)
        return max(values, default=None) if key.descending else min(values, default=None)


def _sort_values(key: SortKey, entries: Entries) -> list[Any]:
    """What a row may be sorted by: of a range its end where the key descends, else its beginning."""
    end = -1 if key.descending else -2
    values: dict[str, Iterable[tuple[Any, ...]]] = {
        "date": [(known[0], known[end]) for known in entries.dates],
        "number": [(known[0], known[end]) for known in entries.numbers],
        "string": entries.strings,
        "uri": entries.uris,
        "token": [(param, code) for param, _, code in (*entries.tokens, *entries.identifiers)],
        "reference": [(param, f"{type}/{id}" if type else id) for param, type, id in entries.references],
    }
    if key.type == "quantity":
        mine = [known for known in entries.quantities if known[0] == key.param]
        canonical = [known for known in mine if known[1] == CANONICAL]
        return [(known[2], known[end]) for known in canonical or mine]
    return [value for param, value in values[key.type] if param == key.param]


@dataclass(slots=True)
class World:
    """What a row may lead to: everything that is in force at a state and visible."""

    model: Model
    access: AccessFilter
    state: int
    known: dict[object, list[Row]] = field(default_factory=dict)

    def rows(self, type: str, criteria: tuple[Criterion, ...] = ()) -> list[Row]:
        key = (type, criteria)
        if key not in self.known:
            self.known[key] = self.model.search(Query(type, criteria), self.access, self.state)
        return self.known[key]

    def leads(self, asked: Chained | ReverseChained | InHierarchy, row: Row) -> bool:
        if isinstance(asked, Chained):
            targets = [(asked.param, target.type, target.id) for target in self.rows(asked.type, asked.criteria)]
            return any(target in row.entries.references for target in targets)
        if isinstance(asked, InHierarchy):
            return any((asked.param, asked.type, id) in row.entries.references for id in self._hierarchy(asked))
        sources = [source for source in self.rows(asked.type, asked.criteria) if self._shows(source, asked.elements)]
        links = [link for source in sources for link in source.entries.references]
        return any(asked.param in (None, param) and (type, id) == (row.type, row.id) for param, type, id in links)

    def _shows(self, row: Row, elements: Iterable[str]) -> bool:
        return not _reads(elements, self.model.masked(row, self.access))

    def _hierarchy(self, asked: InHierarchy) -> set[str]:
        rows = [row for row in self.rows(asked.type) if self._shows(row, asked.via_elements)]
        links = {
            (row.id, id)
            for row in rows
            for param, type, id in row.entries.references
            if (param, type) == (asked.via, asked.type)
        }
        reached = {asked.id}
        while True:
            more = {up if asked.above else down for down, up in links if (down if asked.above else up) in reached}
            if more <= reached:
                return reached
            reached |= more


def _sorted(rows: list[Row], key: SortKey, value: Callable[[Row], object]) -> list[Row]:
    have = [row for row in rows if value(row) is not None]
    lack = [row for row in rows if value(row) is None]
    # sorting in reverse keeps equals in their order, as sorting forwards does
    return sorted(have, key=value, reverse=key.descending) + lack  # type: ignore[arg-type]


def passes(row: Row, access: AccessFilter) -> bool:
    """Whether the filter lets this row through, whatever became of it."""
    return any(_speaks_of(rule, row) for rule in access.allow) and not any(
        _speaks_of(rule, row) for rule in access.deny
    )


def _masks(row: Row, access: AccessFilter) -> frozenset[str]:
    sets = [rule.masked for rule in access.allow if _speaks_of(rule, row)]
    return frozenset.intersection(*sets) if sets else frozenset()


def _speaks_of(rule: Rule, row: Row) -> bool:
    nothing: frozenset[str] = frozenset()
    return (rule.types is None or row.type in rule.types) and all(judge(c, row, nothing) for c in rule.criteria)


def _reads(elements: Iterable[str], masked: frozenset[str]) -> bool:
    return any(element == path or element.startswith(path + ".") for element in elements for path in masked)


def judge(criterion: Criterion, row: Row, masked: frozenset[str], world: World | None = None) -> Truth:
    """Whether the row matches: True, False, or None where that would show what is masked."""
    if isinstance(criterion, AllOf):
        return _all([judge(part, row, masked, world) for part in criterion.criteria])
    if isinstance(criterion, AnyOf):
        inverse = _all([_not(judge(part, row, masked, world)) for part in criterion.criteria])
        return _not(inverse)
    if isinstance(criterion, Not):
        return _not(judge(criterion.criterion, row, masked, world))
    if isinstance(criterion, ReverseChained):
        return _world(world).leads(criterion, row)
    if _reads(criterion.elements, masked):
        return None
    if isinstance(criterion, Chained | InHierarchy):
        return _world(world).leads(criterion, row)
    if isinstance(criterion, InGroup):
        return _in_group(criterion, row, masked)
    return _leaf(criterion, row)


def _world(world: World | None) -> World:
    assert world is not None
    return world


def _in_group(asked: InGroup, row: Row, masked: frozenset[str]) -> Truth:
    if any(_reads(part.elements, masked) for part in _leaves(asked.criteria)):
        return None
    groups = [replace(row, entries=inner) for name, inner in row.entries.groups if name == asked.group]
    nothing: frozenset[str] = frozenset()
    return any(all(judge(part, group, nothing) for part in asked.criteria) for group in groups)


def _leaves(criteria: Iterable[Criterion]) -> Iterator[Any]:
    for part in criteria:
        if isinstance(part, AllOf | AnyOf):
            yield from _leaves(part.criteria)
        elif isinstance(part, Not):
            yield from _leaves((part.criterion,))
        else:
            yield part
            if isinstance(part, InGroup):
                yield from _leaves(part.criteria)


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _all(truths: list[Truth]) -> Truth:
    if False in truths:
        return False
    return None if None in truths else True


def _leaf(criterion: Criterion, row: Row) -> bool:
    if isinstance(criterion, IdIs):
        return row.id in criterion.ids
    if isinstance(criterion, LastUpdatedIs):
        return _range(criterion, row.time_ms * 1000, row.time_ms * 1000 + 1000)
    return any(_entry(criterion, *known) for known in _known(criterion, row.entries))


def _known(criterion: Criterion, entries: Entries) -> Iterable[Sequence[Any]]:
    """The entries that a criterion asks for."""
    if isinstance(criterion, TokenIs) and criterion.system is None and criterion.code is None:
        return _known(IsPresent(criterion.param), entries)
    coded = {(known[0],) for known in (*entries.tokens, *entries.identifiers)}
    kinds: dict[type, Iterable[Sequence[Any]]] = {
        TokenIs: entries.tokens,
        IdentifierIs: entries.identifiers,
        ReferenceTo: entries.references,
        InCompartment: entries.compartments,
        UriIs: entries.uris,
        StringIs: entries.strings,
        TermIs: entries.terms,
        ExactIs: entries.exacts,
        HasWord: entries.words,
        IsPresent: coded | {(param,) for param in entries.present},
        DateIs: entries.dates,
        NumberIs: entries.numbers,
        QuantityIs: entries.quantities,
        IsNear: entries.positions,
    }
    name = criterion.name if isinstance(criterion, InCompartment) else criterion.param  # type: ignore[union-attr]
    return [known for known in kinds[type(criterion)] if known[0] == name]


def _entry(criterion: Criterion, name: str, *parts: Any) -> bool:
    """Whether an entry of the right kind and parameter matches."""
    match criterion:
        case IsPresent() | TokenIs(_, None, None):
            return True
        case TokenIs(_, system, code) | IdentifierIs(_, system, code):
            return system in (None, parts[0]) and code in (None, parts[1])
        case ReferenceTo(_, type, id):
            return (type, id) == parts
        case InCompartment(_, text) | UriIs(_, text) | ExactIs(_, text) | HasWord(_, text):
            return (text,) == parts
        case StringIs(_, text, how) | TermIs(_, text, how):
            return _text(parts[0], text, how)
        case _:
            return _compares(criterion, *parts)


def _compares(criterion: Criterion, *parts: Any) -> bool:
    match criterion:
        case DateIs():
            return _range(criterion, *parts)
        case NumberIs():
            return _number(criterion, *parts)
        case QuantityIs():
            return _quantity(criterion, *parts)
        case IsNear():
            return _near(criterion, *parts)
    raise AssertionError(criterion)


def _text(known: str, asked: str, how: str) -> bool:
    tests = {"starts": known.startswith(asked), "equals": known == asked, "contains": asked in known}
    return tests[how]


def _number(asked: NumberIs | QuantityIs, low: str, high: str) -> bool:
    """https://hl7.org/fhir/R4/search.html#number, on closed ranges."""
    answers = {
        "eq": asked.low <= low and high < asked.high,
        "ne": not (asked.low <= low and high < asked.high),
        "gt": high > asked.low,
        "lt": low < asked.low,
        "ge": high >= asked.low,
        "le": low <= asked.low,
        "sa": low > asked.low,
        "eb": high < asked.low,
        "ap": low < asked.high and asked.low <= high,
    }
    return answers[asked.prefix]


def _quantity(asked: QuantityIs, system: str, unit: str, low: str, high: str) -> bool:
    right_system = system != CANONICAL if asked.system is None else system == asked.system
    right_unit = asked.unit is None or asked.unit == unit
    return right_system and right_unit and _number(asked, low, high)


def _near(asked: IsNear, latitude: float, longitude: float) -> bool:
    """By the straight line through the Earth, whose arc is the distance."""
    chord = dist(_on_sphere(latitude, longitude), _on_sphere(asked.latitude, asked.longitude))
    return 2 * asin(min(1.0, chord / 2)) * EARTH_METRES <= asked.metres


def _on_sphere(latitude: float, longitude: float) -> tuple[float, float, float]:
    north, east = radians(latitude), radians(longitude)
    return cos(north) * cos(east), cos(north) * sin(east), sin(north)


def _range(asked: DateIs | LastUpdatedIs, low: int, high: int) -> bool:
    """https://hl7.org/fhir/R4/search.html#prefix, on half-open ranges."""
    within = asked.low <= low and high <= asked.high
    above, below = high > asked.high, low < asked.low
    answers = {
        "eq": within,
        "ne": not within,
        "gt": above,
        "lt": below,
        "ge": above or within,
        "le": below or within,
        "sa": low >= asked.high,
        "eb": high <= asked.low,
        "ap": low < asked.high and high > asked.low,
    }
    return answers[asked.prefix]
