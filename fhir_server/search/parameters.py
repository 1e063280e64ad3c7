"""The search parameters of a resource type with their expressions compiled: what index and queries both go by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import SearchParameter
from fhir_server.fhirpath.code import EMPTY, Code
from fhir_server.fhirpath.compiler import Compiler

BY_ROW = frozenset({"_id", "_lastUpdated"})
"""Parameters that the store answers from the row itself, without index entries"""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of a resource type. Without an expression for the type `code` is always empty.

    `elements`: every element that deciding it reads, with those on the way (`Patient.address`, `Patient.address.city`).
    """

    definition: SearchParameter
    resource_type: str
    code: Code
    elements: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name in a query."""
        return self.definition.code

    def may_be(self, type_name: str) -> bool:
        """Whether values of this type can be among its values; what an extension holds may be anything."""
        types = self.code.types
        return types is None or type_name in types or "Extension" in types

    def is_only(self, *type_names: str) -> bool:
        """Whether all its values are of these types."""
        return self.code.types is not None and self.code.types <= frozenset(type_names)

    def target_types(self) -> tuple[str, ...]:
        """The resource types that its references can have, as the expression and the definitions narrow them."""
        allowed = frozenset(self.definition.targets)
        if self.code.targets is not None:
            return tuple(sorted(self.code.targets))
        by_element = frozenset(
            target for element in self.code.elements for each in element.types for target in each.targets
        )
        return tuple(sorted(by_element & allowed if by_element else allowed))


class Parameters:
    """The search parameters of all types, each type compiled when it is first asked for."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.compiler = Compiler(definitions)
        self._by_type: dict[str, Mapping[str, Parameter]] = {}

    def of(self, resource_type: str) -> Mapping[str, Parameter]:
        """The search parameters of a type by name. Raises `KeyError` for what is no resource type."""
        found = self._by_type.get(resource_type)
        if found is None:
            found = self._by_type[resource_type] = {
                name: self._parameter(definition, resource_type)
                for name, definition in self.definitions.search_parameters(resource_type).items()
            }
        return found

    def _parameter(self, definition: SearchParameter, resource_type: str) -> Parameter:
        expression = definition.expression
        code = self.compiler.compile(expression, resource_type) if expression else EMPTY
        return Parameter(definition, resource_type, code, tuple(sorted(code.reads)))


@lru_cache(maxsize=8)
def parameters_of(definitions: Definitions) -> Parameters:
    """The search parameters by these definitions; one instance, so that each expression is compiled once."""
    return Parameters(definitions)
