"""A world: all resources that a store holds, and the values of their search parameters by FHIRPath alone."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from fhir_server.definitions.definitions import r4
from fhir_server.definitions.structures import SearchParameter
from tests.fhirpath.evaluating import evaluate
from tests.search.differential.references import Address, address_of, named_type

Json = dict[str, Any]
Value = tuple[str, Any]
"""The FHIR type and JSON of a value"""

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
LOGICAL = "logical:"
"""How a reference by identifier alone is marked in the copy that expressions are evaluated on"""


@cache
def parameters(resource_type: str) -> dict[str, SearchParameter]:
    """The search parameters of a type by name."""
    return dict(r4().search_parameters(resource_type))


@cache
def parameter_type(url: str) -> str:
    """The type of the search parameter with this URL."""
    known = r4()
    return next(
        parameter.type
        for name in known.resource_types
        for parameter in known.search_parameters(name).values()
        if parameter.url == url
    )


class World:
    """The resources as the server gives them, with `meta`; `base`: its address; `now`: microseconds since 1970."""

    def __init__(self, resources: Sequence[Json], base: str, now: int) -> None:
        self.base = base
        self.now = now
        self.by_place: dict[tuple[str, str], Json] = {(each["resourceType"], each["id"]): each for each in resources}
        self._patients = {
            identifier["value"]: Address("Patient", each["id"])
            for each in resources
            if each["resourceType"] == "Patient"
            for identifier in each.get("identifier", [])
            if identifier.get("system") == NHS_NUMBER and "value" in identifier
        }
        self._copies: dict[int, tuple[Json, dict[str, str]]] = {}
        self._values: dict[tuple[int, str], list[Value]] = {}

    def of_type(self, resource_type: str) -> list[Json]:
        """All resources of a type."""
        return [each for (name, _), each in self.by_place.items() if name == resource_type]

    def at(self, place: str) -> Json:
        """The resource with this type and id (`Type/id`)."""
        resource_type, _, resource_id = place.partition("/")
        return self.by_place[resource_type, resource_id]

    def values(self, resource: Json, code: str) -> list[Value]:
        """What a parameter's expression finds in a resource; an extension stands for its value. A primitive that has
        only extensions is no value."""
        key = (id(resource), code)  # the resources of a world stay as they are; contained ones have no id of their own
        if key not in self._values:
            expression = parameters(resource["resourceType"])[code].expression
            self._values[key] = self.evaluated(resource, expression, resource) if expression else []
        return self._values[key]

    def evaluated(self, focus: Json, expression: str, resource: Json) -> list[Value]:
        """What an expression finds in a resource, or in an element of it that is marked with its `resourceType`."""
        copy, types = self._copy(resource)
        found = evaluate(expression, copy if focus is resource else focus, **types)
        return [each for value in found for each in _without_extension(value) if each[1] is not None]

    def inside(self, resource: Json, code: str) -> list[Json]:
        """The contained resources that a reference parameter leads to."""
        literals = [
            value["reference"]
            for kind, value in self.values(resource, code)
            if kind == "Reference" and isinstance(value.get("reference"), str)
        ]
        return [each for each in resource.get("contained", []) if f"#{each['id']}" in literals]

    def address(self, value: Any) -> Address | None:
        """Where a Reference or canonical points, a logical reference as it was resolved."""
        if isinstance(value, str):
            return address_of(value, self.base)
        text = value.get("reference")
        if text is None or text.startswith(LOGICAL):
            return self._resolved(value)
        return address_of(text, self.base)

    def _resolved(self, reference: Json) -> Address | None:
        """The Patient with the NHS number that a reference names; others are not resolved."""
        identifier = reference.get("identifier", {})
        named = reference.get("type", "Patient") == "Patient" and identifier.get("system") == NHS_NUMBER
        return self._patients.get(identifier.get("value")) if named else None

    def _copy(self, resource: Json) -> tuple[Json, dict[str, str]]:
        """The resource with a mark in each logical reference, and the types that references resolve to."""
        key = id(resource)
        if key not in self._copies:
            types: dict[str, str] = {}
            self._copies[key] = self._marked(resource, resource, types), types
        return self._copies[key]

    def _marked(self, value: Any, resource: Json, types: dict[str, str]) -> Any:
        if isinstance(value, list):
            return [self._marked(each, resource, types) for each in value]
        if not isinstance(value, dict):
            return value
        copy = {key: self._marked(each, resource, types) for key, each in value.items()}
        if "reference" not in value and isinstance(value.get("identifier"), dict):
            copy["reference"] = f"{LOGICAL}{len(types)}"
            resolved = self._resolved(value)
            name = resolved.type if resolved else value.get("type")
        elif isinstance(value.get("reference"), str):
            name = named_type(value["reference"], resource, self.base) or value.get("type")
        else:
            return copy
        if name:
            types[copy["reference"]] = name
        return copy


def _without_extension(value: Value) -> Iterator[Value]:
    kind, item = value
    if kind != "Extension":
        yield value
        return
    for key, each in item.items():
        if key.startswith("value"):
            yield key[5].lower() + key[6:] if key[6:7].islower() and key[5:] in PRIMITIVES else key[5:], each


PRIMITIVES = frozenset({"String", "Code", "Boolean", "Uri", "Date", "Integer", "Decimal", "Id"})
