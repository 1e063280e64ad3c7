"""`_elements` and `_summary`: answers with a part of a resource. https://hl7.org/fhir/R4/search.html#elements"""

from dataclasses import replace
from typing import Any

from fhir_server.definitions.definitions import Definitions
from fhir_server.interactions.context import Context
from fhir_server.model.json import dump, parse
from fhir_server.model.subset import elements_subset, summary
from fhir_server.outcome import Invalid
from fhir_server.request import FhirResponse

_SUMMARIES = ("true", "text", "data", "false")


def part_asked(context: Context, answer: FhirResponse) -> FhirResponse:
    """The answer of a read, cut down to what `_elements` or `_summary` asks for."""
    mode = context.request.parameter("_summary")
    if mode is not None and mode not in _SUMMARIES:
        raise Invalid(f"_summary on a read is one of {', '.join(_SUMMARIES)}.")
    names = split_elements(context.request.parameter("_elements"))
    if not names and mode in (None, "false"):
        return answer
    return replace(answer, body=part(answer.body, context.server.definitions, names, mode))


def split_elements(value: str | None) -> tuple[str, ...]:
    """The element names of an `_elements` parameter."""
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


def part(body: bytes, definitions: Definitions, names: tuple[str, ...], mode: str | None) -> bytes:
    """The bytes of a resource cut down to these elements, else to this summary; marked SUBSETTED."""
    data: dict[str, Any] = parse(body, max_bytes=len(body)).data
    if names:
        return dump(elements_subset(data, names, definitions))
    return body if mode in (None, "false") else dump(summary(data, mode, definitions))
