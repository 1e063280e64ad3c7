"""The entries of the compact form -> the values of `structures.py`: elements are put inside one another, and equal
parts are shared.

https://hl7.org/fhir/R4/elementdefinition.html
"""

from collections.abc import Mapping

from fhir_server.definitions.layout import ElementEntry, SearchEntry, StructureEntry, TypeEntry
from fhir_server.definitions.structures import Binding, Constraint, Element, SearchParameter, Structure, TypeRef

EntryTypes = tuple[str | TypeEntry, ...]


class StructureBuilder:
    """Makes the structures of one `Definitions`. Thousands of elements have the same few types, bindings and
    constraints: what is equal in the files becomes one object, over all structures."""

    def __init__(self) -> None:
        self._types: dict[EntryTypes, tuple[TypeRef, ...]] = {}
        self._bindings: dict[tuple[str, str], Binding] = {}
        self._constraints: dict[tuple[str, str, str, str], Constraint] = {}
        self._names: dict[str, str] = {}

    def structure(self, entry: StructureEntry) -> Structure:
        """The structure of an entry, with its elements as a tree."""
        constraints = {key: self._constraint(key, each) for key, each in entry.constraints.items()}
        groups = {
            keys: tuple(constraints[key] for key in keys) for keys in {each.constraints for each in entry.elements}
        }
        children: dict[str, list[Element]] = {}
        for each in reversed(entry.elements):  # what is inside an element stands behind it
            parent, _, name = each.path.rpartition(".")
            element = self._element(each, name, children, groups)
            children.setdefault(parent, []).append(element)
        return Structure(
            name=entry.name,
            kind=entry.kind,
            base=entry.base,
            abstract=entry.abstract,
            elements=tuple(element for top in children.values() for element in reversed(top)),
            constraints=tuple(constraints[key] for key in entry.root),
            pattern=entry.pattern,
            json=entry.json,
        )

    def _element(
        self,
        entry: ElementEntry,
        name: str,
        children: dict[str, list[Element]],
        groups: Mapping[tuple[str, ...], tuple[Constraint, ...]],
    ) -> Element:
        json_name = name.removesuffix("[x]")
        return Element(
            name=self._names.setdefault(json_name, json_name),
            path=entry.path,
            min=entry.min,
            max=entry.max,
            types=self._types.get(entry.types) or self._new_types(entry.types),
            choice=len(json_name) != len(name),
            elements=tuple(reversed(children.pop(entry.path, ()))),
            content_reference=entry.content_reference,
            binding=self._binding(entry.binding) if entry.binding else None,
            constraints=groups[entry.constraints],
            is_summary=entry.summary,
            is_modifier=entry.modifier,
        )

    def _new_types(self, entries: EntryTypes) -> tuple[TypeRef, ...]:
        types = tuple(
            TypeRef(each) if isinstance(each, str) else TypeRef(each.code, each.targets, each.profile)
            for each in entries
        )
        return self._types.setdefault(entries, types)

    def _binding(self, entry: tuple[str, str]) -> Binding:
        return self._bindings.get(entry) or self._bindings.setdefault(entry, Binding(*entry))

    def _constraint(self, key: str, entry: tuple[str, str, str]) -> Constraint:
        whole = (key, *entry)
        return self._constraints.get(whole) or self._constraints.setdefault(whole, Constraint(*whole))


def find_element(elements: tuple[Element, ...], path: str) -> Element | None:
    """The element at a path among these and those inside them."""
    for element in elements:
        if element.path == path:
            return element
        if path.startswith(element.path + "."):
            return find_element(element.elements, path)
    return None


def search_parameter(entry: SearchEntry) -> SearchParameter:
    """The search parameter of an entry."""
    return SearchParameter(
        code=entry.code,
        url=entry.url,
        type=entry.type,
        base=entry.base,
        expression=entry.expression,
        targets=entry.targets,
        components=entry.components,
    )
