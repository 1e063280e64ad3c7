"""The elements of FHIR XML, from the definitions: how they are called, in which order they come, what they hold.

https://hl7.org/fhir/R4/xml.html
"""

from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import Element, TypeRef
from fhir_server.model.elements import elements_of, is_primitive, json_names, shape_of

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"


class Kind(Enum):
    """What an element holds. The first three are primitives, told apart by what JSON has for their `value`."""

    STRING = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    NARRATIVE = auto()
    COMPLEX = auto()
    HOLDER = auto()
    """A resource inside: the element has one child, which is named after the type of the resource."""
    RESOURCE = auto()
    """A resource itself, the root or the child of a holder."""


class Step(NamedTuple):
    """One element: its place in the order, its name (`valueQuantity`), its FHIR name (`value`), what is inside.

    `shape` names the child elements (those of a primitive are its extensions); `primitive` says that it has a `value`.
    """

    order: int
    name: str
    fhir_name: str
    repeats: bool
    kind: Kind
    shape: str
    primitive: bool = False


_KINDS = {"string": Kind.STRING, "number": Kind.NUMBER, "boolean": Kind.BOOLEAN, None: Kind.STRING}
_URL = "Extension.url"


class Elements:
    """The steps of each shape (a type, or the path of an element with elements inside), made when first asked for."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._shapes: dict[str, dict[str, Step]] = {}
        self.resources = {name: Step(0, name, name, False, Kind.RESOURCE, name) for name in definitions.resource_types}
        """What may stand inside a holder, or at the root."""

    def steps(self, shape: str) -> dict[str, Step]:
        """The child elements of a shape by name, in their order. Raises `KeyError` for an unknown shape."""
        steps = self._shapes.get(shape)
        if steps is None:
            steps = self._shapes[shape] = self._steps(shape)
        return steps

    def _steps(self, shape: str) -> dict[str, Step]:
        id_is_attribute = not self._definitions.is_resource_type(shape)
        return {
            name: self._step(order, name, element, kind)
            for order, element in enumerate(elements_of(shape, self._definitions))
            if element.max != 0 and element.path != _URL and not (id_is_attribute and element.name == "id")
            for name, kind in json_names(element)
        }

    def _step(self, order: int, name: str, element: Element, kind: TypeRef | None) -> Step:
        repeats = element.max != 1
        if kind is None or not is_primitive(kind.code):
            shape = shape_of(element, kind)
            holds = Kind.HOLDER if shape == "Resource" else Kind.COMPLEX
            return Step(order, name, element.name, repeats, holds, shape)
        if kind.code == "xhtml":
            return Step(order, name, element.name, repeats, Kind.NARRATIVE, "xhtml")
        json_kind = self._definitions.structure(kind.code).json
        return Step(order, name, element.name, repeats, _KINDS[json_kind], "Element", True)


@lru_cache(maxsize=4)
def elements_for(definitions: Definitions) -> Elements:
    """The elements of these definitions, made once."""
    return Elements(definitions)
