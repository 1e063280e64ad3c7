"""create: a new resource under an id that the server gives, unless `If-None-Exist` finds it there already.

https://hl7.org/fhir/R4/http.html#create, #ccreate
"""

from urllib.parse import parse_qsl

from fhir_server.interactions.answers import shown, written_answer
from fhir_server.interactions.binary import resource_received
from fhir_server.interactions.context import WRITTEN_BY_SERVER, Context, Interaction
from fhir_server.interactions.deciding import until_settled
from fhir_server.interactions.incoming import basis, prepare
from fhir_server.model.json import Document
from fhir_server.outcome import MethodNotAllowed, PreconditionFailed
from fhir_server.request import FhirResponse
from fhir_server.search.claims import dependent_keys
from fhir_server.search.parse import conditional_criteria
from fhir_server.store.criteria import Criterion, Query
from fhir_server.store.values import Version


async def _run(context: Context) -> FhirResponse:
    """201 with Location and ETag; under `If-None-Exist` 200 for one match and 412 for several."""
    if context.type in WRITTEN_BY_SERVER:
        raise MethodNotAllowed(f"{context.type} resources are written by the server alone.")
    document = resource_received(context)
    condition = context.header("if-none-exist")
    if condition is None:
        return await _create(context, document)
    criteria = await criteria_of(context, context.type, condition)
    return await until_settled(lambda: _create_unless(context, document, criteria))


async def criteria_of(context: Context, resource_type: str, condition: str) -> tuple[Criterion, ...]:
    """The criteria of a conditional write: never empty, every parameter known; raises `Invalid` otherwise."""
    query = condition.removeprefix("?")
    query = query.removeprefix(f"{resource_type}?")
    pairs = parse_qsl(query, keep_blank_values=True)
    return await conditional_criteria(resource_type, pairs, context.server.search)


async def the_match(context: Context, resource_type: str, criteria: tuple[Criterion, ...]) -> Version | None:
    """The one resource that the criteria match, None for none; `PreconditionFailed` for several."""
    page = await context.session.unseen.search(Query(resource_type, criteria, count=2))
    if len(page.versions) > 1:
        raise PreconditionFailed("The criteria match more than one resource; name them more exactly.")
    return page.versions[0] if page.versions else None


async def _create(context: Context, document: Document) -> FhirResponse:
    incoming = await prepare(context, document, context.server.new_id())
    committed = await context.session.commit(
        [incoming.write("create")],
        required=incoming.required,
        carries=incoming.carries,
        depends_on=incoming.depends_on,
        basis=await basis(context) if incoming.depends_on else None,
    )
    written = committed.written[0]
    return written_answer(context, written, incoming.body.at(written.version, written.last_updated_ms))


async def _create_unless(context: Context, document: Document, criteria: tuple[Criterion, ...]) -> FhirResponse:
    state = await basis(context)
    existing = await the_match(context, context.type, criteria)
    if existing is not None:
        shown_version = await context.session.read(existing.type, existing.id)
        return shown(shown_version if shown_version is not None and shown_version.body else existing)
    incoming = await prepare(context, document, context.server.new_id())
    keys = dependent_keys(context.type, criteria)
    committed = await context.session.commit(
        [incoming.write("create")],
        required=incoming.required,
        carries=incoming.carries | keys,
        depends_on=incoming.depends_on | keys,
        basis=state,
    )
    written = committed.written[0]
    return written_answer(context, written, incoming.body.at(written.version, written.last_updated_ms))


CREATE = Interaction("create", "type", (("POST", ("[type]",)),), "C", changes=True, run=_run)
