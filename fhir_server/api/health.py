"""Health routes. `/health/live`: the process answers. `/health/ready`: it can read its store and write its audit.

They say nothing of the record, its size or its version.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from fhir_server.outcome import FhirError

Check = Callable[[], Awaitable[None]]


def live() -> Callable[[Request], Awaitable[Response]]:
    """The liveness route."""

    async def answer(_: Request) -> Response:
        return PlainTextResponse("live\n")

    return answer


def ready(check: Check, draining: Callable[[], bool]) -> Callable[[Request], Awaitable[Response]]:
    """The readiness route: 503 while the server is stopping, or where `check` raises a `FhirError`."""

    async def answer(_: Request) -> Response:
        if draining():
            return PlainTextResponse("stopping\n", 503)
        try:
            await check()
        except FhirError:
            return PlainTextResponse("store unavailable\n", 503)
        return PlainTextResponse("ready\n")

    return answer
