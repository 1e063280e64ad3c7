"""delete: a version that says the resource is no more. https://hl7.org/fhir/R4/http.html#delete, #3.1.0.7.1

History stays readable. What other resources refer to is kept (setting `FHIR_DELETE_REFERENCED`).
"""

from dataclasses import replace

from fhir_server.interactions.answers import etag, if_match
from fhir_server.interactions.conditional import Condition, all_to_delete, condition_of
from fhir_server.interactions.context import WRITTEN_BY_SERVER, Context, Interaction
from fhir_server.interactions.deciding import until_settled
from fhir_server.outcome import MethodNotAllowed, PreconditionFailed
from fhir_server.request import FhirResponse
from fhir_server.store.values import Write


def deletion(context: Context, resource_type: str, resource_id: str, expected: int | None) -> Write:
    """The write that deletes a resource."""
    return Write(
        "delete",
        resource_type,
        resource_id,
        if_match=expected,
        refuse_if_referenced=not context.server.rules.delete_referenced,
    )


async def is_nothing(context: Context, resource_type: str, resource_id: str, expected: int | None) -> bool:
    """Whether there is nothing to delete, or nothing that the caller may know of: the answer must be the same.

    Raises `PreconditionFailed` where a version of it is expected.
    """
    if await context.session.unseen.read(resource_type, resource_id) is not None:
        return False
    if expected is not None:
        raise PreconditionFailed(f"There is no {resource_type} with the id {resource_id}.")
    return True


async def _run(context: Context) -> FhirResponse:
    """204, also where there was nothing to delete; 409 where others refer to it; 412 under a failed `If-Match`. Without
    an id in the address its criteria say what is deleted: one, or by the setting `conditional_delete` several."""
    if context.type in WRITTEN_BY_SERVER:
        raise MethodNotAllowed(f"{context.type} resources are written by the server alone.")
    if context.target.id is None:
        condition = await condition_of(context, context.type, context.request.parameters)
        return await until_settled(lambda: _delete_found(context, condition))
    expected = if_match(context)
    if await is_nothing(context, context.type, context.id, expected):
        return FhirResponse(204)
    committed = await context.session.commit([deletion(context, context.type, context.id, expected)])
    written = committed.written[0]
    headers = (("ETag", etag(written.version)),) if written.version else ()
    return FhirResponse(204, b"", headers)


async def _delete_found(context: Context, condition: Condition) -> FhirResponse:
    """All that the criteria match, in one commit; nothing to delete is a success, too."""
    found = await all_to_delete(context, condition)
    if not found.versions:
        return FhirResponse(204)
    writes = [replace(deletion(context, each.type, each.id, None), based_on=each.version) for each in found.versions]
    keys = condition.keys
    committed = await context.session.commit(writes, carries=keys, depends_on=keys, basis=found.basis)
    return FhirResponse(204, written=committed.written)


DELETE = Interaction(
    "delete", "instance", (("DELETE", ("[type]", "[id]")), ("DELETE", ("[type]",))), "D", changes=True, run=_run
)
