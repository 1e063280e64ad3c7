"""The references that say whose record a resource is: those that place it in a Patient compartment.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir_server.definitions.structures import Element
from fhir_server.search.parameters import Parameters
from fhir_server.search.reading.references import ReferenceReader, type_in_reference

PATIENT = "Patient"
_COMPARTMENT = "Patient"


@dataclass(frozen=True, slots=True)
class PatientLink:
    """A reference to a patient. `expression` is its place (`Observation.performer[1]`); `reference` the Reference as it
    stands; `only_patient`: the element can point at nothing but a Patient."""

    expression: str
    reference: dict[str, Any]
    only_patient: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """An element of type Reference: the JSON properties that lead to it from the resource."""

    keys: tuple[str, ...]
    only_patient: bool


class PatientLinks:
    """Finds the patient links of resources; the places to look at are worked out once for each type."""

    def __init__(self, parameters: Parameters, read: ReferenceReader) -> None:
        self._parameters = parameters
        self._read = read
        self._definitions = parameters.definitions
        self._places: dict[str, tuple[_Place, ...]] = {}

    def of(self, resource_type: str, resource: dict[str, Any]) -> list[PatientLink]:
        """The links of a resource: every reference that names a Patient by its text or its type, and every one that
        may. One that surely points at something else is no link, nor is one that points at nothing."""
        places = self._places.get(resource_type)
        if places is None:
            places = self._places[resource_type] = tuple(self._find_places(resource_type))
        return [
            PatientLink(expression, reference, place.only_patient)
            for place in places
            for expression, reference in _walk(resource, place.keys, resource_type)
            if self._may_name_patient(reference, resource, place)
        ]

    def _may_name_patient(self, reference: dict[str, Any], resource: dict[str, Any], place: _Place) -> bool:
        text, given = reference.get("reference"), reference.get("type")
        told = isinstance(given, str) and given.rpartition("/")[2] == PATIENT
        if not isinstance(text, str):
            return "identifier" in reference and (told or given is None)
        if text.startswith("#"):
            return _contained_type(text, resource) == PATIENT
        named = self._type_of(text)
        if named is not None:
            return named == PATIENT
        # What names no type may be meant for a patient: only an address elsewhere, of something else, is let be.
        elsewhere = text.startswith(("http://", "https://")) and f"/{PATIENT}/" not in text
        return told or place.only_patient or not elsewhere

    def _type_of(self, text: str) -> str | None:
        found = self._read(text)
        return found[0] if found and found[0] else type_in_reference(text, self._definitions)

    def _find_places(self, resource_type: str) -> Iterator[_Place]:
        names = self._definitions.compartment(_COMPARTMENT).parameters.get(resource_type, ())
        paths: set[str] = set()
        for name in names:
            paths |= self._parameters.of(resource_type)[name].code.paths
        for path in sorted(paths):
            yield from self._places_at(resource_type, path.split(".")[1:])

    def _places_at(self, type_name: str, names: list[str], before: tuple[str, ...] = ()) -> Iterator[_Place]:
        member = self._parameters.compiler.model.members(type_name)[names[0]]
        for each in member.properties:
            keys = (*before, each.key)
            if len(names) > 1:
                yield from self._places_at(each.type, names[1:], keys)
            elif each.type == "Reference":
                yield _Place(keys, _targets(member.element) == {PATIENT})


def _targets(element: Element) -> set[str]:
    return {target for each in element.types if each.code == "Reference" for target in each.targets}


def _contained_type(text: str, resource: dict[str, Any]) -> str | None:
    found = resource.get("contained")
    for contained in found if isinstance(found, list) else ():
        if isinstance(contained, dict) and contained.get("id") == text[1:]:
            return str(contained.get("resourceType"))
    return None


def _walk(holder: Any, keys: tuple[str, ...], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON objects at a path, each with its FHIRPath."""
    if not isinstance(holder, dict):
        return
    if not keys:
        yield place, holder
        return
    found = holder.get(keys[0])
    here = f"{place}.{keys[0]}"
    if isinstance(found, list):
        for position, each in enumerate(found):
            yield from _walk(each, keys[1:], f"{here}[{position}]")
    else:
        yield from _walk(found, keys[1:], here)
