"""Query strings as tests write them."""

from dataclasses import replace

from fhir_server.search.context import Limits
from fhir_server.search.parse import Search, parse, parse_system
from fhir_server.store.criteria import Criterion, Query
from tests.search.samples import CONTEXT


def pairs(query: str) -> list[tuple[str, str]]:
    """A query string without percent-encoding."""
    return [(name, value) for name, _, value in (part.partition("=") for part in query.split("&"))] if query else []


async def search(resource_type: str, query: str, *, strict: bool = False, limits: Limits | None = None) -> Search:
    """The search of a type."""
    context = CONTEXT if limits is None else replace(CONTEXT, limits=limits)
    return await parse(resource_type, pairs(query), context, strict=strict)


async def system_search(query: str, *types: str, strict: bool = False) -> Search:
    """The search of these types, or of some."""
    return await parse_system(pairs(query), CONTEXT, strict=strict, types=types or ("Observation", "Patient"))


async def criteria(resource_type: str, query: str) -> tuple[Criterion, ...]:
    """What the search of a type asks for."""
    found = (await search(resource_type, query, strict=True)).query
    assert isinstance(found, Query)
    return found.criteria


async def criterion(resource_type: str, query: str) -> Criterion:
    """The one criterion of a search."""
    (found,) = await criteria(resource_type, query)
    return found
