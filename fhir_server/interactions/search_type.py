"""search: the current resources of a type that match, also within a compartment.

https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/compartmentdefinition.html

Pages are a snapshot: the first one fixes it, and following `next` never repeats or skips while others write.
"""

from dataclasses import replace

from fhir_server.interactions.bundles import ResultBundle, answer, link, match_entry
from fhir_server.interactions.context import Context, Interaction
from fhir_server.interactions.parts import part
from fhir_server.outcome import Invalid, NotFound
from fhir_server.request import FhirResponse
from fhir_server.search.compartment import within
from fhir_server.search.paging import PageState
from fhir_server.search.parse import Search, parse
from fhir_server.store.criteria import Query
from fhir_server.store.values import Page


async def _run(context: Context) -> FhirResponse:
    """200 with a searchset Bundle; 400 for what is malformed or not offered; 410 for a page link that ran out."""
    return await _search(context, context.type, None)


async def _run_compartment(context: Context) -> FhirResponse:
    """As a search of the type; 404 where the compartment's own resource is not there for the caller."""
    compartment = (context.type, context.id)
    owner = await context.session.unseen.read(*compartment)
    if owner is None or owner.deleted:
        raise NotFound(f"There is no {context.type} with the id {context.id}.")
    assert context.target.within is not None
    return await _search(context, context.target.within, compartment)


async def _search(context: Context, resource_type: str, compartment: tuple[str, str] | None) -> FhirResponse:
    token = context.request.parameter("_page")
    state = None if token is None else _opened(context, token, resource_type, compartment)
    parameters = context.request.parameters if state is None else state.parameters
    search = await parse(resource_type, parameters, context.server.search, strict=_strict(context) and not state)
    query = search.query
    if compartment is not None:
        query = within(query, compartment, context.server.definitions)
    if state is not None:
        query = replace(query, snapshot=state.snapshot, after=state.cursor)
    return await _answer(context, search, query, compartment)


async def _answer(context: Context, search: Search, query: Query, compartment: tuple[str, str] | None) -> FhirResponse:
    if search.summary == "count" or query.count == 0:
        snapshot = query.snapshot or await context.session.unseen.snapshot()
        page = Page((), snapshot)
        total: int | None = await context.session.unseen.count(replace(query, snapshot=snapshot))
    else:
        page = await context.session.search(query)
        counted = replace(query, snapshot=page.snapshot, after=None)
        total = await context.session.unseen.count(counted) if search.total != "none" else None
    links = [("self", link(context, search.used))]
    if page.next is not None:
        state = _next_state(query, search, page, compartment)
        links.append(("next", link(context, [("_page", context.server.links.seal(state, context.caller))])))
    bundle = ResultBundle(
        "searchset", page.snapshot.time_ms, links, _entries(context, search, page), total, search.issues
    )
    return answer(context, bundle)


def _entries(context: Context, search: Search, page: Page) -> list[bytes]:
    whole = not search.elements and search.summary in (None, "false")
    definitions = context.server.definitions
    return [
        match_entry(
            context.server.base_url,
            version,
            version.body if whole else part(version.body, definitions, search.elements, search.summary),
        )
        for version in page.versions
        if version.body is not None
    ]


def _next_state(query: Query, search: Search, page: Page, compartment: tuple[str, str] | None) -> PageState:
    return PageState(
        kind="search",
        type=query.type,
        id=None if compartment is None else "/".join(compartment),
        parameters=search.used,
        snapshot=page.snapshot,
        cursor=page.next or "",
        count=query.count,
    )


def _opened(context: Context, token: str, resource_type: str, compartment: tuple[str, str] | None) -> PageState:
    state = context.server.links.open(token, context.caller)
    place = None if compartment is None else "/".join(compartment)
    if state.kind != "search" or (state.type, state.id) != (resource_type, place):
        raise Invalid("This page link belongs to another address.")
    return state


def _strict(context: Context) -> bool:
    return "handling=strict" in (context.header("prefer") or "").replace(" ", "")


SEARCH_TYPE = Interaction(
    "search-type", "type", (("GET", ("[type]",)), ("POST", ("[type]", "_search"))), "E", changes=False, run=_run
)
SEARCH_COMPARTMENT = Interaction(
    "search-compartment",
    "instance",
    (("GET", ("[type]", "[id]", "[within]")), ("POST", ("[type]", "[id]", "[within]", "_search"))),
    "E",
    changes=False,
    run=_run_compartment,
)
