"""How a page gets what it shows: by requests to the pipeline, like any other caller, so access and audit hold."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec

from fhir_server.request import FhirRequest, FhirResponse, Origin

Json = dict[str, Any]
Pipeline = Callable[[FhirRequest], Awaitable[FhirResponse]]
_CLIENT = "pages"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the pipeline answered: the status and the resource."""

    status: int
    resource: Json

    @property
    def entries(self) -> list[Json]:
        """The entries of a Bundle; none where it is something else."""
        return list(self.resource.get("entry", ())) if self.resource.get("resourceType") == "Bundle" else []

    def next(self) -> str | None:
        """The page token of the next link."""
        for link in self.resource.get("link", ()):
            if link.get("relation") == "next":
                return str(link["url"]).partition("_page=")[2] or None
        return None


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks on behalf of one request for a page."""

    pipeline: Pipeline
    network_address: str | None

    async def get(self, *path: str, parameters: Sequence[tuple[str, str]] = ()) -> Answer:
        """The answer to a GET below the FHIR base."""
        origin = Origin(uuid4().hex, client=_CLIENT, network_address=self.network_address)
        answer = await self.pipeline(FhirRequest("GET", path, origin, tuple(parameters)))
        return Answer(answer.status, msgspec.json.decode(answer.body) if answer.body else {})
