"""reference: what a resource points at. https://hl7.org/fhir/R4/search.html#reference

A resource of this server is indexed by type and id, whichever way it was written and without its version; anything
else by its URL; a reference with a version also with it. A logical reference is indexed by its identifier
(`subject:identifier`), and where it was resolved also as the resource. A canonical is found with and without its
version. What is contained is not indexed as a reference;
the group of its entries is named after the parameter too, so that chains lead into it.
"""

from collections.abc import Mapping
from typing import Any

from fhir_server.outcome import Invalid, NotSupported
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.parameters import parameters_of
from fhir_server.search.reading.escapes import split, unescape
from fhir_server.search.reading.references import is_id, is_versioned, reference_reader
from fhir_server.store.criteria import AnyOf, Criterion, IdentifierIs, InHierarchy, ReferenceTo, TermIs

_MODIFIERS = frozenset({"missing", "identifier", "above", "below", "type"})
_CANONICALS = ("canonical", "uri", "url")
_PART_OF = "partOf"
"""The element by which resources of one type build a hierarchy"""


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name, read = extraction.name, extraction.read_reference
    by_identifier, versioned, below = f"{name}:identifier", f"{name}:versioned", f"{name}:below"

    def reference(value: Any, draft: Draft) -> None:
        literal, logical = value.get("reference"), value.get("identifier")
        found = None if literal is None else read(literal)
        if literal is not None and literal.startswith("#"):
            draft.inside.append((name, literal[1:]))
        if found is not None and found[0] and "/_history/" in literal and is_versioned(literal):
            draft.references.append((versioned, found[0], f"{found[1]}{literal[literal.rindex('/_history/') :]}"))
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
        draft.terms.append((below, value))
        resource = read(url)
        if resource is not None and resource[0]:
            draft.references.append((name, *resource))

    return {
        "Reference": reference,
        **dict.fromkeys(_CANONICALS, canonical),
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
    modifier = asked.modifier
    if modifier is None:
        return _to(asked, unescape(asked.value))
    if modifier == "identifier":
        return _identified(asked)
    if modifier in ("above", "below"):
        return _below_canonical(asked) if asked.parameter.is_only(*_CANONICALS) else _in_hierarchy(asked)
    if asked.context.definitions.is_resource_type(modifier):
        return _of_type(asked, modifier)
    raise asked.refuse()


def _to(asked: Asked, value: str) -> Criterion:
    """A reference by id, by type and id, with a version, or by an absolute URL."""
    parameter, elements = asked.parameter, asked.parameter.elements
    if is_id(value):
        found = tuple(ReferenceTo(parameter.name, target, value, elements) for target in parameter.target_types())
        if not found:
            raise Invalid(f"The parameter {parameter.name} needs a type before the id: Type/id.")
        return found[0] if len(found) == 1 else AnyOf(found)
    target = reference_reader(asked.context.definitions, asked.context.base_url)(value)
    if target is None or (not target[0] and ":" not in value):
        raise Invalid(f"The parameter {parameter.name} is an id, Type/id or an absolute URL.")
    if target[0] and is_versioned(value):
        version = value[value.rindex("/_history/") :]
        return ReferenceTo(f"{parameter.name}:versioned", target[0], f"{target[1]}{version}", elements)
    return ReferenceTo(parameter.name, *target, elements)


def _identified(asked: Asked) -> Criterion:
    """A reference that has this identifier itself: `system|value`, `|value`, `value`."""
    parameter = asked.parameter
    parts = [unescape(part) for part in split(asked.value, "|")]
    if len(parts) > 2 or not any(parts):
        raise Invalid(f"The parameter {parameter.name}:identifier is a value, system|value, |value or system|.")
    system, value = (None, parts[0]) if len(parts) == 1 else (parts[0], parts[1] or None)
    return IdentifierIs(f"{parameter.name}:identifier", system, value, parameter.elements)


def _of_type(asked: Asked, type: str) -> Criterion:
    """A reference to a resource of this type: by its id, or by type and id that say the same."""
    value = unescape(asked.value)
    id = value.removeprefix(f"{type}/")
    if not is_id(id):
        raise Invalid(f"The parameter {asked.parameter.name}:{type} is the id of a {type}.")
    return ReferenceTo(asked.parameter.name, type, id, asked.parameter.elements)


def _in_hierarchy(asked: Asked) -> Criterion:
    """What lies below or above a resource in the hierarchy that resources of its type build (`Location.partOf`)."""
    found = _to(asked, unescape(asked.value))
    targets = found.criteria if isinstance(found, AnyOf) else (found,)
    alternatives = [each for target in targets if (each := _hierarchical(asked, target)) is not None]
    if not alternatives:
        raise NotSupported(
            f"The parameter {asked.parameter.name}:{asked.modifier}: what it refers to builds no single hierarchy."
        )
    return alternatives[0] if len(alternatives) == 1 else AnyOf(tuple(alternatives))


def _hierarchical(asked: Asked, target: Criterion) -> InHierarchy | None:
    if not isinstance(target, ReferenceTo) or not target.type or target.param != asked.parameter.name:
        return None
    parents = [
        each
        for each in parameters_of(asked.context.definitions).of(target.type).values()
        if each.definition.type == "reference"
        and target.type in each.target_types()
        and any(element.name == _PART_OF for element in each.code.elements)
    ]
    if len(parents) != 1:
        return None
    above = asked.modifier == "above"
    via = parents[0]
    return InHierarchy(target.param, target.type, target.id, via.name, above, target.elements, via.elements)


def _below_canonical(asked: Asked) -> Criterion:
    """A canonical in this version or one below it: `url|1` finds `url|1` and `url|1.2`."""
    parameter, value = asked.parameter, unescape(asked.value)
    url, _, version = value.partition("|")
    if asked.modifier != "below":
        raise asked.refuse()
    if ":" not in url:
        raise Invalid(f"The parameter {parameter.name}:below is a canonical URL, or url|version.")
    if not version:
        return ReferenceTo(parameter.name, "", url, parameter.elements)
    name = f"{parameter.name}:below"
    return AnyOf(
        (
            TermIs(name, value, "equals", parameter.elements),
            TermIs(name, f"{value}.", "starts", parameter.elements),
        )
    )


REFERENCE = ParameterType("reference", _MODIFIERS, _extractors, _compile, sortable=True)
