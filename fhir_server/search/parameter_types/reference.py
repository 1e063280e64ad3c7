"""reference: what a resource points at. https://hl7.org/fhir/R4/search.html#reference

A resource of this server is indexed by type and id, whichever way it was written and without its version; anything
else by its URL. A logical reference is indexed by its identifier (`subject:identifier`), and where it was resolved also
as the resource. A canonical is found with and without its version. What is contained is not indexed as a reference.
"""

from collections.abc import Mapping
from typing import Any

from fhir_server.outcome import Invalid, NotSupported
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.reading.escapes import unescape
from fhir_server.search.reading.references import is_id, is_versioned, reference_reader
from fhir_server.store.criteria import AnyOf, Criterion, ReferenceTo

_MODIFIERS = frozenset({"missing", "identifier", "above", "below", "type"})


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name, read = extraction.name, extraction.read_reference
    by_identifier = f"{name}:identifier"

    def reference(value: Any, draft: Draft) -> None:
        literal, logical = value.get("reference"), value.get("identifier")
        found = None if literal is None else read(literal)
        if logical is not None:
            key = (logical.get("system", ""), logical.get("value", ""))
            if any(key):
                draft.identifiers.append((by_identifier, *key))
            resolved = draft.resolved.get(key) if literal is None else None
            if resolved is not None:
                found = resolved
                draft.targets.append(resolved)
        if found is not None:
            draft.references.append((name, *found))

    def canonical(value: Any, draft: Draft) -> None:
        found = read(value)
        if found is None:
            return
        url = value.partition("|")[0]
        draft.uris.append((name, value))
        draft.references += [(name, "", value), (name, "", url)]
        resource = read(url)
        if resource is not None and resource[0]:
            draft.references.append((name, *resource))

    return {
        "Reference": reference,
        **dict.fromkeys(("canonical", "uri", "url"), canonical),
        "Resource": _resource(extraction),
    }


def _resource(extraction: Extraction) -> Extract:
    """A resource inside a Bundle (its Composition, its MessageHeader), by its type and id."""
    name, types = extraction.name, frozenset(extraction.parameter.definition.targets)

    def resource(value: Any, draft: Draft) -> None:
        if value.get("resourceType") in types and value.get("id"):
            draft.references.append((name, value["resourceType"], value["id"]))

    return resource


async def _compile(asked: Asked) -> Criterion:
    parameter, value = asked.parameter, unescape(asked.value)
    elements = parameter.elements
    if is_versioned(value):
        raise NotSupported(f"The parameter {parameter.name} finds references without their version.")
    if is_id(value):
        found = tuple(ReferenceTo(parameter.name, target, value, elements) for target in parameter.target_types())
        if not found:
            raise Invalid(f"The parameter {parameter.name} needs a type before the id: Type/id.")
        return found[0] if len(found) == 1 else AnyOf(found)
    read = reference_reader(asked.context.definitions, asked.context.base_url)
    target = read(value)
    if target is None or (not target[0] and ":" not in value):
        raise Invalid(f"The parameter {parameter.name} is an id, Type/id or an absolute URL.")
    return ReferenceTo(parameter.name, *target, elements)


REFERENCE = ParameterType("reference", _MODIFIERS, _extractors, _compile)
