"""The parts of a package's resources that the compiler reads, as typed values; all other fields are passed over.

https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/elementdefinition.html,
https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/compartmentdefinition.html,
https://hl7.org/fhir/R4/valueset.html, https://hl7.org/fhir/R4/codesystem.html
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from fhir_server.definitions.package import PackageError

CANONICAL: Final = "http://hl7.org/fhir/StructureDefinition/"
SYSTEM_TYPE: Final = "http://hl7.org/fhirpath/System."


class _Read(msgspec.Struct, frozen=True, rename="camel"):
    """FHIR's names in the JSON, ours in Python."""


class ExtensionSource(_Read, frozen=True):
    """An extension whose value is text of one of these types."""

    url: str
    value_url: str | None = None
    value_string: str | None = None
    value_canonical: str | None = None


class TypeSource(_Read, frozen=True):
    """`ElementDefinition.type`."""

    code: str
    profile: list[str] = []
    target_profile: list[str] = []
    extension: list[ExtensionSource] = []


class ConstraintSource(_Read, frozen=True):
    """`ElementDefinition.constraint`."""

    key: str
    severity: str
    human: str
    expression: str | None = None


class BindingSource(_Read, frozen=True):
    """`ElementDefinition.binding`."""

    strength: str
    value_set: str | None = None
    extension: list[ExtensionSource] = []


class ElementSource(_Read, frozen=True):
    """One element of a snapshot."""

    path: str
    min: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
    max: str
    type: list[TypeSource] = []
    content_reference: str | None = None
    binding: BindingSource | None = None
    constraint: list[ConstraintSource] = []
    is_summary: bool = False
    is_modifier: bool = False


class SnapshotSource(_Read, frozen=True):
    """`StructureDefinition.snapshot`."""

    element: list[ElementSource]


class StructureSource(_Read, frozen=True):
    """A StructureDefinition."""

    name: str
    url: str
    kind: Literal["primitive-type", "complex-type", "resource", "logical"]
    type: str
    abstract: bool
    derivation: str | None = None
    base_definition: str | None = None
    snapshot: SnapshotSource | None = None


Types = Mapping[str, StructureSource]
"""The definitions that are compiled together, by name."""


def elements_of(source: StructureSource) -> list[ElementSource]:
    """The elements of the snapshot, the type's own first. Raises `PackageError` where there is none."""
    if source.snapshot is None or not source.snapshot.element:
        raise PackageError(f"The definition of {source.name} has no snapshot.")
    return source.snapshot.element


def type_name(url: str) -> str:
    """The name in the address of a type. Raises `PackageError` for another address."""
    if not url.startswith(CANONICAL):
        raise PackageError(f"{url} is not the address of a type of FHIR.")
    return url.removeprefix(CANONICAL)


class ComponentSource(_Read, frozen=True):
    """`SearchParameter.component`."""

    definition: str
    expression: str


class SearchSource(_Read, frozen=True):
    """A SearchParameter."""

    code: str
    url: str
    type: str
    base: list[str] = []
    expression: str | None = None
    target: list[str] = []
    component: list[ComponentSource] = []
    experimental: bool = False


class CompartmentMember(_Read, frozen=True):
    """`CompartmentDefinition.resource`."""

    code: str
    param: list[str] = []


class CompartmentSource(_Read, frozen=True):
    """A CompartmentDefinition."""

    url: str
    code: str
    resource: list[CompartmentMember]


class FilterSource(_Read, frozen=True):
    """`ValueSet.compose.include.filter`."""

    property: str
    op: str
    value: str


class CodeSource(_Read, frozen=True):
    """`ValueSet.compose.include.concept`."""

    code: str


class IncludeSource(_Read, frozen=True):
    """`ValueSet.compose.include` or `exclude`."""

    system: str | None = None
    version: str | None = None
    concept: list[CodeSource] = []
    filter: list[FilterSource] = []
    value_set: list[str] = []


class ComposeSource(_Read, frozen=True):
    """`ValueSet.compose`."""

    include: list[IncludeSource]
    exclude: list[IncludeSource] = []


class ValueSetSource(_Read, frozen=True):
    """A ValueSet."""

    url: str
    version: str | None = None
    compose: ComposeSource | None = None


class PropertyDefinitionSource(_Read, frozen=True):
    """`CodeSystem.property`."""

    code: str
    uri: str | None = None


class PropertySource(_Read, frozen=True):
    """`CodeSystem.concept.property` with a value that is a code."""

    code: str
    value_code: str | None = None


class ConceptSource(_Read, frozen=True):
    """`CodeSystem.concept`."""

    code: str
    property: list[PropertySource] = []
    concept: "list[ConceptSource]" = []


class CodeSystemSource(_Read, frozen=True):
    """A CodeSystem."""

    url: str
    content: str
    version: str | None = None
    hierarchy_meaning: str | None = None
    property: list[PropertyDefinitionSource] = []
    concept: list[ConceptSource] = []
