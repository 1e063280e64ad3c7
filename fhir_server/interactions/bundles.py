"""Result Bundles, joined from stored bytes: no resource is parsed to be shown.

https://hl7.org/fhir/R4/bundle.html#searchset, #history
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from fhir_server.interactions.answers import etag
from fhir_server.interactions.context import Context
from fhir_server.model.json import dump
from fhir_server.outcome import Issue, operation_outcome
from fhir_server.request import FhirResponse
from fhir_server.store.values import Version, instant

_SAFE = "!$'()*,;:@/?~|"
_METHOD = {"create": "POST", "update": "PUT", "delete": "DELETE"}


@dataclass(frozen=True, slots=True)
class ResultBundle:
    """A Bundle of results: `links` are (relation, URL); `total` None is left out."""

    type: str
    last_updated_ms: int
    links: Sequence[tuple[str, str]]
    entries: Iterable[bytes]
    total: int | None = None
    warnings: Sequence[Issue] = field(default=())


def query_string(parameters: Sequence[tuple[str, str]]) -> str:
    """Query parameters as they stand in a link."""
    return "&".join(f"{quote(name, safe=_SAFE)}={quote(value, safe=_SAFE)}" for name, value in parameters)


def link(context: Context, parameters: Sequence[tuple[str, str]]) -> str:
    """The absolute URL of this request's path with these parameters, and the `_format` that it asked for."""
    asked = [pair for pair in context.request.parameters if pair[0] == "_format"]
    parameters = [*parameters, *(pair for pair in asked if pair not in parameters)]
    path = "/".join(segment for segment in context.request.path if segment != "_search")
    url = f"{context.server.base_url}/{path}" if path else context.server.base_url
    return f"{url}?{query_string(parameters)}" if parameters else url


def answer(context: Context, bundle: ResultBundle) -> FhirResponse:
    """The Bundle as an answer."""
    links = [{"relation": relation, "url": url} for relation, url in bundle.links]
    head: dict[str, object] = {
        "resourceType": "Bundle",
        "id": context.server.new_id(),
        "meta": {"lastUpdated": instant(bundle.last_updated_ms)},
        "type": bundle.type,
    }
    if bundle.total is not None:
        head["total"] = bundle.total
    entries = list(bundle.entries)
    if bundle.warnings:
        outcome = {"resource": operation_outcome(bundle.warnings), "search": {"mode": "outcome"}}
        entries.append(dump(outcome))
    parts = [dump({**head, "link": links})[:-1]]
    # An empty array is not allowed in FHIR's JSON, so a Bundle without results has no `entry`.
    parts.append(b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}")
    return FhirResponse(200, b"".join(parts))


def match_entry(base_url: str, version: Version, body: bytes, *, mode: bytes = b"match", part: str = "") -> bytes:
    """A search result, or with the mode `include` what goes along; `part`: the fragment (`#a`) of what is contained."""
    return b'{"fullUrl":"%s/%s/%s%s","resource":%s,"search":{"mode":"%s"}}' % (
        base_url.encode(),
        version.type.encode(),
        version.id.encode(),
        part.encode(),
        body,
        mode,
    )


def history_entry(base_url: str, version: Version) -> bytes:
    """A history entry: the version, and the request that made it with its response."""
    place = f"{version.type}/{version.id}"
    method = _METHOD[version.method]
    status = {"create": "201", "update": "200", "delete": "204"}[version.method]
    if version.method == "update" and version.version == 1:
        status = "201"
    request = {"method": method, "url": version.type if method == "POST" else place}
    response = {"status": status, "etag": etag(version.version), "lastModified": instant(version.last_updated_ms)}
    resource = b"" if version.body is None else b'"resource":' + version.body + b","
    return b'{"fullUrl":"%s/%s",%s"request":%s,"response":%s}' % (
        base_url.encode(),
        place.encode(),
        resource,
        dump(request),
        dump(response),
    )
