"""The oracle: what a store must answer, by brute force over everything that was ever written.

Deliberately simple and slow, and sharing no code with any store. A criterion is judged to True, False, or None where
it reads an element that is masked in the row; None counts as no match, also below `Not`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fhir_server.store.access import AccessFilter, Rule
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    DateIs,
    HistoryQuery,
    IdentifierIs,
    IdIs,
    InCompartment,
    LastUpdatedIs,
    Not,
    Query,
    ReferenceTo,
    SortKey,
    StringIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.entries import Entries
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
        found = [row for row in found if self._matches(query.criteria, row, access)]
        keys = query.sort or (SortKey("_lastUpdated", descending=True),)
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

    def _matches(self, criteria: Sequence[Criterion], row: Row, access: AccessFilter) -> bool:
        masked = self.masked(row, access)
        return all(judge(criterion, row, masked) is True for criterion in criteria)

    def _key(self, key: SortKey, row: Row, access: AccessFilter) -> object:
        if _reads(key.elements, self.masked(row, access)):
            return None
        if key.param == "_id":
            return row.id
        if key.param == "_lastUpdated":
            return row.time_ms
        dates = [date for date in row.entries.dates if date[0] == key.param]
        if key.descending:
            return max((high for _, _, high in dates), default=None)
        return min((low for _, low, _ in dates), default=None)


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


def judge(criterion: Criterion, row: Row, masked: frozenset[str]) -> Truth:
    """Whether the row matches: True, False, or None where that would show what is masked."""
    if isinstance(criterion, AllOf):
        return _all([judge(part, row, masked) for part in criterion.criteria])
    if isinstance(criterion, AnyOf):
        inverse = _all([_not(judge(part, row, masked)) for part in criterion.criteria])
        return _not(inverse)
    if isinstance(criterion, Not):
        return _not(judge(criterion.criterion, row, masked))
    return None if _reads(criterion.elements, masked) else _leaf(criterion, row)


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _all(truths: list[Truth]) -> Truth:
    if False in truths:
        return False
    return None if None in truths else True


def _leaf(criterion: Criterion, row: Row) -> bool:
    entries = row.entries
    match criterion:
        case TokenIs(param, system, code) | IdentifierIs(param, system, code):
            known = entries.tokens if isinstance(criterion, TokenIs) else entries.identifiers
            return any(p == param and system in (None, s) and code in (None, c) for p, s, c in known)
        case ReferenceTo(param, target, id):
            return (param, target, id) in entries.references
        case InCompartment(name, id):
            return (name, id) in entries.compartments
        case UriIs(param, uri):
            return (param, uri) in entries.uris
        case IdIs(ids):
            return row.id in ids
        case StringIs(param, text, how):
            return any(_text(known, text, how) for p, known in entries.strings if p == param)
        case DateIs(param):
            return any(_range(criterion, low, high) for p, low, high in entries.dates if p == param)
        case LastUpdatedIs():
            return _range(criterion, row.time_ms * 1000, row.time_ms * 1000 + 1000)
    raise AssertionError(criterion)


def _text(known: str, asked: str, how: str) -> bool:
    tests = {"starts": known.startswith(asked), "equals": known == asked, "contains": asked in known}
    return tests[how]


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
