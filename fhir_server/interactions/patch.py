"""patch: a JSON, XML or FHIRPath Patch applied to the current version. https://hl7.org/fhir/R4/http.html#patch

The patched resource passes everything that an update passes. Decimals keep value and precision.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from fhir_server.interactions.answers import if_match
from fhir_server.interactions.conditional import Condition, at, condition_of, still, the_one
from fhir_server.interactions.context import WRITTEN_BY_SERVER, Context, Interaction
from fhir_server.interactions.deciding import until_settled
from fhir_server.interactions.incoming import check, prepare
from fhir_server.interactions.update import Replacing, grounds, keeping_labels, replace_by
from fhir_server.model.json import Document, dump, parse, parse_value
from fhir_server.model.media_types import FHIR_JSON, FHIR_XML, media_type_of
from fhir_server.model.xml.reader import to_json
from fhir_server.model.xml.writer import write
from fhir_server.outcome import (
    Deleted,
    Invalid,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    Unprocessable,
    UnsupportedMediaType,
)
from fhir_server.patch import fhirpath_patch, json_patch, xml_patch
from fhir_server.request import FhirResponse

JSON_PATCH: Final = "application/json-patch+json"
XML_PATCH: Final = "application/xml-patch+xml"
PATCH_FORMATS: Final = (JSON_PATCH, XML_PATCH, FHIR_JSON[0], FHIR_XML[0])
"""The formats as they are claimed; FHIR's own carry a FHIRPath Patch, a Parameters resource."""

_Apply = Callable[[bytes], bytes]


async def _run(context: Context) -> FhirResponse:
    """200 with the new version; 400 for a patch that is none, 404, 412, 422 for one that does not apply."""
    if context.type in WRITTEN_BY_SERVER:
        raise MethodNotAllowed(f"{context.type} resources are written by the server alone.")
    if context.target.id is None:
        condition = await condition_of(context, context.type, context.request.parameters)
        return await until_settled(lambda: _patch_found(context, condition))
    return await until_settled(lambda: _patch(context))


async def _patch_found(context: Context, condition: Condition) -> FhirResponse:
    """The one resource that the criteria match is patched: none is 404, several are 412."""
    version, found = await the_one(context, condition)
    inner = at(context, version.type, version.id)
    replacing = replace(await grounds(inner, version.type, version.id), basis=found.basis)
    based_on = still(version, replacing.current)
    document = patched_document(inner, replacing)
    incoming = await prepare(inner, keeping_labels(document, replacing), version.id)
    return await replace_by(inner, incoming, replacing, based_on=based_on, keys=condition.keys)


async def _patch(context: Context) -> FhirResponse:
    replacing = await grounds(context, context.type, context.id)
    document = patched_document(context, replacing)
    assert replacing.current is not None
    incoming = await prepare(context, keeping_labels(document, replacing), context.id)
    return await replace_by(context, incoming, replacing, based_on=replacing.current.version)


def patched_document(context: Context, replacing: Replacing) -> Document:
    """The current version with the request's patch applied, checked as any resource that comes in.

    Raises `NotFound`, `Deleted`, `PreconditionFailed` for what is there, `UnsupportedMediaType`, `Invalid` for a patch
    that is none, `Unprocessable` for one that does not apply.
    """
    apply = _read(context)
    current = replacing.current
    if current is None:
        raise NotFound(f"There is no {context.type} with the id {context.id}.")
    if current.body is None:
        raise Deleted(f"{context.type}/{context.id} was deleted as of version {current.version}.")
    expected = if_match(context)
    if expected is not None and expected != current.version:
        raise PreconditionFailed(f"The current version is {current.version}.")
    # The result is read again, so that it passes every check that a body passes (depth, sizes).
    document = parse(apply(current.body), max_bytes=context.server.rules.max_resource_bytes)
    if (document.data["resourceType"], document.data.get("id")) != (context.type, context.id):
        raise _fixed(context)
    check(context, document.data)
    return document


def _fixed(context: Context) -> Unprocessable:
    return Unprocessable("A patch cannot change the id or the type of a resource.", expression=f"{context.type}.id")


def _read(context: Context) -> _Apply:
    """The request's patch, read: what it makes of the JSON text of a resource."""
    read = _FORMATS.get(media_type_of(context.header("content-type")))
    if read is None:
        raise UnsupportedMediaType(f"A patch is one of {', '.join(PATCH_FORMATS)}.")
    return read(context, context.request.body)


def _json(context: Context, patch: bytes) -> _Apply:
    operations = parse_value(patch, max_bytes=context.server.rules.max_resource_bytes)

    def apply(current: bytes) -> bytes:
        after = json_patch.apply(_tree(current), operations)
        if not isinstance(after, dict):
            raise Unprocessable("The patch would replace the whole resource by something that is none.")
        if after.get("resourceType") != context.type:
            raise _fixed(context)
        return json_patch.written(after)

    return apply


def _xml(context: Context, patch: bytes) -> _Apply:
    server = context.server

    def apply(current: bytes) -> bytes:
        after = xml_patch.apply(write(current, server.definitions), patch)
        return to_json(after, server.definitions, max_bytes=server.rules.max_resource_bytes)

    return apply


def _fhirpath(context: Context, patch: bytes) -> _Apply:
    parameters = parse(patch, max_bytes=context.server.rules.max_resource_bytes).data
    if parameters["resourceType"] != "Parameters":
        raise Invalid("A FHIRPath Patch is a Parameters resource.", expression=f"{parameters['resourceType']}")
    check(context, parameters)
    return lambda current: dump(fhirpath_patch.apply(_tree(current), parameters, context.server.definitions))


def _fhirpath_in_xml(context: Context, patch: bytes) -> _Apply:
    """From a Binary in a transaction; elsewhere XML has become JSON before the interaction runs."""
    server = context.server
    return _fhirpath(context, to_json(patch, server.definitions, max_bytes=server.rules.max_resource_bytes))


def _tree(current: bytes) -> dict[str, Any]:
    return parse(current, max_bytes=len(current)).data


_FORMATS: dict[str, Callable[[Context, bytes], _Apply]] = {
    JSON_PATCH: _json,
    XML_PATCH: _xml,
    **dict.fromkeys(FHIR_JSON, _fhirpath),
    **dict.fromkeys(FHIR_XML, _fhirpath_in_xml),
}
PATCH_TYPES = tuple(_FORMATS)
"""The media types that a patch may have."""

PATCH = Interaction(
    "patch", "instance", (("PATCH", ("[type]", "[id]")), ("PATCH", ("[type]",))), "U", changes=True, run=_run
)
