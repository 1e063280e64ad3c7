"""Whether what comes in is STU3 at all: the structure check by fhir.resources. Values are never taken from its models,
which alter some. https://hl7.org/fhir/STU3/"""

from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from fhir_server.outcome import Issue
from mappers.mapper import Json

_MOST = 20
_SENTENCES = {
    "missing": "STU3 requires this element.",
    "extra_forbidden": "STU3 has no such element.",
    "string_pattern_mismatch": "The value does not have the form that STU3 asks for.",
}


@cache
def _model(resource_type: str) -> type[BaseModel] | None:
    from fhir.resources.STU3 import get_fhir_model_class  # a third of a second, needed only where records come in

    try:
        model: type[BaseModel] = get_fhir_model_class(resource_type)
    except KeyError:
        return None
    return model


def faults(resource: Json, place: str) -> list[Issue]:
    """What breaks STU3, as warnings with their places and without values; empty where nothing does."""
    model = _model(str(resource.get("resourceType")))
    if model is None:
        return [Issue("structure", "STU3 has no such resource type.", (place,), "warning")]
    try:
        model.model_validate(resource)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return [_issue(fault["type"], fault["loc"], place) for fault in found[:_MOST]]
    except (ValueError, TypeError, RecursionError):
        return [Issue("structure", "This is not an STU3 resource that can be read.", (place,), "warning")]
    return []


def _issue(kind: str, location: tuple[Any, ...], place: str) -> Issue:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return Issue("structure", _SENTENCES.get(kind, "This breaks STU3."), (place + path,), "warning")
