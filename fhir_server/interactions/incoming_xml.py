"""A resource that comes in XML, made into JSON before its interaction runs. https://hl7.org/fhir/R4/xml.html

This happens once access is decided: nobody's XML is read who may not send it.
"""

import asyncio
from dataclasses import replace
from typing import Final

from fhir_server.interactions.context import Server
from fhir_server.model.media_types import FHIR_JSON, is_fhir, media_type_of
from fhir_server.model.xml.reader import to_json
from fhir_server.request import FhirRequest

_LARGE: Final = 64 * 1024
"""A body from this size on is read in a thread, so that it does not hold up other requests."""


async def in_json(request: FhirRequest, server: Server) -> FhirRequest:
    """The request with its body in JSON, the very same where that is no resource in XML. Raises `Invalid` with the
    faults of the XML and their places, `TooLarge` over the limit."""
    media_type = media_type_of(request.headers.get("content-type"))
    if media_type in FHIR_JSON or not is_fhir(media_type, binary=request.path[:1] == ("Binary",)):
        return request
    rules = server.rules
    limit = rules.max_resource_bytes if request.path else rules.max_bundle_bytes
    if len(request.body) < _LARGE:
        body = to_json(request.body, server.definitions, max_bytes=limit)
    else:
        body = await asyncio.to_thread(to_json, request.body, server.definitions, max_bytes=limit)
    return replace(request, body=body, headers={**request.headers, "content-type": FHIR_JSON[0]})
