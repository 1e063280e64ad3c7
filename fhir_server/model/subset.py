"""Parts of a resource: what `_elements` and `_summary` ask for. A part says that it is one, so that nobody writes it
back as the whole.

https://hl7.org/fhir/R4/search.html#elements, https://hl7.org/fhir/R4/search.html#summary
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import Element
from fhir_server.model.elements import elements_of, is_primitive, json_names, shape_of
from fhir_server.outcome import Invalid

SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
_SYSTEMS = (SUBSETTED["system"], "http://hl7.org/fhir/v3/ObservationValue", None)
_ALWAYS = frozenset({"resourceType", "id", "meta"})

_Names = frozenset[str]


def elements_subset(data: dict[str, Any], names: Iterable[str], definitions: Definitions) -> dict[str, Any]:
    """The top-level elements of these names, marked SUBSETTED; a name that the type does not have adds nothing.

    Mandatory elements stay, as the specification asks; modifier elements stay too (an entry made in error must never
    look like any other), and so do `id`, `meta` and the contained resources that the part refers to. A choice is named
    `value`, `value[x]` or `valueQuantity`.
    """
    asked = {name.removesuffix("[x]") for name in names}
    parts = _parts(definitions)
    kept = set(parts.essential(data["resourceType"]))
    for element in elements_of(data["resourceType"], definitions):
        for name, _ in json_names(element):
            if name in asked or element.name in asked:
                kept |= {name, "_" + name}
    return _finished({name: value for name, value in data.items() if name in kept or name in _ALWAYS}, data)


def summary(data: dict[str, Any], mode: str, definitions: Definitions) -> dict[str, Any]:
    """The part that `_summary` asks for, marked SUBSETTED; for `false` the resource as it is.

    true: the elements that the definitions mark as summary, at every level, and mandatory ones. text: the narrative and
    mandatory top-level elements. data: all but the narrative. Raises `Invalid` for another mode (count is no read).
    """
    if mode == "false":
        return data
    if mode == "data":
        return _finished({name: value for name, value in data.items() if name != "text"}, data)
    if mode == "text":
        kept = _parts(definitions).essential(data["resourceType"]) | _ALWAYS | {"text"}
        return _finished({name: value for name, value in data.items() if name in kept}, data)
    if mode == "true":
        return _finished(_parts(definitions).summary_of_resource(data), data)
    raise Invalid("_summary of one resource is true, text, data or false.")


def is_subsetted(data: dict[str, Any]) -> bool:
    """Whether a resource says that it is only a part of one."""
    meta = data.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return isinstance(tags, list) and any(
        isinstance(tag, dict) and tag.get("code") == "SUBSETTED" and tag.get("system") in _SYSTEMS for tag in tags
    )


@lru_cache(maxsize=4)
def _parts(definitions: Definitions) -> "_Parts":
    return _Parts(definitions)


class _Parts:
    """Which members belong to a part, by shape; worked out when a shape is first met."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._essential: dict[str, _Names] = {}
        self._summaries: dict[str, dict[str, str | None]] = {}

    def essential(self, resource_type: str) -> _Names:
        """The JSON names of mandatory and modifier elements at the top level."""
        names = self._essential.get(resource_type)
        if names is None:
            elements = [each for each in elements_of(resource_type, self._definitions) if _is_essential(each)]
            names = frozenset(
                prefix + name for each in elements for name, _ in json_names(each) for prefix in ("", "_")
            )
            self._essential[resource_type] = names
        return names

    def summary_of_resource(self, data: dict[str, Any]) -> dict[str, Any]:
        members = self._summary(data["resourceType"])
        return {
            name: value if name in _ALWAYS else self._part(value, members[name])
            for name, value in data.items()
            if name in _ALWAYS or name in members
        }

    def _part(self, value: Any, shape: str | None) -> Any:
        if shape is None:
            return value
        if isinstance(value, list):
            return [self._part(item, shape) for item in value]
        if not isinstance(value, dict):
            return value
        members = self._summary(shape)
        part = {name: self._part(item, members[name]) for name, item in value.items() if name in members}
        return part or value

    def _summary(self, shape: str) -> dict[str, str | None]:
        """The JSON names that a summary keeps, with the shape of what is inside (None: keep it whole)."""
        names = self._summaries.get(shape)
        if names is None:
            names = {}
            for element in elements_of(shape, self._definitions):
                if element.is_summary or _is_essential(element):
                    names |= _summary_names(element)
            self._summaries[shape] = names
        return names


def _is_essential(element: Element) -> bool:
    return element.min > 0 or element.is_modifier


def _summary_names(element: Element) -> dict[str, str | None]:
    names: dict[str, str | None] = {}
    for name, kind in json_names(element):
        if kind is None or not is_primitive(kind.code):
            shape = shape_of(element, kind)
            names[name] = None if shape in ("Resource", "Extension") else shape
        else:
            names[name] = names["_" + name] = None
    return names


def _finished(part: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """The part, marked, with the contained resources it refers to: without its drug a prescription says nothing."""
    if "contained" in data and "contained" not in part:
        contained = _referred_to(part, data["contained"])
        if contained:
            whole = {**part, "contained": contained}
            part = {name: whole[name] for name in data if name in whole}
    return _marked(part)


def _referred_to(part: dict[str, Any], contained: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = _local_links(part)
    while True:
        kept = [resource for resource in contained if resource.get("id") in ids]
        more = ids.union(*map(_local_links, kept))
        if more == ids:
            return kept
        ids = more


def _local_links(value: Any) -> set[str]:
    """What stands behind a `#` in any text of a tree."""
    if isinstance(value, str):
        return {value[1:]} if value.startswith("#") else set()
    if isinstance(value, dict):
        value = list(value.values())
    return set().union(*map(_local_links, value)) if isinstance(value, list) else set()


def _marked(part: dict[str, Any]) -> dict[str, Any]:
    if is_subsetted(part):
        return part
    meta = part.get("meta", {})
    marked = {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}
    if "meta" in part:
        return {**part, "meta": marked}
    first: dict[str, Any] = {name: part[name] for name in ("resourceType", "id") if name in part}
    return {**first, "meta": marked, **part}
