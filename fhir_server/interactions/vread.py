"""vread: one version of a resource. https://hl7.org/fhir/R4/http.html#vread"""

from fhir_server.interactions.answers import not_modified, shown
from fhir_server.interactions.binary import raw_answer
from fhir_server.interactions.context import Context, Interaction
from fhir_server.interactions.parts import part_asked
from fhir_server.outcome import Deleted, NotFound
from fhir_server.request import FhirResponse


async def _run(context: Context) -> FhirResponse:
    """200 with the version as it was stored, 304, 404, or 410 where the version is a deletion."""
    type_, id_, asked = context.type, context.id, context.target.version or ""
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 16 else 0
    version = await context.session.read_version(type_, id_, number) if number else None
    if version is None:
        raise NotFound(f"There is no such version of a {type_} with the id {id_}.")
    if version.body is None:
        raise Deleted(f"Version {number} of {type_}/{id_} is its deletion.")
    if (unchanged := not_modified(context, version)) is not None:
        return unchanged
    if type_ == "Binary" and (raw := raw_answer(context, version)) is not None:
        return raw
    return part_asked(context, shown(version))


VREAD = Interaction(
    "vread", "instance", (("GET", ("[type]", "[id]", "_history", "[vid]")),), "R", changes=False, run=_run
)
