"""search: the current resources of a type that match, also within a compartment.

https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from dataclasses import replace
from functools import partial

from fhir_server.interactions.context import Context, Interaction
from fhir_server.interactions.search_system import types_of
from fhir_server.interactions.searching import Parameters, Place, search
from fhir_server.outcome import NotFound
from fhir_server.request import FhirResponse
from fhir_server.search.compartment import compartment_types, within
from fhir_server.search.context import SearchContext
from fhir_server.search.parse import Search, parse, parse_system


async def _run(context: Context) -> FhirResponse:
    """200 with a searchset Bundle; 400 for what is malformed or not offered; 410 for a page link that ran out."""

    types = partial(types_of, context)

    async def read(parameters: Parameters, by: SearchContext, strict: bool) -> Search:
        return await parse(context.type, parameters, by, strict=strict, types=types)

    return await search(context, Place(context.type), read)


async def _run_compartment(context: Context) -> FhirResponse:
    """As a search of the type; 404 where the compartment's own resource is not there for the caller."""
    compartment = await _compartment(context)
    resource_type = context.target.within
    assert resource_type is not None

    async def read(parameters: Parameters, by: SearchContext, strict: bool) -> Search:
        found = await parse(resource_type, parameters, by, strict=strict)
        return replace(found, query=within(found.query, compartment, context.server.definitions))

    return await search(context, Place(resource_type, compartment), read)


async def _run_whole_compartment(context: Context) -> FhirResponse:
    """Everything in the compartment that the caller may search, of all types or of those that `_type` names."""
    compartment = await _compartment(context)
    types = [
        type for type in types_of(context) if type in compartment_types(compartment[0], context.server.definitions)
    ]

    async def read(parameters: Parameters, by: SearchContext, strict: bool) -> Search:
        found = await parse_system(parameters, by, strict=strict, types=types, bounded=True)
        return replace(found, query=within(found.query, compartment, context.server.definitions))

    return await search(context, Place(None, compartment), read)


async def _compartment(context: Context) -> tuple[str, str]:
    compartment = (context.type, context.id)
    owner = await context.session.unseen.read(*compartment)
    if owner is None or owner.deleted:
        raise NotFound(f"There is no {context.type} with the id {context.id}.")
    return compartment


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
SEARCH_WHOLE_COMPARTMENT = Interaction(
    "search-compartment",
    "instance",
    (("GET", ("[type]", "[id]", "*")), ("POST", ("[type]", "[id]", "*", "_search"))),
    "E",
    changes=False,
    run=_run_whole_compartment,
)
