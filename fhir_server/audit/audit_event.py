"""A compact entry as a FHIR AuditEvent, in the shape of IHE's Basic Audit Log Patterns.

https://profiles.ihe.net/ITI/BALP/, https://hl7.org/fhir/R4/auditevent.html
"""

import base64
from collections.abc import Iterator
from typing import Any

from fhir_server.audit.entry import Compact
from fhir_server.store.values import instant
from profiles.canonical import CANONICAL

_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_RESTFUL = "http://hl7.org/fhir/restful-interaction"
_OPERATIONS = f"{CANONICAL}/CodeSystem/operation"
_ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ENTITY_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"


def audit_event(entry_id: str, entry: Compact, server: str) -> dict[str, Any]:
    """The AuditEvent with this id; `server` is the base address of the server that recorded it."""
    return {
        "resourceType": "AuditEvent",
        "id": entry_id,
        "meta": {"versionId": "1", "lastUpdated": instant(entry.recorded_ms)},
        "type": {"system": _REST, "code": "rest", "display": "RESTful Operation"},
        "subtype": list(_subtypes(entry.interaction)),
        "action": entry.action,
        "recorded": instant(entry.recorded_ms),
        "outcome": _outcome(entry.status),
        "outcomeDesc": f"HTTP {entry.status}",
        "purposeOfEvent": [{"text": entry.why}],
        "agent": list(_agents(entry, server)),
        "source": {"observer": {"display": server}, "type": [_coding(_SOURCE_TYPE, "4")]},
        "entity": list(_entities(entry)),
    }


def _subtypes(interaction: str) -> Iterator[dict[str, str]]:
    """What was done; of an operation (`$ingest`) FHIR's code says that it is one, and ours which."""
    if not interaction.startswith("$"):
        yield _coding(_RESTFUL, interaction)
        return
    yield _coding(_RESTFUL, "operation")
    yield _coding(_OPERATIONS, interaction.removeprefix("$"))


def _coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}


def _outcome(status: int) -> str:
    """0 success, 4 the request was refused, 8 the server failed."""
    if status < 400:
        return "0"
    return "4" if status < 500 else "8"


def _agents(entry: Compact, server: str) -> list[dict[str, Any]]:
    client: dict[str, Any] = {
        "type": {"coding": [{"system": _DICOM, "code": "110153", "display": "Source Role ID"}]},
        "who": {"display": entry.client or entry.who},
        "requestor": False,
    }
    if entry.network_address:
        client["network"] = {"address": entry.network_address, "type": "2"}
    return [
        client,
        {
            "type": {"coding": [{"system": _DICOM, "code": "110152", "display": "Destination Role ID"}]},
            "who": {"display": server},
            "requestor": False,
        },
        {"who": {"display": entry.who}, "requestor": True},
    ]


def _entities(entry: Compact) -> list[dict[str, Any]]:
    entities: list[dict[str, Any]] = [
        {"what": {"reference": reference}, "type": _coding(_ENTITY_TYPE, "2"), "role": _coding(_ENTITY_ROLE, "4")}
        for reference in entry.resources
    ]
    entities += [
        {
            "what": {"reference": f"Patient/{patient}"},
            "type": _coding(_ENTITY_TYPE, "1"),
            "role": _coding(_ENTITY_ROLE, "1"),
        }
        for patient in entry.patients
    ]
    request = f"{entry.method} {entry.path}" + (f"?{entry.query}" if entry.query else "")
    entities.append(
        {
            "type": _coding(_ENTITY_TYPE, "2"),
            "role": _coding(_ENTITY_ROLE, "24"),
            "query": base64.b64encode(request.encode()).decode(),
        }
    )
    entities += [
        {
            "what": {"identifier": {"value": value}},
            "type": {"system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "code": kind},
        }
        for kind, value in (("XrequestId", entry.request_id), ("correlation-id", entry.correlation_id))
        if value
    ]
    return entities
