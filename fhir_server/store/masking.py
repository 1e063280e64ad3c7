"""Masking: which elements a filter hides in a row, and taking them out of a body. Shared by all stores.

An element path is masked with everything below it. The narrative repeats what the elements say, so it goes with them.
Contained resources are masked by their own type.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode

_CHOICE_TYPES = """
Base64Binary Boolean Canonical Code Date DateTime Decimal Id Instant Integer Markdown Oid PositiveInt String Time
UnsignedInt Uri Url Uuid Address Age Annotation Attachment CodeableConcept Coding ContactPoint Count Distance Duration
HumanName Identifier Money Period Quantity Range Ratio Reference SampledData Signature Timing ContactDetail Contributor
DataRequirement Expression ParameterDefinition RelatedArtifact TriggerDefinition UsageContext Dosage Meta
"""
CHOICE_TYPES = frozenset(_CHOICE_TYPES.split())
"""The types that end the JSON name of a choice element. https://hl7.org/fhir/R4/datatypes.html#open"""


def reads_masked(elements: Iterable[str], masked: Iterable[str]) -> bool:
    """Whether one of the elements lies in, or around, one that is masked."""
    hidden = tuple(masked)
    return any(_lies_in(element, path) or _lies_in(path, element) for element in elements for path in hidden)


def _lies_in(inner: str, outer: str) -> bool:
    inner, outer = _bare(inner), _bare(outer)
    return inner == outer or inner.startswith(outer + ".")


def _bare(path: str) -> str:
    return path.replace("[x]", "")


def masked_in_all(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    """The paths that every one of these sets masks."""
    return frozenset(
        path
        for masked in sets
        for path in masked
        if all(any(_lies_in(path, other) for other in others) for others in sets)
    )


def mask(body: bytes, masked: frozenset[str]) -> tuple[bytes, frozenset[str]]:
    """The body (compact JSON) without the masked elements, and the paths of those that it had."""
    names = {path.partition(".")[0] for path in masked}
    if not any(b'"resourceType":"%s"' % name.encode() in body for name in names):
        return body, frozenset()
    resource = _decode(body)
    removed: set[str] = set()
    _mask_resource(resource, masked, removed)
    return (_encode(resource), frozenset(removed)) if removed else (body, frozenset())


def _mask_resource(resource: Any, masked: frozenset[str], removed: set[str]) -> None:
    if not isinstance(resource, dict):
        return
    name = str(resource.get("resourceType", ""))
    kept = (f"{name}.id", f"{name}.resourceType")
    paths = [path for path in masked if path.startswith(name + ".") and path not in kept]
    for path in paths:
        if _remove(resource, _bare(path).split(".")[1:]):
            removed.add(path)
    if paths and resource.pop("text", None) is not None:
        removed.add(f"{name}.text")
    for contained in resource.get("contained", ()):
        _mask_resource(contained, masked, removed)


def _remove(element: Any, path: list[str]) -> bool:
    if isinstance(element, list):
        return any([_remove(item, path) for item in element])
    if not isinstance(element, dict):
        return False
    keys = [key for key in element if _names(key, path[0])]
    if len(path) == 1:
        for key in keys:
            del element[key]
        return bool(keys)
    changed = [key for key in keys if _remove(element[key], path[1:])]
    for key in changed:
        _prune(element, key)
    return bool(changed)


def _prune(element: dict[str, Any], key: str) -> None:
    """Take out what has become empty; FHIR has no empty objects or arrays."""
    value = element[key]
    if isinstance(value, list) and key.startswith("_"):
        value = [item or None for item in value]
        element[key] = value
    elif isinstance(value, list):
        value[:] = [item for item in value if item != {}]
    if not value or (isinstance(value, list) and not any(value)):
        del element[key]


def _names(key: str, element: str) -> bool:
    """Whether a JSON name is that of the element: itself, its `_` sibling, or a choice of it with its type."""
    bare = key[1:] if key.startswith("_") else key
    if not bare.startswith(element):
        return False
    return bare == element or bare[len(element) :] in CHOICE_TYPES
