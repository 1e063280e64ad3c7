"""Contained resources and the links inside a resource, looked at when the whole resource has been seen.

dom-2 to dom-5 of DomainResource and ref-1 of Reference. https://hl7.org/fhir/R4/references.html#contained
"""

from typing import Any

from fhir_server.validation.findings import Findings, Link, Place

_NESTED = "A contained resource must not contain resources (dom-2)."
_UNUSED = (
    "A contained resource must be referred to from the resource around it (#id), or refer to that (#) (dom-3); its"
    " reference is missing."
)
_UNRESOLVED = "There is no contained resource with this id (ref-1)."
_NO_ID = "A contained resource needs an id, by which it is referred to."


def check_contained(data: dict[str, Any], here: Place, findings: Findings) -> None:
    """Check what is contained in a resource, and every `#id` in it. `findings.local` has the links found in it."""
    contained = data.get("contained")
    resources = contained if isinstance(contained, list) else []
    types = _types_by_id(resources, here, findings)
    for link in findings.local:
        if link.literal:
            _check_link(link, types, data, findings)
    if not resources:
        return
    mentioned = {link.target[1:] for link in findings.local}
    referring = {_index(link, data) for link in findings.local if link.target == "#"}
    for index, resource in enumerate(resources):
        place: Place = (_list_of(here, resources), index, resource, None)
        if isinstance(resource, dict):
            _check_resource(resource, place, findings)
            if isinstance(resource.get("id"), str) and resource["id"] not in mentioned and index not in referring:
                findings.add("invariant", _UNUSED, place)


def _list_of(here: Place, resources: list[Any]) -> Place:
    return (here, "contained", resources, None)


def _types_by_id(resources: list[Any], here: Place, findings: Findings) -> dict[str, str]:
    types: dict[str, str] = {}
    for index, resource in enumerate(resources):
        name = resource.get("id") if isinstance(resource, dict) else None
        if not isinstance(name, str):
            continue
        if name in types:
            place: Place = (_list_of(here, resources), index, resource, None)
            findings.add("invariant", "Two contained resources have the same id.", place, "id")
        types.setdefault(name, str(resource.get("resourceType")))
    return types


def _check_link(link: Link, types: dict[str, str], data: dict[str, Any], findings: Findings) -> None:
    found = data.get("resourceType") if link.target == "#" else types.get(link.target[1:])
    if found is None:
        findings.add("invariant", _UNRESOLVED, link.place, link.key)
    elif link.allowed is not None and found not in link.allowed:
        sentence = (
            f"This must refer to {' or '.join(sorted(link.allowed))}; the resource with this id is of type {found}."
        )
        findings.add("value", sentence, link.place, link.key)


def _check_resource(resource: dict[str, Any], place: Place, findings: Findings) -> None:
    if "id" not in resource:
        findings.add("required", _NO_ID, place, "id")
    if "contained" in resource:
        findings.add("invariant", _NESTED, place, "contained")
    meta = resource.get("meta")
    if isinstance(meta, dict):
        for name, key in (("versionId", "dom-4"), ("lastUpdated", "dom-4"), ("security", "dom-5")):
            if name in meta:
                inner: Place = (place, "meta", meta, None)
                findings.add(
                    "invariant", f"The meta of a contained resource must not have {name} ({key}).", inner, name
                )


def _index(link: Link, data: dict[str, Any]) -> int | None:
    """The index of the contained resource that a link stands in, None where it is not in one."""
    place: Any = link.place
    while place is not None and place[0] is not None:
        around = place[0]
        if around[1] == "contained" and around[0] is not None and around[0][2] is data:
            return int(place[1])
        place = around
    return None
