"""read: the current version of a resource. https://hl7.org/fhir/R4/http.html#read"""

from fhir_server.interactions.answers import not_modified, shown
from fhir_server.interactions.binary import raw_answer
from fhir_server.interactions.context import Context, Interaction
from fhir_server.interactions.parts import part_asked
from fhir_server.outcome import Deleted, NotFound
from fhir_server.request import FhirResponse


async def _run(context: Context) -> FhirResponse:
    """200 with the stored bytes, 304, 404 (also for what the caller may not see) or 410 for what was deleted."""
    type_, id_ = context.type, context.id
    version = await context.session.read(type_, id_)
    if version is None:
        raise NotFound(f"There is no {type_} with the id {id_}.")
    if version.body is None:
        raise Deleted(f"{type_}/{id_} was deleted as of version {version.version}.")
    if context.request.headers and (unchanged := not_modified(context, version)) is not None:
        return unchanged
    if type_ == "Binary" and (raw := raw_answer(context, version)) is not None:
        return raw
    answer = shown(version)
    return part_asked(context, answer) if context.request.parameters else answer


READ = Interaction("read", "instance", (("GET", ("[type]", "[id]")),), "R", changes=False, run=_run)
