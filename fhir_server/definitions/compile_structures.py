"""StructureDefinitions of types -> the compact form: the elements of the snapshot without their texts.

https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/datatypes.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from fhir_server.definitions import compile_primitives
from fhir_server.definitions.compile_elements import compile_element
from fhir_server.definitions.layout import StructureEntry
from fhir_server.definitions.package import PackageError
from fhir_server.definitions.source import CANONICAL, StructureSource, Types, elements_of, type_name
from fhir_server.definitions.structures import Kind

MAX_VALUE_SET = CANONICAL + "elementdefinition-maxValueSet"


@dataclass(frozen=True, slots=True)
class Structures:
    """The structures of all types, sorted by name; the value sets that they bind to by force; the definitions left out,
    by reason."""

    entries: list[StructureEntry]
    value_sets: frozenset[str]
    left_out: dict[str, list[str]]


def compile_structures(sources: Iterable[StructureSource]) -> Structures:
    """The structures of all types among the definitions.

    A profile of a datatype is a structure here where an element of a type uses it (SimpleQuantity). Raises
    `PackageError` where a definition has no snapshot, names a type or element that is not there, or has two invariants
    of one key.
    """
    left_out: dict[str, list[str]] = {}
    chosen: dict[str, StructureSource] = {}
    every = sorted(sources, key=lambda source: source.url)
    used = _used_profiles(source for source in every if _is_type(source))
    for source in every:
        reason = _reason_to_leave_out(source, used)
        if reason:
            left_out.setdefault(reason, []).append(source.name)
        else:
            _check_name(source, chosen)
            chosen[source.name] = source
    return Structures(
        entries=[_structure(chosen[name], chosen) for name in sorted(chosen)],
        value_sets=frozenset(url for source in chosen.values() for url in _forced_value_sets(source)),
        left_out=left_out,
    )


def _is_type(source: StructureSource) -> bool:
    return source.kind != "logical" and source.derivation != "constraint"


def _reason_to_leave_out(source: StructureSource, used: frozenset[str]) -> str | None:
    if source.kind == "logical":
        return "logical model: no data of this type exists"
    if _is_type(source) or source.url in used:
        return None
    if source.type == "Extension":
        return "definition of an extension: belongs to the profiles"
    return "profile that no element of a type uses: belongs to the profiles"


def _used_profiles(sources: Iterable[StructureSource]) -> frozenset[str]:
    return frozenset(
        profile
        for source in sources
        for element in elements_of(source)
        for each in element.type
        for profile in each.profile
    )


def _check_name(source: StructureSource, chosen: Types) -> None:
    """The name becomes that of a file, also where files of one name in two cases are the same file."""
    if not (source.name.isascii() and source.name.isalnum()) or source.url != CANONICAL + source.name:
        raise PackageError(f"The definition {source.url!r} has the name {source.name!r}, which is not that of a type.")
    if source.name.lower() in {name.lower() for name in chosen}:
        raise PackageError(f"The package defines the type {source.name} twice.")


def _structure(source: StructureSource, types: Types) -> StructureEntry:
    root, *rest = elements_of(source)
    _check_order(source)
    primitive = source.kind == "primitive-type"
    return StructureEntry(
        name=source.name,
        kind=cast(Kind, source.kind),  # logical models were left out
        base=_base(source, types),
        abstract=source.abstract,
        pattern=compile_primitives.pattern(source) if primitive else None,
        json=compile_primitives.json_kind(source, types) if primitive else None,
        root=tuple(each.key for each in root.constraint if each.expression),
        constraints=_constraints(source),
        elements=tuple(compile_element(element, source, types) for element in rest),
    )


def _base(source: StructureSource, types: Types) -> str | None:
    """The type that this one derives from; the line must end at a type without one."""
    seen = {source.name}
    each = source
    while each.base_definition is not None:
        name = type_name(each.base_definition)
        if name not in types or name in seen:
            raise PackageError(f"The type {source.name} derives from {name}, which is not there or derives from it.")
        seen.add(name)
        each = types[name]
    return type_name(source.base_definition) if source.base_definition else None


def _check_order(source: StructureSource) -> None:
    """Each element stands once and behind the one that it is in: a snapshot of a type has no slices."""
    seen: set[str] = set()
    for position, element in enumerate(elements_of(source)):
        parent = element.path.rpartition(".")[0]
        if element.path in seen or (parent not in seen if position else element.path != source.type):
            raise PackageError(f"The definition of {source.name} has {element.path} twice or out of place.")
        seen.add(element.path)


def _forced_value_sets(source: StructureSource) -> Iterable[str]:
    """The sets of required bindings, and the largest set that a weaker binding allows."""
    for binding in (element.binding for element in elements_of(source) if element.binding):
        if binding.strength == "required" and binding.value_set:
            yield binding.value_set
        for each in binding.extension:
            if each.url == MAX_VALUE_SET and each.value_canonical:
                yield each.value_canonical


def _constraints(source: StructureSource) -> dict[str, tuple[str, str, str]]:
    """All invariants of a structure by key. Keys are unique in a structure only: three types have an `inv-1`."""
    constraints: dict[str, tuple[str, str, str]] = {}
    for element in elements_of(source):
        for each in element.constraint:
            if each.expression is None:
                continue
            entry = (each.severity, each.expression, each.human)
            if constraints.setdefault(each.key, entry) != entry:
                raise PackageError(f"The definition of {source.name} has two invariants {each.key}.")
    return dict(sorted(constraints.items()))
