"""A version of a resource, from the document that keeps it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fhir_server.outcome import Unavailable
from fhir_server.store.entries import Entries
from fhir_server.store.mongodb.collections import METHODS
from fhir_server.store.mongodb.documents import checksum
from fhir_server.store.values import Version

EntriesOf = Callable[[Version], Awaitable[Entries]]
"""Makes the index entries of a version anew."""


def whole_version(document: Mapping[str, Any]) -> Version:
    """The version with nothing masked. Raises `Unavailable` for a body that is not what was written."""
    type, id, version, body = document["t"], document["i"], int(document["v"]), document["b"]
    if document["ck"] != checksum(type, id, version, body or b""):
        raise Unavailable(f"{type}/{id} version {version} is damaged in the store")
    return Version(type, id, version, int(document["u"]), body, METHODS[document["m"]], tuple(document["p"]))
