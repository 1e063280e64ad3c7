"""What the text of a reference says: a resource of this server, or an address elsewhere.

https://hl7.org/fhir/R4/references.html#literal
"""

import re
from collections.abc import Callable
from functools import lru_cache

from fhir_server.definitions.definitions import Definitions

ReferenceReader = Callable[[str], tuple[str, str] | None]
"""(type, id) of a resource of this server, ("", URL) for one elsewhere, None for what refers to neither (`#x`)"""

_ID = r"[A-Za-z0-9\-.]{1,64}"
_TYPE_AT_END = re.compile(rf"(?:.*/)?([A-Z][A-Za-z]{{1,60}})/{_ID}(?:/_history/{_ID})?", re.ASCII | re.DOTALL)
_WHOLE_ID = re.compile(_ID, re.ASCII)
_VERSION = re.compile(rf"/_history/{_ID}\Z", re.ASCII)
_CACHED = 8192
_SHORT = 300
"""Longer texts are not remembered: they would fill the memory"""


@lru_cache(maxsize=8)
def reference_reader(definitions: Definitions, base_url: str) -> ReferenceReader:
    """The function that reads the text of references, for a server at this base; versions are taken off."""
    base = base_url.rstrip("/") + "/"

    def read(text: str) -> tuple[str, str] | None:
        return read_short(text) if len(text) <= _SHORT else read_now(text)

    def read_now(text: str) -> tuple[str, str] | None:
        if not text or text.startswith("#"):
            return None
        kind, _, rest = text.removeprefix(base).partition("/")
        if definitions.is_resource_type(kind):
            id, versioned, version = rest.partition("/_history/")
            if is_id(id) and (not versioned or is_id(version)):
                return kind, id
        return "", _VERSION.sub("", text) if "/_history/" in text else text

    read_short = lru_cache(maxsize=_CACHED)(read_now)
    return read


def type_in_reference(text: str, definitions: Definitions) -> str | None:
    """The resource type that the text of a reference names, wherever it points (also `Patient?identifier=…`)."""
    match = _TYPE_AT_END.fullmatch(text)
    name = match.group(1) if match else text.partition("?")[0] if "?" in text else ""
    return name if definitions.is_resource_type(name) else None


def is_id(text: str) -> bool:
    """Whether the text can be a logical id."""
    return _WHOLE_ID.fullmatch(text) is not None


def is_versioned(text: str) -> bool:
    """Whether the text names one version of a resource."""
    return _VERSION.search(text) is not None
