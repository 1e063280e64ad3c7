"""SearchParameter/[id]/$index-status: whether searches by a search parameter find everything. docs/operations.md"""

from fhir_server.interactions.context import Context
from fhir_server.model.json import dump
from fhir_server.operations.operation import Operation
from fhir_server.outcome import NotFound
from fhir_server.request import FhirResponse

Part = dict[str, object]


async def _run(context: Context) -> FhirResponse:
    """200 with Parameters: `status` is `complete`, `building` or `not-used`, with `done` and `total` resources while
    it is building and after; 404 where there is no such SearchParameter."""
    resource = await context.session.read("SearchParameter", context.id)
    if resource is None or resource.body is None:
        raise NotFound("There is no such SearchParameter here.")
    source = f"SearchParameter/{context.id}"
    job = next((each for each in await context.server.index_jobs() if each.source == source), None)
    if not context.server.definitions.is_added(source):
        return _answer({"name": "status", "valueCode": "not-used"})
    if job is None:
        return _answer({"name": "status", "valueCode": "complete"})
    status: Part = {"name": "status", "valueCode": "complete" if job.complete else "building"}
    counted: list[Part] = [{"name": "done", "valueUnsignedInt": job.done}]
    if job.total is not None:
        counted.append({"name": "total", "valueUnsignedInt": job.total})
    return _answer(status, *counted)


def _answer(*parts: Part) -> FhirResponse:
    return FhirResponse(200, dump({"resourceType": "Parameters", "parameter": list(parts)}))


INDEX_STATUS = Operation("index-status", ("instance",), _run, changes=False, types=("SearchParameter",))
