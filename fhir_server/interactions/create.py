"""create: a new resource under an id that the server gives, unless `If-None-Exist` finds it there already.

https://hl7.org/fhir/R4/http.html#create, #ccreate
"""

from dataclasses import replace
from urllib.parse import parse_qsl

from fhir_server.interactions.answers import location, shown, written_answer
from fhir_server.interactions.binary import resource_received
from fhir_server.interactions.conditional import Condition, condition_of, found_by
from fhir_server.interactions.context import WRITTEN_BY_SERVER, Context, Interaction
from fhir_server.interactions.deciding import until_settled
from fhir_server.interactions.incoming import basis, prepare
from fhir_server.model.json import Document
from fhir_server.outcome import MethodNotAllowed
from fhir_server.request import FhirResponse
from fhir_server.store.values import Version


async def _run(context: Context) -> FhirResponse:
    """201 with Location and ETag; under `If-None-Exist` 200 for one match and 412 for several."""
    if context.type in WRITTEN_BY_SERVER:
        raise MethodNotAllowed(f"{context.type} resources are written by the server alone.")
    document = resource_received(context)
    condition = context.header("if-none-exist")
    if condition is None:
        return await until_settled(lambda: _create(context, document))
    meant = await condition_of(context, context.type, query_of(condition, context.type))
    return await until_settled(lambda: _create_unless(context, document, meant))


def query_of(condition: str, resource_type: str) -> list[tuple[str, str]]:
    """The query parameters of `If-None-Exist`, with or without the type before them."""
    return parse_qsl(condition.removeprefix("?").removeprefix(f"{resource_type}?"), keep_blank_values=True)


async def _create(context: Context, document: Document) -> FhirResponse:
    state = await basis(context)
    incoming = await prepare(context, document, context.server.new_id())
    committed = await context.session.commit(
        [incoming.write("create")],
        required=incoming.required,
        carries=incoming.carries,
        depends_on=incoming.depends_on,
        basis=state,
    )
    written = committed.written[0]
    return written_answer(context, written, incoming.body.at(written.version, written.last_updated_ms))


async def _create_unless(context: Context, document: Document, condition: Condition) -> FhirResponse:
    found = await found_by(context, condition)
    existing = found.only
    if existing is not None:
        current = await context.session.read(existing.type, existing.id)
        return _existing(context, current if current is not None and current.body else existing)
    incoming = await prepare(context, document, context.server.new_id())
    keys = condition.keys
    committed = await context.session.commit(
        [incoming.write("create")],
        required=incoming.required,
        carries=incoming.carries | keys,
        depends_on=incoming.depends_on | keys,
        basis=found.basis,
    )
    written = committed.written[0]
    return written_answer(context, written, incoming.body.at(written.version, written.last_updated_ms))


def _existing(context: Context, version: Version) -> FhirResponse:
    """The one match, with its address as a create would have given it: a client learns the id from the same header."""
    answer = shown(version)
    return replace(answer, headers=(*answer.headers, ("Location", location(context, version))))


CREATE = Interaction("create", "type", (("POST", ("[type]",)),), "C", changes=True, run=_run)
