"""patch: a JSON Patch applied to the current version. https://hl7.org/fhir/R4/http.html#patch, RFC 6902

The patched resource passes everything that an update passes. Decimals keep value and precision.
"""

from dataclasses import replace
from typing import Any

import jsonpatch
import jsonpointer

from fhir_server.interactions.answers import if_match
from fhir_server.interactions.conditional import Condition, at, condition_of, the_one
from fhir_server.interactions.context import WRITTEN_BY_SERVER, Context, Interaction
from fhir_server.interactions.deciding import until_settled
from fhir_server.interactions.incoming import check, prepare
from fhir_server.interactions.update import Replacing, grounds, keeping_labels, replace_by
from fhir_server.model.json import Document, dump, parse, parse_value
from fhir_server.outcome import (
    Deleted,
    Invalid,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    TooLarge,
    Unprocessable,
    UnsupportedMediaType,
)
from fhir_server.request import FhirResponse

JSON_PATCH = "application/json-patch+json"
PATCH_TYPES = (JSON_PATCH,)
MAX_OPERATIONS = 1000
MAX_COPIED = 1024 * 1024
_FIXED = ("id", "resourceType")


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
    document = patched_document(inner, replacing)
    assert replacing.current is not None
    incoming = await prepare(inner, keeping_labels(document, replacing), version.id)
    return await replace_by(inner, incoming, replacing, based_on=replacing.current.version, keys=condition.keys)


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
    operations = _operations(context)
    current = replacing.current
    if current is None:
        raise NotFound(f"There is no {context.type} with the id {context.id}.")
    if current.body is None:
        raise Deleted(f"{context.type}/{context.id} was deleted as of version {current.version}.")
    expected = if_match(context)
    if expected is not None and expected != current.version:
        raise PreconditionFailed(f"The current version is {current.version}.")
    before = parse(current.body, max_bytes=len(current.body)).data
    fixed = {name: before.get(name) for name in _FIXED}
    after = _apply(before, operations)
    if any(after.get(name) != value for name, value in fixed.items()):
        raise Unprocessable("A patch cannot change the id or the type of a resource.", expression=f"{context.type}.id")
    # The result is read again, so that it passes every check that a body passes (depth, sizes).
    document = parse(_written(after), max_bytes=context.server.rules.max_resource_bytes)
    check(context, document.data)
    return document


def _written(data: Any) -> bytes:
    try:
        return dump(data)
    except RecursionError as error:
        raise Invalid("The patch nests objects and arrays too deep.") from error


def _operations(context: Context) -> list[Any]:
    media_type = (context.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != JSON_PATCH:
        raise UnsupportedMediaType(f"A patch is a JSON Patch: send it as {JSON_PATCH}.")
    operations = parse_value(context.request.body, max_bytes=context.server.rules.max_resource_bytes)
    if not isinstance(operations, list) or not all(isinstance(item, dict) for item in operations):
        raise Invalid("A JSON Patch is an array of operations (RFC 6902).")
    if len(operations) > MAX_OPERATIONS:
        raise Invalid(f"A JSON Patch here has at most {MAX_OPERATIONS} operations.")
    return operations


def _applied(data: Any, operations: list[Any]) -> Any:
    """What the operations make of the data. Copies are limited: thirty that double what is there fill any memory."""
    copied = 0
    for operation in operations:
        if operation["op"] == "copy":
            copied += len(_written(jsonpointer.resolve_pointer(data, operation["from"])))
            if copied > MAX_COPIED:
                raise TooLarge(f"The copy operations of a patch copy at most {MAX_COPIED} bytes here.")
        data = jsonpatch.JsonPatch([operation]).apply(data, in_place=True)
    return data


def _apply(data: dict[str, Any], operations: list[Any]) -> dict[str, Any]:
    try:
        jsonpatch.JsonPatch(operations)  # finds an operation that is none before anything is applied
        result = _applied(data, operations)
    except jsonpatch.JsonPatchTestFailed as error:
        raise Unprocessable("A test operation of the patch does not hold.") from error
    except (jsonpatch.JsonPatchConflict, jsonpointer.JsonPointerException) as error:
        raise Unprocessable("A path of the patch does not exist in the resource.") from error
    except (jsonpatch.JsonPatchException, TypeError, KeyError, ValueError, AttributeError, RecursionError) as error:
        raise Invalid("The patch has an operation that RFC 6902 does not allow.") from error
    if not isinstance(result, dict):
        raise Unprocessable("The patch would replace the whole resource by something that is none.")
    return result


PATCH = Interaction(
    "patch", "instance", (("PATCH", ("[type]", "[id]")), ("PATCH", ("[type]",))), "U", changes=True, run=_run
)
