"""The FHIR endpoint: an ASGI application mounted at `/fhir`, with no framework on its way.

https://hl7.org/fhir/R4/http.html
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl

from fhir_server.api.body import Receive, read_body
from fhir_server.api.hosts import Hosts
from fhir_server.api.negotiation import (
    Format,
    answer_format,
    check_body_format,
    check_document_format,
    wants_pretty,
)
from fhir_server.api.shown import shown
from fhir_server.interactions.context import Rules
from fhir_server.model.media_types import is_fhir, media_type_of
from fhir_server.outcome import Invalid
from fhir_server.pipeline import Pipeline
from fhir_server.random_ids import RandomIds
from fhir_server.request import FhirRequest, FhirResponse, Origin

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._\-]{1,64}", re.ASCII)
_BODIES: Final = frozenset(("POST", "PUT", "PATCH"))
_MAX_QUERY: Final = 32 * 1024
_MAX_FIELDS: Final = 500
_FIXED_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_JSON: Final = b"application/fhir+json; fhirVersion=4.0; charset=utf-8"
_XML: Final = b"application/fhir+xml; fhirVersion=4.0; charset=utf-8"
_FRAMING: Final = 4096
"""What the frame of a wrapped or one-entry body may add to the limit of a resource."""


@dataclass(frozen=True, slots=True)
class FhirEndpoint:
    """The ASGI application. `root` is the number of characters of the mount path that precede FHIR's own path;
    `hosts` the names that a request may use for this server (None: any); `new_id` makes ids for requests."""

    pipeline: Pipeline
    rules: Rules
    body_seconds: float
    root: int
    hosts: Hosts | None = None
    new_id: Callable[[], str] = field(default_factory=lambda: RandomIds().hexadecimal)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = self._request(scope)
        head = request.method == "HEAD"
        if head:
            request = replace(request, method="GET")
        answer = await self._answer(scope, request, receive)
        await _send(send, request, answer, without_body=head)

    async def _answer(self, scope: Scope, request: FhirRequest, receive: Receive) -> FhirResponse:
        parameters = request.parameters
        form: Format = "json"
        try:
            if self.hosts is not None:
                self.hosts.check(request.headers.get("host"))
            if scope["query_string"]:
                request = parameters_read(request, scope["query_string"])
                parameters = request.parameters
            if parameters or request.headers:
                form = answer_format(request.headers, parameters, raw_allowed=_is_binary(request))
            laid_out = bool(parameters) and wants_pretty(parameters)
            if request.method in _BODIES:
                request = await self._with_body(request, receive)
        except Exception as error:
            laid_out = False
            answer = await self.pipeline.refuse(request, error)
        else:
            answer = await self.pipeline(request)
        if form == "json" and not laid_out:
            return answer
        try:
            return await shown(answer, form, self.pipeline.definitions, laid_out=laid_out)
        except Exception as error:
            return await self.pipeline.refuse(request, error)

    def _request(self, scope: Scope) -> FhirRequest:
        headers = _headers(scope["headers"])
        path = scope["path"][self.root :]
        segments = tuple(segment for segment in path.split("/") if segment)
        client = scope.get("client")
        origin = Origin(
            _identifier(headers.get("x-request-id")) or self.new_id(),
            _identifier(headers.get("x-correlation-id")),
            client[0] if client else None,
        )
        return FhirRequest(scope["method"], segments, origin, headers=headers)

    async def _with_body(self, request: FhirRequest, receive: Receive) -> FhirRequest:
        binary, form = _is_binary(request), bool(request.path) and request.path[-1] == "_search"
        declared = request.headers.get("content-length")
        documents = self.pipeline.routes.media_types(request.method, request.path)
        if documents:
            check_document_format(request.headers, documents)
        elif not (form and declared in (None, "0")):
            check_body_format(request.headers, request.method, raw_allowed=binary, form_allowed=form)
        limit = self.rules.max_bundle_bytes if documents else self._limit(request, binary, form)
        body = await read_body(receive, declared, limit=limit, seconds=self.body_seconds)
        if not form:
            return replace(request, body=body)
        return replace(request, parameters=(*request.parameters, *_fields(body)))

    def _limit(self, request: FhirRequest, binary: bool, form: bool) -> int:
        if form:
            return _MAX_QUERY
        if not request.path:
            return self.rules.max_bundle_bytes
        if binary and not is_fhir(media_type_of(request.headers.get("content-type")), binary=True):
            return self.rules.max_binary_bytes
        return self.rules.max_resource_bytes + _FRAMING


def _headers(sent: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by name. One sent twice counts as the list of both values (RFC 9110, 5.3), so that none of them
    decides alone: two hosts are no host, two ETags in If-Match are no version."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in sent}
    if len(headers) < len(sent):
        for name in headers:
            headers[name] = ", ".join(
                value.decode("latin-1") for other, value in sent if other.decode("latin-1") == name
            )
    return headers


def parameters_read(request: FhirRequest, query: bytes) -> FhirRequest:
    """The request with its query parameters; raises `Invalid` for a query that is too long or not UTF-8."""
    if len(query) > _MAX_QUERY:
        raise Invalid(f"The query is over {_MAX_QUERY} bytes; POST it to _search, in parts.")
    return replace(request, parameters=_fields(query))


def _fields(query: bytes) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(
            parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
        )
    except ValueError as error:
        raise Invalid(f"The parameters are not at most {_MAX_FIELDS} fields, percent-encoded in UTF-8.") from error


def _is_binary(request: FhirRequest) -> bool:
    return bool(request.path) and request.path[0] == "Binary" and request.path[-1] not in ("_history", "_search")


def _identifier(value: str | None) -> str | None:
    """A request or correlation id as it may be repeated; anything else counts as none."""
    return value if value is not None and _REQUEST_ID.fullmatch(value) else None


async def _send(send: Send, request: FhirRequest, answer: FhirResponse, *, without_body: bool) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    headers += _FIXED_HEADERS
    headers.append((b"x-request-id", request.origin.request_id.encode()))
    if request.origin.correlation_id is not None:
        headers.append((b"x-correlation-id", request.origin.correlation_id.encode()))
    if answer.body:
        headers.append((b"content-type", _content_type(answer)))
    if answer.status not in (204, 304):
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if without_body else answer.body})


def _content_type(answer: FhirResponse) -> bytes:
    if answer.raw:
        return answer.content_type.encode("latin-1", "replace")
    return _JSON if answer.content_type == "application/fhir+json" else _XML
