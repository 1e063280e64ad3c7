"""Searching within a compartment. https://hl7.org/fhir/R4/compartmentdefinition.html"""

from dataclasses import replace
from typing import overload

from fhir_server.definitions.definitions import Definitions
from fhir_server.outcome import Invalid, NotFound
from fhir_server.store.criteria import InCompartment, Query, SystemQuery


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
    return replace(query, criteria=(InCompartment(name, id), *query.criteria))


def compartment_types(name: str, definitions: Definitions) -> tuple[str, ...]:
    """The resource types that can be in a compartment, sorted (`GET Patient/1/*`). Raises `NotFound` for a type that
    has no compartment."""
    if name not in definitions.compartments:
        raise NotFound(f"{name} has no compartment; these have: {', '.join(definitions.compartments)}.")
    return tuple(sorted(definitions.compartment(name).parameters))
