"""Procedure. https://hl7.org/fhir/R4/procedure.html, UK Core Procedure"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import encounter, required_code, translated
from mappers.mapper import Json

_STATUSES = {"suspended": "on-hold", "aborted": "stopped"}


def _procedure(source: Element, mapping: EntryMapping) -> Json:
    body = source.keep(
        "basedOn",
        "partOf",
        "category",
        "code",
        "subject",
        "performedDateTime",
        "performedPeriod",
        "location",
        "reasonCode",
        "reasonReference",
        "bodySite",
        "outcome",
        "report",
        "complication",
        "complicationDetail",
        "followUp",
        "note",
        "focalDevice",
        "usedReference",
        "usedCode",
        notDoneReason="statusReason",
    )
    body |= _status(source)
    performers = [_performer(performer) for performer in source.elements("performer")]
    body |= encounter(source) | ({"performer": performers} if performers else {})
    return required_code(body, "status", source.place, mapping, "unknown")


def _status(source: Element) -> Json:
    """What was not done is a status in R4. An entry made in error stays that above all."""
    status = translated(source, "status", _STATUSES)
    if status.get("status") == "entered-in-error" or not source.boolean("notDone"):
        return status
    return {"status": "not-done"}


def _performer(source: Element) -> Json:
    return source.keep("id", "extension", "modifierExtension", "actor", "onBehalfOf", role="function")


PROCEDURE = ResourceMap("Procedure", "Procedure", _procedure, subject="subject")
