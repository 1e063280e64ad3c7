"""Binary: raw bytes in and out. https://hl7.org/fhir/R4/binary.html#rest

Raw content is sent as an attachment that no browser runs. `securityContext`, which comes from the header
`X-Security-Context` where content is sent raw, is kept; who may see a Binary does not depend on it yet.
"""

import base64
import re
from typing import Final

import msgspec

from fhir_server.interactions.answers import version_headers
from fhir_server.interactions.context import Context
from fhir_server.interactions.incoming import check, received
from fhir_server.model.json import Document, dump, parse
from fhir_server.model.media_types import is_fhir, media_type_of
from fhir_server.outcome import Invalid, TooLarge, UnsupportedMediaType
from fhir_server.request import FhirResponse
from fhir_server.store.values import Version

_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"[ -~]*", re.ASCII)
_SAFE_HEADERS: Final = (
    ("Content-Disposition", "attachment"),
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
)


def wants_fhir(context: Context) -> bool:
    """Whether a Binary is asked for as a resource: by `_format` or by an `Accept` that names a format of FHIR."""
    if context.request.parameter("_format") is not None:
        return True
    accepted = context.header("accept")
    if accepted is None:
        return False
    return any(is_fhir(media_type_of(value), binary=True) for value in accepted.split(","))


def raw_answer(context: Context, version: Version) -> FhirResponse | None:
    """The bytes of a Binary as they were sent, or None where it is asked for as a resource."""
    if wants_fhir(context) or version.body is None:
        return None
    resource = msgspec.json.decode(version.body)
    content_type = str(resource.get("contentType", ""))
    if not (_MEDIA_TYPE.fullmatch(media_type_of(content_type)) and _HEADER_VALUE.fullmatch(content_type)):
        content_type = "application/octet-stream"
    headers = (*version_headers(version.version, version.last_updated_ms), *_SAFE_HEADERS)
    return FhirResponse(200, base64.b64decode(resource.get("data", "")), headers, content_type, raw=True)


def resource_received(context: Context) -> Document:
    """The body as a resource: FHIR, or for Binary any other content made into one."""
    media_type = media_type_of(context.header("content-type"))
    if context.type != "Binary" or is_fhir(media_type, binary=True):
        return received(context)
    return _wrapped(context, media_type)


def _wrapped(context: Context, media_type: str) -> Document:
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise UnsupportedMediaType("A raw Binary needs a Content-Type.")
    if media_type.startswith("application/fhir"):
        raise UnsupportedMediaType("FHIR content is read as application/fhir+json or application/fhir+xml here.")
    content = context.request.body
    if len(content) > context.server.rules.max_binary_bytes:
        raise TooLarge(f"Raw content is limited to {context.server.rules.max_binary_bytes} bytes.")
    if not content:
        raise Invalid("The body is empty.", expression="Binary.data")
    resource: dict[str, object] = {"resourceType": "Binary"}
    if context.target.id is not None:
        resource["id"] = context.target.id
    resource["contentType"] = context.header("content-type")
    security_context = context.header("x-security-context")
    if security_context:
        resource["securityContext"] = {"reference": security_context}
    resource["data"] = base64.b64encode(content).decode()
    document = parse(dump(resource), max_bytes=context.server.rules.max_resource_bytes)
    check(context, document.data)
    return document
