"""search-system: the current resources of several types that match. https://hl7.org/fhir/R4/http.html#search"""

from fhir_server.interactions.context import NOT_STORED, WRITTEN_BY_SERVER, Context, Interaction
from fhir_server.interactions.searching import Parameters, Place, search
from fhir_server.outcome import Forbidden
from fhir_server.request import FhirResponse
from fhir_server.search.context import SearchContext
from fhir_server.search.parse import Search, parse_system


async def _run(context: Context) -> FhirResponse:
    """200 with a searchset Bundle of all types, or of those that `_type` names; 400 as for a search of a type."""
    types = types_of(context)

    async def read(parameters: Parameters, by: SearchContext, strict: bool) -> Search:
        return await parse_system(parameters, by, strict=strict, types=types)

    return await search(context, Place(), read)


def types_of(context: Context) -> list[str]:
    """The resource types that the caller may search; AuditEvents have a search of their own."""
    return [
        type
        for type in context.server.definitions.resource_types
        if type not in NOT_STORED | WRITTEN_BY_SERVER and _may_search(context, type)
    ]


def _may_search(context: Context, type: str) -> bool:
    try:
        context.decide("search-type", type)
    except Forbidden:
        return False
    return True


SEARCH_SYSTEM = Interaction(
    "search-system", "system", (("GET", ()), ("POST", ("_search",))), "E", changes=False, run=_run
)
