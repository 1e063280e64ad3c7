"""The types of FHIR as FHIRPath sees them: which elements a type has, in which JSON properties; what derives from what.

http://hl7.org/fhir/R4/fhirpath.html. A type is known by its name (`Patient`, `code`); one that is defined inside
another by its path (`Observation.component`); what an expression itself computes by a name of FHIRPath's
(`System.Boolean`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import Element

SYSTEM = "System."
_SYSTEM_TYPES = frozenset(
    SYSTEM + name
    for name in ("Any", "Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity", "Long")
)
_STRUCTURES: Mapping[str, Mapping[str, str]] = {
    "System.Quantity": {"value": "System.Decimal", "unit": "System.String"},
    "System.TypeInfo": {"namespace": "System.String", "name": "System.String"},
}
"""FHIRPath's own types that have elements, with the types of these"""


@dataclass(frozen=True, slots=True)
class Property:
    """A JSON property that may carry an element; `type` is that of its values, or `Resource`: they say it."""

    key: str
    type: str
    primitive: bool


@dataclass(frozen=True, slots=True)
class Member:
    """An element of a type with its JSON properties: one, or for a choice one for each type."""

    element: Element
    properties: tuple[Property, ...]


class TypeModel:
    """What the compiler asks of the definitions, worked out once for each type."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._members: dict[str, Mapping[str, Member]] = {}
        self._ancestors: dict[str, frozenset[str]] = {}

    def named(self, name: str) -> str | None:
        """The type that a specifier means (`FHIR.Patient`, `Patient`, `System.String`); None for an unknown one.
        Without a namespace a name is FHIR's, where FHIR has it, or else FHIRPath's."""
        if name in _SYSTEM_TYPES:
            return name
        try:
            self._definitions.structure(name.removeprefix("FHIR.").removeprefix(SYSTEM))
        except KeyError:
            return SYSTEM + name if SYSTEM + name in _SYSTEM_TYPES else None
        # One of FHIR's types in the namespace of FHIRPath: nothing is of that type, and to ask is no mistake.
        return name.removeprefix("FHIR.")

    def members(self, type_name: str) -> Mapping[str, Member]:
        """The elements of a type by name; none for a type that is not known or has none."""
        found = self._members.get(type_name)
        if found is None:
            found = self._members[type_name] = self._read_members(type_name)
        return found

    def is_primitive(self, type_name: str) -> bool:
        """Whether its values are JSON strings, numbers or booleans, with what else belongs to them beside (`_name`)."""
        if type_name.startswith(SYSTEM):
            return type_name not in _STRUCTURES
        return "." not in type_name and self._definitions.structure(type_name).kind == "primitive-type"

    def is_abstract(self, type_name: str) -> bool:
        """Whether nothing is of exactly this type (`Resource`, `Element`)."""
        return not type_name.startswith(SYSTEM) and self._definitions.structure(type_name).abstract

    def is_a(self, type_name: str, ancestor: str) -> bool:
        """Whether a type is the other one or derives from it."""
        found = self._ancestors.get(type_name)
        if found is None:
            found = self._ancestors[type_name] = frozenset(self._line(type_name))
        return ancestor in found

    def _line(self, type_name: str) -> list[str]:
        line = [type_name]
        if "." in type_name and not type_name.startswith(SYSTEM):
            line.append(self._definitions.element(type_name).types[0].code)
        while (base := self._base(line[-1])) is not None:
            line.append(base)
        return line

    def _base(self, type_name: str) -> str | None:
        try:
            return self._definitions.structure(type_name).base
        except KeyError:
            return None

    def _read_members(self, type_name: str) -> dict[str, Member]:
        if type_name.startswith(SYSTEM):
            return {
                name: Member(Element(name, f"{type_name}.{name}", 0, 1), (Property(name, of, primitive=True),))
                for name, of in _STRUCTURES.get(type_name, {}).items()
            }
        return {
            element.name: Member(element, self._properties(element))
            for element in self._elements(type_name)
            if element.types or element.content_reference
        }

    def _elements(self, type_name: str) -> tuple[Element, ...]:
        try:
            if "." in type_name:
                return self._definitions.element(type_name).elements
            structure = self._definitions.structure(type_name)
        except KeyError:
            return ()
        if structure.kind == "primitive-type":
            # The value of a primitive is the item itself.
            return tuple(element for element in structure.elements if element.name != "value")
        return structure.elements

    def _properties(self, element: Element) -> tuple[Property, ...]:
        if element.content_reference is not None:
            return (Property(element.name, element.content_reference, primitive=False),)
        if element.elements:
            return (Property(element.name, element.path, primitive=False),)
        if not element.choice:
            code = element.types[0].code
            return (Property(element.name, code, self.is_primitive(code)),)
        codes = dict.fromkeys(each.code for each in element.types)
        return tuple(
            Property(element.name + code[0].upper() + code[1:], code, self.is_primitive(code)) for code in codes
        )
