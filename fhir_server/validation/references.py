"""References: form, and the type of resource that they point at. https://hl7.org/fhir/R4/references.html

A conditional reference (`Patient?identifier=…`) is accepted by its form: only a transaction can resolve it, and the
interaction decides. Whether a target exists is not asked here.
"""

import re
from collections.abc import Callable
from typing import Any

from fhir_server.validation.findings import Check, Findings, Key, Link, Place, shown

_ID = r"[A-Za-z0-9\-.]{1,64}"
_RELATIVE = re.compile(rf"([A-Z][A-Za-z]{{1,63}})/{_ID}(?:/_history/{_ID})?(?:#\S+)?", re.ASCII)
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]{1,63})\?\S+", re.ASCII)
_ABSOLUTE = re.compile(r"https?://[^\s/]+(?:/\S*)?", re.ASCII)
_AT_END = re.compile(rf"/([A-Z][A-Za-z]{{1,63}})/{_ID}(?:/_history/{_ID})?(?:#\S+)?$", re.ASCII)
_URN = re.compile(r"urn:[a-z0-9][a-z0-9\-]{1,31}:\S+", re.ASCII | re.IGNORECASE)
_CANONICAL = "http://hl7.org/fhir/StructureDefinition/"
_FORM = (
    "A reference is [type]/[id], an absolute http(s) address, urn:uuid:…, urn:oid:…, #[id] of a contained resource, or"
    " in a transaction [type]?[criteria]."
)
_EMPTY = "A reference needs one of reference, identifier and display, or an extension."

_Known = Callable[[str], bool]


def reference_check(inner: Check, targets: tuple[str, ...], is_resource_type: _Known) -> Check:
    """The check of an element of type Reference. `targets`: the resource types allowed; empty: any."""
    allowed = frozenset(targets) if targets else None

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        before = len(findings.issues)
        inner(value, place, key, findings)
        if len(findings.issues) != before:
            return
        link = value.get("reference")
        match = _RELATIVE.fullmatch(link) if link is not None else None
        if (
            match is not None
            and "type" not in value
            and (match[1] in allowed if allowed else is_resource_type(match[1]))
        ):
            return
        _look_closely(value, link, allowed, is_resource_type, (place, key, value, None), findings)

    return check


def _look_closely(
    value: dict[str, Any],
    link: str | None,
    allowed: frozenset[str] | None,
    is_resource_type: _Known,
    place: Place,
    findings: Findings,
) -> None:
    stated = _stated_type(value, is_resource_type, place, findings)
    found = None
    if link is None:
        if value.keys().isdisjoint(("identifier", "display", "extension", "_reference", "_display")):
            findings.add("required", _EMPTY, place)
    elif link.startswith("#"):
        findings.local.append(Link(link, place, "reference", True, frozenset({stated}) if stated else allowed))
    else:
        found = _target_type(link, is_resource_type, place, findings)
        if found is None and link.startswith("urn:"):
            findings.bundled.append(Link(link, place, "reference", True, allowed))
    if found and stated and found != stated:
        sentence = f"The reference is to a {found}, its type element says {stated}."
        findings.add("value", sentence, place, "type")
    for name, key in ((found, "reference"), (None if found else stated, "type")):
        if name and allowed and name not in allowed:
            findings.add("value", _wrong_target(name, allowed), place, key)


def _wrong_target(found: str, allowed: frozenset[str]) -> str:
    return f"This must refer to {' or '.join(sorted(allowed))}, not to {found}."


def _stated_type(value: dict[str, Any], is_resource_type: _Known, place: Place, findings: Findings) -> str | None:
    stated = value.get("type")
    if stated is None:
        return None
    name: str = stated.removeprefix(_CANONICAL)
    if is_resource_type(name):
        return name
    if "/" not in name:
        findings.add("value", f"The type {shown(name)} is not a FHIR R4 resource type.", place, "type")
    return None


def _target_type(link: str, is_resource_type: _Known, place: Place, findings: Findings) -> str | None:
    """The type that a literal reference names, if it does."""
    match = _RELATIVE.fullmatch(link) or _CONDITIONAL.fullmatch(link)
    if match is not None:
        if is_resource_type(match[1]):
            return match[1]
        findings.add("value", f"{shown(match[1])} is not a FHIR R4 resource type.", place, "reference")
    elif _ABSOLUTE.fullmatch(link):
        end = _AT_END.search(link)
        return end[1] if end is not None and is_resource_type(end[1]) else None
    elif not _URN.fullmatch(link):
        findings.add("value", _FORM, place, "reference")
    return None
