"""Criteria as MongoDB filters on a document, or on a group in it.

Judged on a row a criterion is true, false, or neither: where it reads an element that is masked there. So each is
compiled in two ways, as what it surely matches and as what it surely does not; `Not` changes from one to the other.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from fhir_server.outcome import TooCostly
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    Elements,
    IdIs,
    InCompartment,
    InGroup,
    LastUpdatedIs,
    Not,
)
from fhir_server.store.mongodb.queries.filters import Filter, all_of, any_of, negated, one_of
from fhir_server.store.mongodb.queries.leaves import Document, leaf
from fhir_server.store.mongodb.queries.ranges import last_updated
from fhir_server.store.mongodb.queries.resolved import Asked, Staged

MOST_ABOUT_ROWS = 6

Guard = Callable[[Elements], Filter | None]
"""The filter of rows in which these elements are not masked; None: they never are."""


def unguarded(elements: Elements) -> Filter | None:
    """The guard of a filter without masks, and of access rules, which read everything."""
    return None


@dataclass(frozen=True, slots=True)
class Rows:
    """What is judged: rows of this type (None: of any), under this guard."""

    type: str | None
    guard: Guard = unguarded


def surely(criterion: Asked, rows: Rows) -> Filter:
    """The rows that match. Raises `CannotJudge` for a criterion that `resolve.py` should have looked up first."""
    return _condition(criterion, rows, True)


def surely_not(criterion: Asked, rows: Rows) -> Filter:
    """The rows of which it is known that they do not match."""
    return _condition(criterion, rows, False)


def _condition(criterion: Asked, rows: Rows, wanted: bool) -> Filter:
    match criterion:
        case AllOf(criteria) | AnyOf(criteria):
            parts = [_condition(part, rows, wanted) for part in criteria]
            return all_of(parts) if isinstance(criterion, AllOf) == wanted else any_of(parts)
        case Not(inner):
            return _condition(inner, rows, not wanted)
        case InCompartment(_, _, elements, by) if by and rows.guard(elements) is not None:
            plain = _guarded(leaf(criterion, Document(rows.type)), elements, rows.guard, wanted)
            ways = _condition(AnyOf(by), rows, wanted)
            return any_of([plain, ways]) if wanted else all_of([plain, ways])
        case InGroup():
            return _guarded(_in_group(criterion, rows), all_elements(criterion), rows.guard, wanted)
        case IdIs() | LastUpdatedIs() | Staged():
            return _guarded(_about_row(criterion), criterion.elements, rows.guard, wanted)
        case _:
            return _guarded(leaf(criterion, Document(rows.type)), criterion.elements, rows.guard, wanted)


def _guarded(plain: Filter, elements: Elements, guard: Guard, wanted: bool) -> Filter:
    asked = plain if wanted else negated(plain)
    unmasked = guard(elements) if elements else None
    return asked if unmasked is None else all_of([unmasked, asked])


def _about_row(criterion: IdIs | LastUpdatedIs | Staged) -> Filter:
    """What stands beside the entries."""
    match criterion:
        case IdIs(ids):
            return one_of("i", ids)
        case LastUpdatedIs(prefix, low, high):
            return last_updated(prefix, low, high)
        case Staged(ids=None):
            return one_of("e.k", criterion.keys)
        case Staged(ids=ids):
            return one_of("i", ids or ())


def all_elements(criterion: Criterion) -> Elements:
    """The elements that a criterion and those in it read: a group is not known where one of them is masked."""
    match criterion:
        case AllOf(criteria) | AnyOf(criteria):
            own: Elements = ()
        case Not(inner):
            own, criteria = (), (inner,)
        case InGroup(_, criteria, elements):
            own = elements
        case _:
            return criterion.elements
    return own + tuple(element for part in criteria for element in all_elements(part))


def _in_group(asked: InGroup, rows: Rows) -> Filter:
    """A group matches; what is asked there about the whole row stands outside the group, once as if it were so and
    once as if not."""
    about = tuple(dict.fromkeys(_about_rows(asked.criteria)))
    if len(about) > MOST_ABOUT_ROWS:
        raise TooCostly("too many conditions on a whole resource stand among those on a part of it")
    return any_of([_supposing(asked, rows, dict(zip(about, so, strict=True))) for so in _truths(len(about))])


def _truths(count: int) -> Iterable[tuple[bool, ...]]:
    return product((True, False), repeat=count)


def _supposing(asked: InGroup, rows: Rows, so: dict[Criterion, bool]) -> Filter:
    plain = Rows(rows.type)
    outside = [(surely if true else surely_not)(part, plain) for part, true in so.items()]
    known: dict[Criterion, Criterion] = {part: AllOf(()) if true else AnyOf(()) for part, true in so.items()}
    return all_of([*outside, _some_group(_replaced(asked, known), Document(rows.type))])


def _about_rows(criteria: Iterable[Criterion]) -> Iterator[Criterion]:
    for part in criteria:
        match part:
            case AllOf(inner) | AnyOf(inner) | InGroup(_, inner):
                yield from _about_rows(inner)
            case Not(negative):
                yield from _about_rows((negative,))
            case IdIs() | LastUpdatedIs():
                yield part


def _replaced(criterion: Criterion, known: dict[Criterion, Criterion]) -> Criterion:
    match criterion:
        case AllOf(criteria) | AnyOf(criteria) | InGroup(_, criteria):
            return replace(criterion, criteria=tuple(_replaced(part, known) for part in criteria))
        case Not(inner):
            return Not(_replaced(inner, known))
        case _:
            return known.get(criterion, criterion)


def _within(criterion: Criterion, group: Document) -> Filter:
    match criterion:
        case AllOf(criteria):
            return all_of([_within(part, group) for part in criteria])
        case AnyOf(criteria):
            return any_of([_within(part, group) for part in criteria])
        case Not(inner):
            return negated(_within(inner, group))
        case InGroup():
            return _some_group(criterion, group)
        case _:
            return leaf(criterion, group)


def _some_group(asked: Criterion, document: Document) -> Filter:
    assert isinstance(asked, InGroup)
    matching = all_of([_within(part, Document(document.type, "")) for part in asked.criteria])
    return {f"{document.at}g": {"$elemMatch": all_of([{"in": asked.group}, matching])}}
