"""A FHIR request and its answer as plain values: what the pipeline, Bundle entries, jobs and tests hand around.

No web framework appears below `api/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fhir_server.store.values import Written

NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit: addresses and ids, never tokens."""

    request_id: str
    correlation_id: str | None = None
    network_address: str | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True)
class FhirRequest:
    """One FHIR interaction or operation asked for.

    `path` is what follows the base, split at `/` and percent-decoded (`("Patient", "1")`); `parameters` are the query
    parameters in their order, decoded; `headers` have lower-case names; `body` is what was sent, as it was sent. A
    resource in XML is made into JSON before an interaction sees it.
    """

    method: str
    path: tuple[str, ...]
    origin: Origin
    parameters: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)
    body: bytes = b""

    def parameter(self, name: str) -> str | None:
        """The last value of a query parameter, or None."""
        return next((value for key, value in reversed(self.parameters) if key == name), None)


@dataclass(frozen=True, slots=True)
class FhirResponse:
    """The answer: status, body bytes and the headers that belong to FHIR (`ETag`, `Location`, `Last-Modified` …).

    The body is a resource, but where it is `raw`: then it is a Binary's own content. `written` says what happened to
    each resource, for callers inside the process (a load counts by it).
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/fhir+json"
    written: tuple[Written, ...] = ()
    raw: bool = False
