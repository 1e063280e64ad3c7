"""Elements as JSON names them. https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/formats.html#choice"""

from collections.abc import Iterator

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import Element, TypeRef

BACKBONE = frozenset({"BackboneElement", "Element"})


def json_names(element: Element) -> Iterator[tuple[str, TypeRef | None]]:
    """The JSON names of an element with the type that each carries; None where another element's content repeats."""
    if not element.types:
        yield element.name, None
    for kind in element.types:
        yield (f"{element.name}{kind.code[0].upper()}{kind.code[1:]}" if element.choice else element.name), kind


def is_primitive(type_code: str) -> bool:
    """Whether a type is a primitive: their names alone start with a small letter."""
    return type_code[0].islower()


def shape_of(element: Element, kind: TypeRef | None) -> str:
    """What names the elements inside a complex value: a type (`HumanName`), or the path of the element that lists them
    (`Patient.contact`)."""
    if kind is None:
        assert element.content_reference is not None
        return element.content_reference
    return element.path if kind.code in BACKBONE else kind.code


def elements_of(shape: str, definitions: Definitions) -> tuple[Element, ...]:
    """The elements inside what `shape_of` names. Raises `KeyError` for an unknown shape."""
    if "." in shape:
        return definitions.element(shape).elements
    return definitions.structure(shape).elements
