"""A search while it is compiled, with what it has cost so far."""

from collections.abc import Mapping
from dataclasses import dataclass

from fhir_server.outcome import TooCostly
from fhir_server.search.context import SearchContext
from fhir_server.search.parameters import Parameter, parameters_of


@dataclass(slots=True)
class Compilation:
    """`spent` counts alternatives and the types that chains were tried on, so that no query fans out without end."""

    context: SearchContext
    spent: int = 0

    def spend(self, cost: int = 1) -> None:
        """Raises `TooCostly` when a search comes to more than it may."""
        self.spent += cost
        if self.spent > self.context.limits.criteria:
            raise TooCostly("The search asks for too many alternatives: name the types of references, or fewer values.")

    def parameters(self, resource_type: str) -> Mapping[str, Parameter]:
        """The search parameters of a type by name."""
        return parameters_of(self.context.definitions).of(resource_type)
