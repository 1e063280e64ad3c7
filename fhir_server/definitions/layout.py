"""The compact form on disk: what each file holds. Written by the compiler, read by `Definitions`, described once here.

    index.json                  the package, each structure with its kind and base, the SHA-256 of every other file
    structures/NAME.json        one structure: its invariants by key, its elements in order, one a line
    search/NAME.json            the search parameters whose only base is NAME, one a line
    search_shared.json          the search parameters with several bases, or none
    compartments.json           compartment -> resource type -> search parameters
    value_sets.json             the value sets of required bindings, one a line

A type is in a file of its own, so that loading one reads no other. Fields at their default are left out.
"""

from typing import Literal

import msgspec

from fhir_server.definitions.structures import Kind

JsonKind = Literal["string", "number", "boolean"]

FORMAT = 2
INDEX = "index.json"
COMPARTMENTS = "compartments.json"
SEARCH_SHARED = "search_shared.json"
VALUE_SETS = "value_sets.json"
HIERARCHIES = "hierarchies.json"


class DefinitionsError(Exception):
    """The compiled definitions are absent, damaged or of another format; the message says which file and what to do."""


def structure_file(name: str) -> str:
    """The file of a structure, relative to the folder."""
    return f"structures/{name}.json"


def search_file(name: str) -> str:
    """The file of the search parameters that only this type has, relative to the folder."""
    return f"search/{name}.json"


class PackageEntry(msgspec.Struct, frozen=True):
    """Where the definitions come from; `sha256` is that of the package file."""

    name: str
    version: str
    fhir_version: str
    license: str
    sha256: str


class IndexedStructure(msgspec.Struct, frozen=True, omit_defaults=True):
    """What must be known of a structure before it is loaded."""

    name: str
    kind: Kind
    base: str | None = None
    abstract: bool = False


class IndexFormat(msgspec.Struct, frozen=True):
    """The part of `index.json` that every format has: which one it is is read before the rest."""

    format: int


class Index(IndexFormat, frozen=True):
    """`index.json`."""

    package: PackageEntry
    structures: tuple[IndexedStructure, ...]
    files: dict[str, str]


class TypeEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A type with more to say than its code."""

    code: str
    targets: tuple[str, ...] = ()
    profile: str | None = None


class ElementEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One element; `max` null is `*`, `constraints` are keys of the structure's own, `binding` is strength and URL."""

    path: str
    min: int = 0
    max: int | None = 1
    types: tuple[str | TypeEntry, ...] = ()
    content_reference: str | None = None
    binding: tuple[str, str] | None = None
    constraints: tuple[str, ...] = ()
    summary: bool = False
    modifier: bool = False


class StructureEntry(msgspec.Struct, frozen=True):
    """`structures/NAME.json`; `constraints` maps a key to severity, expression and sentence, `root` are those of the
    structure itself."""

    name: str
    kind: Kind
    base: str | None
    abstract: bool
    pattern: str | None
    json: JsonKind | None
    root: tuple[str, ...]
    constraints: dict[str, tuple[str, str, str]]
    elements: tuple[ElementEntry, ...]


class SearchEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One search parameter; one marked `experimental` gives way to another of the same code and base."""

    code: str
    url: str
    type: str
    base: tuple[str, ...] = ()
    expression: str | None = None
    targets: tuple[str, ...] = ()
    components: tuple[tuple[str, str], ...] = ()
    experimental: bool = False


class HierarchyEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One code system whose codes are kinds of one another: its codes, and for those that have any the codes below."""

    url: str
    codes: tuple[str, ...]
    children: dict[str, tuple[str, ...]] = {}


class ValueSetEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value set: code system -> sorted codes."""

    url: str
    codes: dict[str, tuple[str, ...]] = {}
    complete: bool = True
