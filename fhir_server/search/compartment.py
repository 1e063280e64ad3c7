"""Searching within a compartment. https://hl7.org/fhir/R4/compartmentdefinition.html"""

from dataclasses import replace
from functools import lru_cache
from typing import overload

from fhir_server.definitions.definitions import Definitions
from fhir_server.outcome import Invalid, NotFound
from fhir_server.search.parameters import parameters_of
from fhir_server.store.criteria import Elements, IdIs, InCompartment, Query, ReferenceTo, SystemQuery


@overload
def within(query: Query, compartment: tuple[str, str], definitions: Definitions) -> Query: ...


@overload
def within(query: SystemQuery, compartment: tuple[str, str], definitions: Definitions) -> SystemQuery: ...


def within(query: Query | SystemQuery, compartment: tuple[str, str], definitions: Definitions) -> Query | SystemQuery:
    """The query, of resources in this compartment (its name, which is a resource type, and id) only.

    Raises `Invalid` for a type that is never in the compartment: all of its resources, or none, would both be wrong
    answers. Of several types those count that can be in it.
    """
    name, id = compartment
    types = compartment_types(name, definitions)
    if isinstance(query, SystemQuery):
        parts = tuple(within(part, compartment, definitions) for part in query.parts if part.type in types)
        if not parts:
            raise Invalid(f"None of the types is part of the {name} compartment.")
        return replace(query, parts=parts)
    if query.type not in types:
        raise Invalid(f"{query.type} is not part of the {name} compartment.")
    ways = _ways(query.type, name, definitions)
    by = [ReferenceTo(param, name, id, elements) for param, elements in ways]
    own = (IdIs((id,)),) if query.type == name else ()
    inside = InCompartment(name, id, tuple(sorted({each for _, elements in ways for each in elements})), (*by, *own))
    return replace(query, criteria=(inside, *query.criteria))


@lru_cache(maxsize=2_000)
def _ways(resource_type: str, name: str, definitions: Definitions) -> tuple[tuple[str, Elements], ...]:
    """The search parameters whose references place a type in a compartment, with the elements that they read."""
    known = parameters_of(definitions).of(resource_type)
    params = definitions.compartment(name).parameters[resource_type]
    return tuple((param, known[param].elements) for param in params if param in known)


def compartment_types(name: str, definitions: Definitions) -> tuple[str, ...]:
    """The resource types that can be in a compartment, sorted (`GET Patient/1/*`). Raises `NotFound` for a type that
    has no compartment."""
    if name not in definitions.compartments:
        raise NotFound(f"{name} has no compartment; these have: {', '.join(definitions.compartments)}.")
    return tuple(sorted(definitions.compartment(name).parameters))
