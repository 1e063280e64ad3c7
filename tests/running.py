"""The application in this process, spoken to through HTTP: what most tests use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from fhir_server.app import create_app
from fhir_server.settings import Settings
from tests.stores import store_of

BASE = "http://127.0.0.1:8080/fhir"
JSON = {"content-type": "application/fhir+json"}


class Client:
    """An HTTP client for one running application, with the few calls that tests repeat."""

    def __init__(self, http: httpx.AsyncClient, app: Any) -> None:
        self.http = http
        self.app = app

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """GET below the FHIR base, or an absolute link of it."""
        return await self.http.get(path.removeprefix(BASE).lstrip("/"), headers=_named(headers))

    async def put(self, resource: dict[str, Any], **headers: str) -> httpx.Response:
        """PUT a resource under its id."""
        path = f"{resource['resourceType']}/{resource['id']}"
        return await self.http.put(path, content=encoded(resource), headers=JSON | _named(headers))

    async def post(self, resource: dict[str, Any], path: str | None = None, **headers: str) -> httpx.Response:
        """POST a resource to its type, or to `path`."""
        where = resource["resourceType"] if path is None else path
        return await self.http.post(where, content=encoded(resource), headers=JSON | _named(headers))

    async def send(self, method: str, path: str, content: bytes = b"", **headers: str) -> httpx.Response:
        """Any request."""
        return await self.http.request(method, path, content=content, headers=_named(headers))


def encoded(resource: Any) -> bytes:
    """A resource as JSON bytes, decimals exact."""
    return msgspec.json.Encoder(decimal_format="number").encode(resource)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[Client]:
    """The application on a new or existing store in `folder`, started and stopped as a server would."""
    url, more = store_of(folder)
    values = {"store": url, "auth": "off"} | more | settings
    app = create_app(Settings(**values))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE + "/") as http,
    ):
        yield Client(http, app)


def patient(resource_id: str, **elements: Any) -> dict[str, Any]:
    """A small Patient."""
    return {"resourceType": "Patient", "id": resource_id, **elements}


def observation(subject: str, resource_id: str | None = None, **elements: Any) -> dict[str, Any]:
    """A small final Observation of a patient."""
    resource: dict[str, Any] = {"resourceType": "Observation"}
    if resource_id is not None:
        resource["id"] = resource_id
    return resource | {
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": subject},
        **elements,
    }
