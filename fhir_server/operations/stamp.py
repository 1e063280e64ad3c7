"""The stamp of an imported resource: when its source exported it, and a digest of what was mapped (decision 0005).

A resource whose content does not have the digest of its stamp was edited here since.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from fhir_server.store.values import instant
from mappers.mapper import Json
from profiles.canonical import CANONICAL

IMPORTED = f"{CANONICAL}/StructureDefinition/imported"
JOINED = f"{CANONICAL}/StructureDefinition/joined"
"""Marks an identifier by which another source knows a Patient: it is no part of what the Patient's own source said."""

_NOT_CONTENT = frozenset(("extension", "versionId", "lastUpdated", "security"))
_sorted = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Export:
    """When a document left its source; not `known`: nobody said so, it is the time of receipt."""

    at_ms: int
    known: bool

    @property
    def rank(self) -> tuple[bool, int]:
        """The order for what people share: an unknown time is older than any known one."""
        return self.known, self.at_ms if self.known else 0


@dataclass(frozen=True, slots=True)
class Stamp:
    """A stamp as it was read."""

    export: Export
    digest: str


def digest(resource: Json) -> str:
    """SHA-256 of the content: without what the server, a stamp, labels or a join add."""
    content = dict(resource)
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in _NOT_CONTENT}
    identifiers = [item for item in resource.get("identifier") or () if not is_joined(item)]
    for name, value in (("meta", meta), ("identifier", identifiers)):
        content.pop(name, None)
        if value and name in resource:
            # A resource type whose identifier is a single one has an object there.
            content[name] = resource[name] if isinstance(resource[name], dict) and name == "identifier" else value
    return sha256(_sorted(content)).hexdigest()


def is_joined(identifier: Any) -> bool:
    """Whether an identifier was added by joining another source's record."""
    extensions = identifier.get("extension", ()) if isinstance(identifier, dict) else ()
    return any(extension.get("url") == JOINED for extension in extensions)


def joined_identifier(system: str, value: str, export: Export) -> Json:
    """The identifier by which another source knows a Patient."""
    mark = {"url": JOINED, "valueInstant": instant(export.at_ms)}
    return {"extension": [mark], "system": system, "value": value}


def stamped(resource: Json, export: Export, digest: str) -> Json:
    """The resource with the stamp of this export instead of any other."""
    meta = resource.get("meta", {})
    kept = [extension for extension in meta.get("extension", ()) if extension.get("url") != IMPORTED]
    stamp = {
        "url": IMPORTED,
        "extension": [
            {"url": "exported", "valueInstant": instant(export.at_ms)},
            {"url": "known", "valueBoolean": export.known},
            {"url": "digest", "valueString": digest},
        ],
    }
    return {**resource, "meta": {**meta, "extension": [*kept, stamp]}}


def stamp_of(resource: Json) -> Stamp | None:
    """The stamp of a stored resource; None where there is none, or one that no import wrote."""
    for extension in resource.get("meta", {}).get("extension", ()):
        if extension.get("url") == IMPORTED:
            parts = {part.get("url"): part for part in extension.get("extension", ())}
            return _stamp(
                parts.get("exported", {}).get("valueInstant"),
                parts.get("known", {}).get("valueBoolean"),
                parts.get("digest", {}).get("valueString"),
            )
    return None


def _stamp(exported: Any, known: Any, digest: Any) -> Stamp | None:
    if not (isinstance(exported, str) and isinstance(known, bool) and isinstance(digest, str)):
        return None
    try:
        at = datetime.fromisoformat(exported).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Stamp(Export(round(at.timestamp() * 1000), known), digest)
