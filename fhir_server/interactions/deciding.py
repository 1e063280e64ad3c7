"""Deciding again: a write whose grounds changed while it was made is made anew, a bounded number of times."""

from collections.abc import Awaitable, Callable

from fhir_server.outcome import Conflict, Contended
from fhir_server.request import FhirResponse

ATTEMPTS = 64


async def until_settled(attempt: Callable[[], Awaitable[FhirResponse]]) -> FhirResponse:
    """Run `attempt`, again whenever rivals changed what it rested on. Raises `Conflict` after too many rounds."""
    for _ in range(ATTEMPTS):
        try:
            return await attempt()
        except Contended:
            continue
    raise Conflict("Too many others are changing the same resource; try again.")
