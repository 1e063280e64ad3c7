"""Bundles: which parts an entry has is up to the Bundle's type. bdl-1 to bdl-12 and what the text adds on fullUrl.

https://hl7.org/fhir/R4/bundle.html, https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl
"""

import re
from collections.abc import Iterator
from typing import Any

from fhir_server.validation.findings import Findings, Place

_WITH_REQUEST = frozenset({"batch", "transaction", "history"})
_WITH_RESPONSE = frozenset({"batch-response", "transaction-response", "history"})
_WITH_TOTAL = frozenset({"searchset", "history"})
_STORED = frozenset({"document", "message", "collection", "searchset", "history"})
_FIRST = {"document": ("Composition", "bdl-11"), "message": ("MessageHeader", "bdl-12")}
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+", re.ASCII)
_WITH_BODY = ("POST", "PUT", "PATCH")

_Entry = tuple[dict[str, Any], Place]


def check_bundle(data: dict[str, Any], here: Place, findings: Findings) -> None:
    """The rules of a Bundle; its elements have been checked one by one before."""
    kind = data.get("type")
    if not isinstance(kind, str):
        return
    entries = list(_entries(data, here))
    if "total" in data and kind not in _WITH_TOTAL:
        findings.add("invariant", "Only a searchset or history Bundle has a total (bdl-1).", here, "total")
    if kind == "document":
        _check_document(data, here, findings)
    if kind in _FIRST:
        _check_first(entries, here, *_FIRST[kind], findings)
    for entry, place in entries:
        _check_parts(entry, kind, place, findings)
        _check_full_url(entry, kind, place, findings)
    if kind != "history":
        _check_unique(entries, findings)
    _check_links(entries, findings)


def _entries(data: dict[str, Any], here: Place) -> Iterator[_Entry]:
    entries = data.get("entry")
    if isinstance(entries, list):
        around: Place = (here, "entry", entries, None)
        for index, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield entry, (around, index, entry, None)


def _check_document(data: dict[str, Any], here: Place, findings: Findings) -> None:
    identifier = data.get("identifier")
    if not isinstance(identifier, dict) or not {"system", "value"} <= identifier.keys():
        sentence = "A document must have an identifier with system and value (bdl-9)."
        findings.add("invariant", sentence, here, "identifier")
    if "timestamp" not in data:
        findings.add("invariant", "A document must have a timestamp (bdl-10).", here, "timestamp")


def _check_first(entries: list[_Entry], here: Place, name: str, rule: str, findings: Findings) -> None:
    resource = entries[0][0].get("resource") if entries else None
    if not isinstance(resource, dict) or resource.get("resourceType") != name:
        findings.add("invariant", f"The first resource of this Bundle must be a {name} ({rule}).", here, "entry")


def _check_parts(entry: dict[str, Any], kind: str, place: Place, findings: Findings) -> None:
    if "search" in entry and kind != "searchset":
        findings.add("invariant", "Only entries of a searchset have search (bdl-2).", place, "search")
    for name, kinds, rule in (("request", _WITH_REQUEST, "bdl-3"), ("response", _WITH_RESPONSE, "bdl-4")):
        if (name in entry) != (kind in kinds):
            must = "must" if kind in kinds else "must not"
            findings.add("invariant", f"An entry of a {kind} Bundle {must} have {name} ({rule}).", place, name)
    if entry.keys().isdisjoint(("resource", "request", "response")):
        findings.add("invariant", "An entry must have a resource, request or response (bdl-5).", place)
    request = entry.get("request")
    changing = isinstance(request, dict) and request.get("method") in _WITH_BODY
    if changing and kind in ("batch", "transaction") and "resource" not in entry:
        findings.add("required", "An entry that creates or changes something needs its resource.", place, "resource")


def _check_full_url(entry: dict[str, Any], kind: str, place: Place, findings: Findings) -> None:
    url = entry.get("fullUrl")
    if not isinstance(url, str):
        return
    if not _ABSOLUTE.fullmatch(url):
        findings.add("value", "A fullUrl must be absolute (http…, urn:uuid:…).", place, "fullUrl")
    elif "/_history/" in url:
        findings.add("invariant", "A fullUrl must not name a version (bdl-8).", place, "fullUrl")
    elif kind in _STORED and url.startswith(("http:", "https:")) and not _agrees(url, entry.get("resource")):
        sentence = "A fullUrl that is an address must end with the id of the resource."
        findings.add("value", sentence, place, "fullUrl")


def _agrees(url: str, resource: Any) -> bool:
    return not isinstance(resource, dict) or "id" not in resource or url.rpartition("/")[2] == resource["id"]


def _check_unique(entries: list[_Entry], findings: Findings) -> None:
    seen: set[tuple[str, str]] = set()
    for entry, place in entries:
        url = entry.get("fullUrl")
        if not isinstance(url, str):
            continue
        key = (url, _version(entry.get("resource")))
        if key in seen:
            sentence = "Two entries have the same fullUrl; that is allowed only for versions of one resource (bdl-7)."
            findings.add("invariant", sentence, place, "fullUrl")
        seen.add(key)


def _version(resource: Any) -> str:
    meta = resource.get("meta") if isinstance(resource, dict) else None
    return str(meta.get("versionId", "")) if isinstance(meta, dict) else ""


def _check_links(entries: list[_Entry], findings: Findings) -> None:
    """A reference to another entry by its urn must find a resource of an allowed type there."""
    if not findings.bundled:
        return
    types = {
        entry.get("fullUrl"): str(entry["resource"].get("resourceType"))
        for entry, _ in entries
        if isinstance(entry.get("fullUrl"), str) and isinstance(entry.get("resource"), dict)
    }
    for link in findings.bundled:
        found = types.get(link.target)
        if found is not None and link.allowed is not None and found not in link.allowed:
            allowed = " or ".join(sorted(link.allowed))
            sentence = f"This must refer to {allowed}; the entry with this fullUrl is of type {found}."
            findings.add("value", sentence, link.place, link.key)
