"""Reads the compact form, each part when it is first asked for, and keeps it.

https://hl7.org/fhir/R4/resourcelist.html, https://hl7.org/fhir/R4/datatypes.html
"""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import msgspec

from fhir_server.definitions import build_structure, layout
from fhir_server.definitions.layout import (
    DefinitionsError,
    HierarchyEntry,
    Index,
    IndexedStructure,
    IndexFormat,
    SearchEntry,
    ValueSetEntry,
)
from fhir_server.definitions.structures import CodeHierarchy, Compartment, Element, SearchParameter, Structure, ValueSet

R4 = Path(__file__).parent / "r4"

Read = TypeVar("Read")


class Definitions:
    """The definitions in one folder. Safe to share between threads: a part that two threads load at once is the same.

    Raises `DefinitionsError`, here or when a part is first read, where a file is absent, damaged or of another format.
    """

    def __init__(self, folder: Path = R4) -> None:
        self._folder = folder
        self._index = _index(folder)
        self._structures: dict[str, IndexedStructure] = {each.name: each for each in self._index.structures}
        self._builder = build_structure.StructureBuilder()
        self._loaded: dict[str, Structure] = {}
        self._parameters: dict[str, Mapping[str, SearchParameter]] = {}
        self._added: tuple[SearchParameter, ...] = ()
        self.resource_types: tuple[str, ...] = tuple(
            sorted(each.name for each in self._index.structures if each.kind == "resource" and not each.abstract)
        )
        self._resource_types = frozenset(self.resource_types)

    def with_search_parameters(self, added: Sequence[SearchParameter]) -> "Definitions":
        """These definitions with further search parameters; what they share is read once. Where one of them has the
        code of another for a type, the first that was there stays."""
        extended = copy.copy(self)
        extended._parameters = {}
        extended._added = tuple(added)
        return extended

    def is_added(self, source: str) -> bool:
        """Whether one of the further search parameters is defined by this resource (`SearchParameter/1`)."""
        return any(each.source == source for each in self._added)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all structures, sorted: resource types, datatypes, primitives."""
        return tuple(self._structures)

    @property
    def package(self) -> layout.PackageEntry:
        """The package that these definitions were compiled from."""
        return self._index.package

    def is_resource_type(self, name: str) -> bool:
        """Whether resources of this type exist; False for Resource and DomainResource."""
        return name in self._resource_types

    def structure(self, name: str) -> Structure:
        """A resource type or datatype. Raises `KeyError` for an unknown name."""
        found = self._loaded.get(name)
        if found is None:
            self._structures[name]
            entry = self._read(layout.structure_file(name), layout.StructureEntry)
            found = self._loaded.setdefault(name, self._builder.structure(entry))
        return found

    def element(self, path: str) -> Element:
        """The element at a path as the definitions write it (`Bundle.link`, `Observation.value[x]`). Raises `KeyError`
        where there is none."""
        element = build_structure.find_element(self.structure(path.partition(".")[0]).elements, path)
        if element is None:
            raise KeyError(path)
        return element

    def search_parameters(self, resource_type: str) -> Mapping[str, SearchParameter]:
        """The search parameters of a type by code, with those of the types that it derives from. Raises `KeyError` for
        a name that is not a resource type."""
        found = self._parameters.get(resource_type)
        if found is None:
            if self._structures[resource_type].kind != "resource":
                raise KeyError(resource_type)
            found = self._parameters.setdefault(resource_type, self._search_parameters(resource_type))
        return found

    @property
    def compartments(self) -> tuple[str, ...]:
        """The names of all compartments, sorted."""
        return tuple(self._compartments)

    def compartment(self, name: str) -> Compartment:
        """A compartment. Raises `KeyError` for an unknown name."""
        return self._compartments[name]

    def value_set(self, url: str) -> ValueSet | None:
        """A value set that a required binding names, by its URL without version; None for any other."""
        return self._value_sets.get(url)

    def code_hierarchy(self, url: str) -> CodeHierarchy | None:
        """A code system of the package whose codes are kinds of one another, by its URL; None for any other."""
        return self._hierarchies.get(url)

    def _line(self, name: str) -> list[str]:
        """A type and those that it derives from, farthest first."""
        line = [name]
        while (base := self._structures[line[0]].base) is not None:
            line.insert(0, base)
        return line

    def _search_parameters(self, resource_type: str) -> Mapping[str, SearchParameter]:
        line = self._line(resource_type)
        entries = [entry for entry in self._shared if not set(line).isdisjoint(entry.base)]
        for name in line:
            if layout.search_file(name) in self._index.files:
                entries.extend(self._read(layout.search_file(name), tuple[SearchEntry, ...]))
        entries.sort(key=lambda entry: not entry.experimental)
        by_code = {each.code: each for each in reversed(self._added) if not set(line).isdisjoint(each.base)}
        by_code |= {entry.code: build_structure.search_parameter(entry) for entry in entries}
        return MappingProxyType(dict(sorted(by_code.items())))

    @cached_property
    def _shared(self) -> tuple[SearchEntry, ...]:
        return self._read(layout.SEARCH_SHARED, tuple[SearchEntry, ...])

    @cached_property
    def _compartments(self) -> dict[str, Compartment]:
        read = self._read(layout.COMPARTMENTS, dict[str, dict[str, tuple[str, ...]]])
        return {name: Compartment(name, members) for name, members in read.items()}

    @cached_property
    def _value_sets(self) -> dict[str, ValueSet]:
        entries = self._read(layout.VALUE_SETS, tuple[ValueSetEntry, ...])
        return {each.url: _value_set(each) for each in entries}

    @cached_property
    def _hierarchies(self) -> dict[str, CodeHierarchy]:
        entries = self._read(layout.HIERARCHIES, tuple[HierarchyEntry, ...])
        return {each.url: CodeHierarchy(each.url, frozenset(each.codes), each.children) for each in entries}

    def _read(self, name: str, kind: type[Read]) -> Read:
        """The content of one file; its checksum must be the one in the index."""
        text = _text(self._folder / name)
        if hashlib.sha256(text).hexdigest() != self._index.files.get(name):
            raise DefinitionsError(f"{self._folder / name} is damaged: compile the package again.")
        return _decode(text, kind, self._folder / name)


@cache
def r4() -> Definitions:
    """The definitions of FHIR R4 that ship with the project; one instance for all."""
    return Definitions()


def _index(folder: Path) -> Index:
    file = folder / layout.INDEX
    text = _text(file)
    found = _decode(text, IndexFormat, file).format
    if found != layout.FORMAT:
        raise DefinitionsError(f"{file} has format {found}, not {layout.FORMAT}: compile the package again.")
    return _decode(text, Index, file)


def _text(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DefinitionsError(f"{file} cannot be read: {error.strerror}.") from error


def _decode(text: bytes, kind: type[Read], file: Path) -> Read:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DefinitionsError(f"{file} is damaged: {error}. Compile the package again.") from error


def _value_set(entry: ValueSetEntry) -> ValueSet:
    codes = {system: frozenset(codes) for system, codes in entry.codes.items()}
    return ValueSet(entry.url, codes, entry.complete)
