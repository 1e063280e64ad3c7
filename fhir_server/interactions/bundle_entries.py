"""The entries of a batch or transaction, read from the Bundle with each resource's own bytes kept.

https://hl7.org/fhir/R4/http.html#transaction
"""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from fhir_server.interactions.context import Context
from fhir_server.model.json import Document, parse
from fhir_server.outcome import Invalid, Issue, TooLarge
from fhir_server.request import FhirRequest

_MAX_URL = 32 * 1024
METHODS = (("DELETE",), ("POST",), ("PUT",), ("PATCH",), ("GET", "HEAD"))
"""The groups of methods in the order in which a batch or transaction carries them out."""

_CONDITIONS = {
    "ifMatch": "if-match",
    "ifNoneMatch": "if-none-match",
    "ifModifiedSince": "if-modified-since",
    "ifNoneExist": "if-none-exist",
}


class _RawBundle(msgspec.Struct):
    entry: list[dict[str, msgspec.Raw]] = []


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """One entry: what it asks (`method`, `path`, `parameters`, conditional `headers`) and the resource it carries."""

    position: int
    full_url: str | None
    method: str
    path: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    document: Document | None

    @property
    def place(self) -> str:
        """The FHIRPath of the entry."""
        return f"Bundle.entry[{self.position}]"

    def request(self, outer: FhirRequest) -> FhirRequest:
        """The entry as a request of its own, from the same origin as the Bundle."""
        headers, body = dict(self.headers), b""
        if self.document is not None:
            headers["content-type"], body = _content(self.method, self.document)
        if "prefer" in outer.headers:
            headers["prefer"] = outer.headers["prefer"]
        method = "GET" if self.method == "HEAD" else self.method
        return FhirRequest(method, self.path, outer.origin, self.parameters, headers, body)


def _content(method: str, document: Document) -> tuple[str, bytes]:
    """Content-Type and body of an entry. A patch comes in a Binary, https://hl7.org/fhir/R4/http.html#jsonpatch, but
    for a FHIRPath Patch, which is a resource itself."""
    if method != "PATCH" or document.data.get("resourceType") != "Binary":
        return "application/fhir+json", document.text
    try:
        patch = base64.b64decode(str(document.data.get("data", "")), validate=True)
    except ValueError:
        patch = b""
    return str(document.data.get("contentType", "")), patch


@dataclass(frozen=True, slots=True)
class ReceivedBundle:
    """A batch or transaction: its type and its entries in the order sent."""

    type: str
    entries: tuple[BundleEntry, ...]


def read_bundle(context: Context) -> ReceivedBundle:
    """The body as a batch or transaction Bundle whose frame is valid; the resources in it are not validated here."""
    rules = context.server.rules
    document = parse(context.request.body, max_bytes=rules.max_bundle_bytes)
    data = document.data
    if data.get("resourceType") != "Bundle" or data.get("type") not in ("batch", "transaction"):
        raise Invalid("What is sent to the base is a Bundle of type batch or transaction.", expression="Bundle.type")
    entries_sent = data.get("entry", ())
    if isinstance(entries_sent, list) and len(entries_sent) > rules.max_bundle_entries:
        raise TooLarge(f"A Bundle here has at most {rules.max_bundle_entries} entries.", expression="Bundle.entry")
    _check_frame(context, data)
    raw = msgspec.json.decode(document.text, type=_RawBundle).entry
    entries = tuple(_entry(context, position, entry, raw[position]) for position, entry in enumerate(entries_sent))
    return ReceivedBundle(data["type"], entries)


def _check_frame(context: Context, data: dict[str, Any]) -> None:
    """Validate the Bundle without the resources in it, which are judged entry by entry."""
    issues = context.server.validator.validate(data, entries=False)
    if any(issue.severity in ("error", "fatal") for issue in issues):
        raise Invalid(issues)


def _entry(context: Context, position: int, entry: dict[str, Any], raw: dict[str, msgspec.Raw]) -> BundleEntry:
    request = entry["request"]
    path, _, query = str(request["url"]).removeprefix(f"{context.server.base_url}/").lstrip("/").partition("?")
    place = f"Bundle.entry[{position}].request.url"
    if "://" in path:
        raise Invalid("The url of an entry is relative to the base of this server.", expression=place)
    if len(path) + len(query) > _MAX_URL:
        raise Invalid(f"The url of an entry has at most {_MAX_URL} characters.", expression=place)
    resource = entry.get("resource")
    document = None if resource is None else Document(resource, bytes(raw["resource"]))
    return BundleEntry(
        position,
        entry.get("fullUrl"),
        request["method"],
        tuple(unquote(segment) for segment in path.split("/") if segment),
        tuple(parse_qsl(query, keep_blank_values=True)),
        {header: str(request[name]) for name, header in _CONDITIONS.items() if name in request},
        document,
    )


def refuse(entry: BundleEntry, code: str, sentence: str, element: str = "request") -> Invalid:
    """An `Invalid` at this entry."""
    return Invalid([Issue(code, sentence, (f"{entry.place}.{element}",))])
