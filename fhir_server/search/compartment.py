"""Searching within a compartment. https://hl7.org/fhir/R4/compartmentdefinition.html"""

from dataclasses import replace

from fhir_server.definitions.definitions import Definitions
from fhir_server.outcome import Invalid, NotFound
from fhir_server.store.criteria import InCompartment, Query


def within(query: Query, compartment: tuple[str, str], definitions: Definitions) -> Query:
    """The query, of resources in this compartment (its name, which is a resource type, and id) only.

    Raises `Invalid` for a type that is never in the compartment: all of its resources, or none, would both be wrong
    answers.
    """
    name, id = compartment
    if query.type not in compartment_types(name, definitions):
        raise Invalid(f"{query.type} is not part of the {name} compartment.")
    return replace(query, criteria=(InCompartment(name, id), *query.criteria))


def compartment_types(name: str, definitions: Definitions) -> tuple[str, ...]:
    """The resource types that can be in a compartment, sorted (`GET Patient/1/*`). Raises `NotFound` for a type that
    has no compartment."""
    if name not in definitions.compartments:
        raise NotFound(f"{name} has no compartment; these have: {', '.join(definitions.compartments)}.")
    return tuple(sorted(definitions.compartment(name).parameters))
