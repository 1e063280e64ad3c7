"""The keys by which rival conditional writes notice one another.

A conditional write depends on the keys of its criteria; a commit carries the keys of the identifiers in its bodies, and
those of its own criteria. If a commit carried what another one depends on, that one looks again.
"""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

from fhir_server.store.criteria import AllOf, AnyOf, Criterion, DateIs, IdentifierIs, LastUpdatedIs
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
    made of all criteria: only writes with the same criteria notice each other.
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
    """The keys of an identifier, or of several alternatives that are all identifiers; empty for anything else."""
    alternatives = criterion.criteria if isinstance(criterion, AnyOf) else (criterion,)
    keys = set()
    for each in alternatives:
        if not isinstance(each, IdentifierIs) or not each.value:
            return frozenset()
        keys.add(_identifier_key(resource_type, each.param, each.value))
    return frozenset(keys)


def _identifier_key(resource_type: str, param: str, value: str) -> str:
    return f"{resource_type}?{param}={value}"


def _criteria_key(resource_type: str, criteria: tuple[Criterion, ...]) -> str:
    texts = sorted(repr(_normalised(criterion)) for criterion in criteria)
    return f"{resource_type}?#{sha256(chr(10).join(texts).encode()).hexdigest()}"


def _normalised(criterion: Criterion) -> Criterion:
    """The criterion with alternatives in order, and without the range of `ap`, which moves with the time."""
    if isinstance(criterion, AnyOf | AllOf):
        return replace(criterion, criteria=tuple(sorted(map(_normalised, criterion.criteria), key=repr)))
    if isinstance(criterion, DateIs | LastUpdatedIs) and criterion.prefix == "ap":
        return replace(criterion, low=0, high=0)
    return criterion
