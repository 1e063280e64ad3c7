"""An answer in the form that was asked for: as XML, or laid out for people. JSON as it is stored does not come here."""

import asyncio
from dataclasses import replace
from typing import Final

from fhir_server.api.negotiation import Format
from fhir_server.definitions.definitions import Definitions
from fhir_server.model.json import pretty
from fhir_server.model.xml.writer import write
from fhir_server.request import FhirResponse

_LARGE: Final = 64 * 1024
"""A body from this size on is rewritten in a thread, so that it does not hold up other requests."""


async def shown(answer: FhirResponse, form: Format, definitions: Definitions, *, laid_out: bool) -> FhirResponse:
    """The answer in this format; one without a resource in its body stays as it is."""
    if not answer.body or answer.raw:
        return answer
    if len(answer.body) < _LARGE:
        return _rewritten(answer, form, definitions, laid_out)
    return await asyncio.to_thread(_rewritten, answer, form, definitions, laid_out)


def _rewritten(answer: FhirResponse, form: Format, definitions: Definitions, laid_out: bool) -> FhirResponse:
    if form == "json":
        return replace(answer, body=pretty(answer.body))
    body = write(answer.body, definitions, pretty=laid_out)
    return replace(answer, body=body, content_type="application/fhir+xml")
