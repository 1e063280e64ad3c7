"""Specimen. https://hl7.org/fhir/R4/specimen.html, UK Core Specimen"""

from typing import Any

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json

_FASTING = "Extension-CareConnect-FastingStatus-1"
_FASTING_VALUES = {
    "valueCodeableConcept": "fastingStatusCodeableConcept",
    "valueDuration": "fastingStatusDuration",
}


def _specimen(source: Element, mapping: EntryMapping) -> Json:
    body = source.keep(
        "accessionIdentifier",
        "status",
        "type",
        "subject",
        "receivedTime",
        "parent",
        "request",
        "processing",
        "container",
        "note",
    )
    collection = source.element("collection")
    return body if collection is None else body | {"collection": _collection(collection)}


def _collection(source: Element) -> Json:
    """How it was collected. Whether the patient had fasted is an extension in STU3 and an element in R4."""
    kept = source.keep(
        "id",
        "modifierExtension",
        "collector",
        "collectedDateTime",
        "collectedPeriod",
        "quantity",
        "method",
        "bodySite",
        "extension",
    )
    extensions = kept.pop("extension", [])
    if not isinstance(extensions, list):
        return kept | {"extension": extensions}
    fasting = [_fasting_status(extension) for extension in extensions]
    if len([status for status in fasting if status]) != 1:
        return kept | ({"extension": extensions} if extensions else {})
    others = [extension for extension, status in zip(extensions, fasting, strict=True) if not status]
    status = next(status for status in fasting if status)
    return kept | status | ({"extension": others} if others else {})


def _fasting_status(extension: Any) -> Json:
    """R4's element for this extension; empty where it is another extension or says something else as well."""
    if not isinstance(extension, dict) or not str(extension.get("url")).endswith(_FASTING) or len(extension) != 2:
        return {}
    return {new: extension[old] for old, new in _FASTING_VALUES.items() if old in extension}


SPECIMEN = ResourceMap("Specimen", "Specimen", _specimen, subject="subject")
