"""Security labels outlive an update that leaves them out: an update cannot make a record less protected.

https://hl7.org/fhir/R4/security-labels.html, https://hl7.org/fhir/R4/resource.html#Meta
"""

from typing import Any

import msgspec

from fhir_server.model.json import Document, dump, parse
from fhir_server.model.members import join, split

Label = dict[str, Any]


def with_kept_labels(data: dict[str, Any], current: bytes) -> dict[str, Any]:
    """The resource with the labels of the current version (its stored bytes) that it leaves out added at the end.

    The very same object where nothing is missing; the argument is never changed.
    """
    missing = _missing(data, current)
    if not missing:
        return data
    meta = data.get("meta", {})
    return {**data, "meta": {**meta, "security": [*meta.get("security", ()), *missing]}}


def document_with_kept_labels(document: Document, current: bytes) -> Document:
    """As `with_kept_labels`; everything but `meta.security` stays as the client wrote it."""
    data = with_kept_labels(document.data, current)
    if data is document.data:
        return document
    members: dict[str, bytes | msgspec.Raw] = dict(split(document.text))
    meta = members.get("meta", b"{}")
    members["meta"] = join({**split(meta), "security": dump(data["meta"]["security"])})
    return Document(data, join(members))


def _missing(data: dict[str, Any], current: bytes) -> list[Label]:
    if b'"security"' not in current:
        return []
    held = parse(current, max_bytes=len(current)).data.get("meta", {}).get("security", [])
    given = {_identity(label) for label in data.get("meta", {}).get("security", [])}
    return [label for label in held if _identity(label) not in given]


def _identity(label: Label) -> tuple[str, str] | bytes:
    """System and code say which label it is; one without a code is itself only."""
    return (label.get("system", ""), label["code"]) if "code" in label else dump(label)
