"""The search parameters of a resource type with their expressions compiled: what index and queries both go by."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import SearchParameter
from fhir_server.fhirpath.code import EMPTY, Code
from fhir_server.fhirpath.compiler import Compiler
from fhir_server.store.entries import Beside

_RESOURCE = "%resource."
_REFERENCES = frozenset({"Reference"})
_CODES = frozenset({"code", "Coding", "CodeableConcept"})

BY_ROW = frozenset({"_id", "_lastUpdated"})
"""Parameters that the store answers from the row itself, without index entries"""

BY_WORDS = frozenset({"_text", "_content"})
"""Parameters of full-text search, which have no expression: they read the whole resource"""


_CLINICAL = (
    "http://hl7.org/fhir/SearchParameter/clinical-code",
    "http://hl7.org/fhir/SearchParameter/clinical-date",
)
_BESIDE = (("token", "quantity"), ("token", "date"))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of a resource type. Without an expression for the type `code` is always empty.

    `elements`: every element that deciding it reads, with those on the way (`Patient.address`, `Patient.address.city`).
    `beside`: the token parameters by whose values those of this one, a quantity or a date, are indexed too.
    """

    definition: SearchParameter
    resource_type: str
    code: Code
    elements: tuple[str, ...]
    components: "tuple[Component, ...]" = ()
    beside: tuple[str, ...] = ()

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
        """The resource types that its references can have, as the expression and the definitions narrow them. What
        names no targets, as a component does, leaves them to the elements."""
        allowed = frozenset(self.definition.targets)
        if self.code.targets is not None:
            return tuple(sorted(self.code.targets))
        by_element = frozenset(
            target for element in self.code.elements for each in element.types for target in each.targets
        )
        return tuple(sorted(by_element & allowed if by_element and allowed else by_element or allowed))


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a composite parameter. `parameter` is named by its place (`1`); `codes` are its expression for
    each type of what the composite is about; `of_resource`: it is evaluated on the resource instead."""

    parameter: Parameter
    codes: Mapping[str, Code]
    of_resource: bool


class Parameters:
    """The search parameters of all types, each type compiled when it is first asked for."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.compiler = Compiler(definitions, for_search=True)
        self._by_type: dict[str, Mapping[str, Parameter]] = {}
        self._beside: dict[str, tuple[Beside, ...]] = {}

    def of(self, resource_type: str) -> Mapping[str, Parameter]:
        """The search parameters of a type by name. Raises `KeyError` for what is no resource type."""
        found = self._by_type.get(resource_type)
        if found is None:
            found = {
                name: self._parameter(definition, resource_type)
                for name, definition in self.definitions.search_parameters(resource_type).items()
            }
            self._beside[resource_type] = _beside(found)
            # A search goes by pairs only when everything that is there has been indexed by them.
            for token, other in _beside({name: each for name, each in found.items() if each.definition.indexed}):
                found[other] = replace(found[other], beside=(*found[other].beside, token))
            self._by_type[resource_type] = found
        return found

    def beside(self, resource_type: str) -> tuple[Beside, ...]:
        """The pairs of a token parameter of a type and a quantity or date that is often asked for with it."""
        self.of(resource_type)
        return self._beside[resource_type]

    def _parameter(self, definition: SearchParameter, resource_type: str) -> Parameter:
        expression = definition.expression
        if definition.code in BY_WORDS:
            return Parameter(definition, resource_type, EMPTY, (resource_type,))
        code = self.compiler.compile(expression, resource_type) if expression else EMPTY
        components = tuple(
            self._component(place, url, text, resource_type, code)
            for place, (url, text) in enumerate(definition.components, 1)
        )
        reads = code.reads.union(*(each.parameter.code.reads for each in components))
        return Parameter(definition, resource_type, code, tuple(sorted(reads)), components)

    def _component(self, place: int, url: str, expression: str, resource_type: str, around: Code) -> Component:
        """R4 spells a type in one of these expressions wrongly, and in two of them goes back to the resource."""
        text = expression.replace("as(DateTime)", "as(dateTime)")
        of_resource = text.startswith(_RESOURCE)
        if of_resource:
            codes = {resource_type: self.compiler.compile(text.removeprefix(_RESOURCE), resource_type)}
        else:
            codes = {name: self.compiler.compile(text, name) for name in sorted(around.types or ())}
        found = list(codes.values())
        known = [code.types for code in found if code.types is not None]
        together = replace(
            found[0] if found else EMPTY,
            types=frozenset[str]().union(*known) if len(known) == len(found) else None,
            reads=frozenset[str]().union(*(code.reads for code in found)),
            elements=tuple(element for code in found for element in code.elements),
        )
        definition = replace(self._by_url(url, together, resource_type), code=str(place), targets=())
        return Component(Parameter(definition, resource_type, together, ()), codes, of_resource)

    def _by_url(self, url: str, code: Code, resource_type: str) -> SearchParameter:
        """The search parameter that a component names. R4 names two of `DocumentReference.relationship` the wrong way
        round: what the expression finds decides."""
        types = code.types or frozenset()
        if types and types <= _REFERENCES:
            kind = "reference"
        elif types and types <= _CODES:
            kind = "token"
        else:
            kind = self._urls.get(url.partition("|")[0], "token")
        return SearchParameter(code="", url=url, type=kind, base=(resource_type,), expression=None)

    @cached_property
    def _urls(self) -> Mapping[str, str]:
        """The type of every search parameter, by its URL."""
        return {
            each.url: each.type
            for name in self.definitions.resource_types
            for each in self.definitions.search_parameters(name).values()
        }


def _beside(parameters: Mapping[str, Parameter]) -> tuple[Beside, ...]:
    """The components of composites about the whole resource that are parameters themselves: a code and its quantity.
    And what R4 gives the clinical resources in common: their code and their date."""
    names: dict[str, str] = {}
    # What the standard defines comes first: one of our own that takes its URL must not take its pairs.
    for name, each in sorted(parameters.items(), key=lambda item: item[1].definition.source or ""):
        names.setdefault(each.definition.url, name)
    pairs = [
        tuple(url.partition("|")[0] for url, _ in each.definition.components)
        for each in parameters.values()
        if len(each.components) == 2 and each.code.types == frozenset({each.resource_type})
    ]
    found = [(names.get(first, ""), names.get(second, "")) for first, second in (*pairs, _CLINICAL)]
    return tuple(dict.fromkeys(pair for pair in found if all(pair) and _types(parameters, *pair) in _BESIDE))


def _types(parameters: Mapping[str, Parameter], *names: str) -> tuple[str, ...]:
    return tuple(parameters[name].definition.type for name in names)


@lru_cache(maxsize=8)
def parameters_of(definitions: Definitions) -> Parameters:
    """The search parameters by these definitions; one instance, so that each expression is compiled once."""
    return Parameters(definitions)
