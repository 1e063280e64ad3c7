"""The keys by which rival conditional writes notice one another.

A conditional write depends on the keys of its criteria; a commit carries the keys of the identifiers in its bodies, and
those of its own criteria. If a commit carried what another one depends on, that one looks again.
"""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Chained,
    Criterion,
    DateIs,
    IdentifierIs,
    IdIs,
    InGroup,
    LastUpdatedIs,
    Not,
    ReverseChained,
)
from fhir_server.store.entries import Entries


def carried_keys(resource_type: str, entries: Entries) -> frozenset[str]:
    """The keys of the identifiers in a body.

    A key has the value without the system: criteria with a system, without one and with none (`|value`) then all meet
    the body. Equal values of two systems meet too, which costs a second look and nothing else.
    """
    return frozenset(
        _identifier_key(resource_type, param, value)
        for param, _, value in entries.identifiers
        if value and ":" not in param
    )


def dependent_keys(resource_type: str, criteria: Iterable[Criterion]) -> frozenset[str]:
    """The keys on which a decision by these criteria rests.

    Where an identifier is among what must hold, whatever changes the answer carries its key. Where none is, the key is
    made of all criteria, chains included: only writes with the same criteria notice each other.
    """
    criteria = tuple(criteria)
    for criterion in _flattened(criteria):
        keys = _identifier_keys(resource_type, criterion)
        if keys:
            return keys
    return frozenset({_criteria_key(resource_type, criteria)})


def _flattened(criteria: Iterable[Criterion]) -> Iterable[Criterion]:
    for criterion in criteria:
        if isinstance(criterion, AllOf):
            yield from _flattened(criterion.criteria)
        else:
            yield criterion


def _identifier_keys(resource_type: str, criterion: Criterion) -> frozenset[str]:
    """The keys of an identifier, or of several alternatives that are all identifiers; empty for anything else, also for
    the identifier of what a reference points at, which no body of this type carries."""
    alternatives = criterion.criteria if isinstance(criterion, AnyOf) else (criterion,)
    keys = set()
    for each in alternatives:
        if not isinstance(each, IdentifierIs) or not each.value or ":" in each.param:
            return frozenset()
        keys.add(_identifier_key(resource_type, each.param, each.value))
    return frozenset(keys)


def _identifier_key(resource_type: str, param: str, value: str) -> str:
    return f"{resource_type}?{param}={value}"


def _criteria_key(resource_type: str, criteria: tuple[Criterion, ...]) -> str:
    texts = sorted({repr(each) for criterion in criteria for each in _flattened((_normalised(criterion),))})
    return f"{resource_type}?#{sha256(chr(10).join(texts).encode()).hexdigest()}"


def _normalised(criterion: Criterion) -> Criterion:
    """The criterion with what is unordered in order, each part once, and without the range of `ap`, which moves with
    the time."""
    match criterion:
        case AllOf(parts):
            return _single(AllOf(_in_order(_flattened(map(_normalised, parts)))))
        case AnyOf(parts):
            return _single(AnyOf(_in_order(_alternatives(map(_normalised, parts)))))
        case Chained() | ReverseChained() | InGroup():
            return replace(criterion, criteria=_in_order(_flattened(map(_normalised, criterion.criteria))))
        case Not(part):
            return Not(_normalised(part))
        case IdIs(ids):
            return replace(criterion, ids=tuple(sorted(set(ids))))
        case DateIs(prefix="ap") | LastUpdatedIs(prefix="ap"):
            return replace(criterion, low=0, high=0)
        case _:
            return criterion


def _in_order(criteria: Iterable[Criterion]) -> tuple[Criterion, ...]:
    return tuple(sorted(dict.fromkeys(criteria), key=repr))


def _alternatives(criteria: Iterable[Criterion]) -> Iterable[Criterion]:
    for criterion in criteria:
        if isinstance(criterion, AnyOf):
            yield from criterion.criteria
        else:
            yield criterion


def _single(criterion: AllOf | AnyOf) -> Criterion:
    return criterion.criteria[0] if len(criterion.criteria) == 1 else criterion
