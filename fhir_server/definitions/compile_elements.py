"""One element of a snapshot -> the compact form, with every name in it checked.

https://hl7.org/fhir/R4/elementdefinition.html
"""

from fhir_server.definitions.compile_primitives import root_primitive
from fhir_server.definitions.layout import ElementEntry, TypeEntry
from fhir_server.definitions.package import PackageError
from fhir_server.definitions.source import (
    CANONICAL,
    SYSTEM_TYPE,
    ElementSource,
    StructureSource,
    Types,
    TypeSource,
    elements_of,
    type_name,
)

FHIR_TYPE = CANONICAL + "structuredefinition-fhir-type"


def compile_element(element: ElementSource, source: StructureSource, types: Types) -> ElementEntry:
    """The entry of an element of `source`. Raises `PackageError` where it names a type or element that is not there."""
    binding = element.binding
    return ElementEntry(
        path=element.path,
        min=element.min,
        max=_max(element),
        types=tuple(_type(each, element, source, types) for each in element.type),
        content_reference=_content_reference(element, source),
        binding=(binding.strength, binding.value_set.partition("|")[0]) if binding and binding.value_set else None,
        constraints=tuple(each.key for each in element.constraint if each.expression),
        summary=element.is_summary,
        modifier=element.is_modifier,
    )


def _max(element: ElementSource) -> int | None:
    if element.max == "*":
        return None
    if not (element.max.isascii() and element.max.isdigit() and len(element.max) < 10):
        raise PackageError(f"The maximum of {element.path} is {element.max!r}: neither * nor a number.")
    return int(element.max)


def _content_reference(element: ElementSource, source: StructureSource) -> str | None:
    if element.content_reference is None:
        return None
    path = element.content_reference.removeprefix("#")
    if not any(each.path == path for each in elements_of(source)):
        raise PackageError(f"The element {element.path} refers to {path}, which {source.name} does not have.")
    return path


def _type(each: TypeSource, element: ElementSource, source: StructureSource, types: Types) -> str | TypeEntry:
    code = _fhir_type(each, element, source, types) if each.code.startswith(SYSTEM_TYPE) else each.code
    targets = tuple(type_name(url) for url in each.target_profile)
    profiles = [type_name(url) for url in each.profile]
    for name in (code, *targets, *profiles):
        if name not in types:
            raise PackageError(f"The element {element.path} names the type {name}, which the package does not define.")
    if any(types[name].kind != "resource" for name in targets):
        raise PackageError(f"The element {element.path} refers to what is not a resource type.")
    if len(profiles) > 1:
        raise PackageError(f"The element {element.path} has a type with several profiles.")
    if "Resource" in targets:  # a reference to Resource is one to any type
        targets = ()
    if not targets and not profiles:
        return code
    return TypeEntry(code, targets, profiles[0] if profiles else None)


def _fhir_type(each: TypeSource, element: ElementSource, source: StructureSource, types: Types) -> str:
    """The FHIR type of an element whose type the definitions give as one of FHIRPath's.

    They say which in an extension, with three exceptions: the id of a resource is called a string there (the page of
    Resource says `id`), the value of a derived primitive is called a string too (it is of the type at the root of its
    line), and the id of xhtml has no extension.
    """
    if source.kind == "resource" and element.path == f"{source.type}.id":
        return "id"
    if source.kind == "primitive-type" and element.path == f"{source.type}.value":
        return root_primitive(source, types).name
    given = next((extension.value_url for extension in each.extension if extension.url == FHIR_TYPE), None)
    return given or "string"
