"""Query strings as tests write them."""

from dataclasses import replace
from typing import Any

from fhir_server.search.context import Limits
from fhir_server.search.parse import Search, parse, parse_system
from fhir_server.store.criteria import AllOf, AnyOf, Chained, Criterion, InGroup, Not, Query, ReverseChained
from fhir_server.store.entries import leads_inside
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


def outside(found: Any) -> Any:
    """Criteria without the alternative that a chain leads to something contained; `test_chaining.py` holds that."""
    if isinstance(found, tuple):
        return tuple(map(outside, found))
    if isinstance(found, Not):
        return Not(outside(found.criterion))
    if not isinstance(found, AllOf | AnyOf | Chained | ReverseChained | InGroup):
        return found
    found = replace(found, criteria=outside(found.criteria))
    if not isinstance(found, AnyOf):
        return found
    kept = [part for part in found.criteria if not (isinstance(part, InGroup) and leads_inside(part.group))]
    return kept[0] if len(kept) == 1 else AnyOf(tuple(kept))


async def criterion(resource_type: str, query: str) -> Criterion:
    """The one criterion of a search."""
    (found,) = await criteria(resource_type, query)
    return found
