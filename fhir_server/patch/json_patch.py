"""JSON Patch on the tree of a resource. RFC 6902, https://hl7.org/fhir/R4/http.html#jsonpatch"""

from collections.abc import Callable
from typing import Any

import jsonpatch
import jsonpointer

from fhir_server.model.json import dump
from fhir_server.outcome import Invalid, TooLarge, Unprocessable
from fhir_server.patch import MAX_OPERATIONS

MAX_COPIED = 1024 * 1024


def apply(data: Any, operations: Any) -> Any:
    """What the operations make of the data, which is changed on the way. Decimals keep value and precision.

    Raises `Invalid` for a patch that is none, `Unprocessable` for one that does not apply; both name the operation.
    """
    if not isinstance(operations, list) or not all(isinstance(item, dict) for item in operations):
        raise Invalid("A JSON Patch is an array of operations (RFC 6902).")
    if len(operations) > MAX_OPERATIONS:
        raise Invalid(f"A JSON Patch here has at most {MAX_OPERATIONS} operations.")
    for index, operation in enumerate(operations):  # nothing is applied where one of them is none
        _carried_out(index, jsonpatch.JsonPatch, [operation])
    copied = 0
    for index, operation in enumerate(operations):
        if operation["op"] == "copy":
            # Copies are limited: thirty that double what is there fill any memory.
            copied += _carried_out(index, _size_of_copied, data, operation)
            if copied > MAX_COPIED:
                raise TooLarge(f"The copy operations of a patch copy at most {MAX_COPIED} bytes here.")
        data = _carried_out(index, _applied, data, operation)
    return data


def written(data: Any) -> bytes:
    """A tree that a patch left, as JSON; raises `Invalid` where it is too deep for that."""
    try:
        return dump(data)
    except RecursionError as error:
        raise Invalid("The patch nests objects and arrays too deep.") from error


_NOT_FITTING = (jsonpatch.JsonPatchConflict, jsonpointer.JsonPointerException)
_NOT_A_PATCH = (jsonpatch.JsonPatchException, TypeError, KeyError, ValueError, AttributeError, RecursionError)


def _size_of_copied(data: Any, operation: dict[str, Any]) -> int:
    return len(written(jsonpointer.resolve_pointer(data, operation["from"])))


def _applied(data: Any, operation: dict[str, Any]) -> Any:
    return jsonpatch.JsonPatch([operation]).apply(data, in_place=True)


def _carried_out(index: int, act: Callable[..., Any], *arguments: Any) -> Any:
    """What a step of an operation gives; raises `Invalid` or `Unprocessable` that names the operation."""
    try:
        return act(*arguments)
    except jsonpatch.JsonPatchTestFailed as error:
        raise Unprocessable(f"Operation {index} of the patch, counted from 0, is a test that does not hold.") from error
    except _NOT_FITTING as error:
        raise Unprocessable(
            f"Operation {index} of the patch, counted from 0, has a path that the resource does not have."
        ) from error
    except _NOT_A_PATCH as error:
        raise Invalid(f"Operation {index} of the patch, counted from 0, is none that RFC 6902 allows.") from error
