"""`_contained`: what is asked of resources inside others. https://hl7.org/fhir/R4/search.html#contained

The entries of a contained resource are a group of those of the resource around it, so a search for contained Patients
is one for the resources, of every type, that have such a group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fhir_server.definitions.definitions import Definitions
from fhir_server.outcome import NotSupported
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Chained,
    Criterion,
    HasWord,
    IdIs,
    InGroup,
    InHierarchy,
    LastUpdatedIs,
    Not,
    Query,
    ReverseChained,
)
from fhir_server.store.entries import contained_group

Which = Literal["false", "true", "both"]
Returns = Literal["container", "contained"]


@dataclass(frozen=True, slots=True)
class Contained:
    """Contained resources of `type` that match the criteria are what was searched for; with `both` also resources of
    their own. The Bundle holds the resources around them, or (`returns`) themselves."""

    type: str
    criteria: tuple[Criterion, ...]
    returns: Returns
    both: bool


def containers(contained: Contained, types: Sequence[str], definitions: Definitions) -> tuple[Query, ...]:
    """A query for each of these types that can hold others; with `both` the one for the type itself.

    Raises `NotSupported` for what is not known of contained resources.
    """
    for criterion in contained.criteria:
        _check(criterion)
    parts = []
    for type in types:
        alternatives: list[Criterion] = []
        if contained.both and type == contained.type:
            alternatives.append(AllOf(contained.criteria))
        if any(element.name == "contained" for element in definitions.structure(type).elements):
            group = contained_group("", contained.type)
            alternatives.append(InGroup(group, contained.criteria, (f"{type}.contained",)))
        if alternatives:
            parts.append(Query(type, (alternatives[0] if len(alternatives) == 1 else AnyOf(tuple(alternatives)),)))
    return tuple(parts)


def is_known_inside(criteria: Sequence[Criterion]) -> bool:
    """Whether the entries of a contained resource decide these criteria: no chains, and nothing that it has not."""
    try:
        for criterion in criteria:
            _check(criterion)
    except NotSupported:
        return False
    return True


def _check(criterion: Criterion) -> None:
    match criterion:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                _check(part)
        case Not(part):
            _check(part)
        case Chained() | ReverseChained() | InHierarchy():
            raise NotSupported("Chains, _has, _list and hierarchies are not offered together with _contained.")
        case HasWord():
            raise NotSupported("_text and _content are not offered together with _contained.")
        case IdIs() | LastUpdatedIs():
            raise NotSupported("_id and _lastUpdated are not offered together with _contained.")
        case _:
            pass
