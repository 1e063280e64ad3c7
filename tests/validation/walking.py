"""A walk over a resource by its definitions, for tests that break one thing in it. It shares no code with the validator
but the names of elements in JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import Element, TypeRef
from fhir_server.model.elements import elements_of, is_primitive, json_names, shape_of


@dataclass(frozen=True, slots=True)
class Spot:
    """An element that an object has: `holder[key]`, of this type; `path` is the FHIRPath of the element."""

    holder: dict[str, Any]
    key: str
    element: Element
    kind: TypeRef | None
    path: str

    @property
    def primitive(self) -> bool:
        return self.kind is not None and is_primitive(self.kind.code)


@dataclass(frozen=True, slots=True)
class Holder:
    """An object with its FHIRPath and its elements."""

    data: dict[str, Any]
    path: str
    elements: tuple[Element, ...]


def holders(data: dict[str, Any], definitions: Definitions) -> list[Holder]:
    """Every object of a resource, itself first."""
    return list(_holders(data, data["resourceType"], data["resourceType"], definitions))


def spots(data: dict[str, Any], definitions: Definitions) -> list[Spot]:
    """Every element that a resource has, siblings (`_name`) left out."""
    return [spot for holder in holders(data, definitions) for spot in _spots(holder)]


def _spots(holder: Holder) -> Iterator[Spot]:
    for element in holder.elements:
        for name, kind in json_names(element):
            if name in holder.data:
                yield Spot(holder.data, name, element, kind, f"{holder.path}.{element.name}")


def _holders(data: dict[str, Any], shape: str, path: str, definitions: Definitions) -> Iterator[Holder]:
    holder = Holder(data, path, elements_of(shape, definitions))
    yield holder
    for spot in _spots(holder):
        if not spot.primitive:
            for value, place in _items(spot):
                inner = shape_of(spot.element, spot.kind)
                yield from _holders(value, value["resourceType"] if inner == "Resource" else inner, place, definitions)


def _items(spot: Spot) -> Iterator[tuple[dict[str, Any], str]]:
    value = spot.holder[spot.key]
    if isinstance(value, list):
        yield from ((item, f"{spot.path}[{index}]") for index, item in enumerate(value))
    else:
        yield value, spot.path
