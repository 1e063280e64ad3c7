"""What has no faithful R4 form is kept as received, as a document of the patient: nothing is lost, nothing is claimed.

https://hl7.org/fhir/R4/documentreference.html
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from fhir_server.model.json import dump
from fhir_server.outcome import Issue
from mappers.gp_connect.document import Entry
from mappers.mapper import Json, resource_id
from profiles.canonical import CANONICAL

NOT_MAPPED = f"{CANONICAL}/StructureDefinition/not-mapped"
CONTENT_TYPE = "application/fhir+json; fhirVersion=3.0"
_KINDS = f"{CANONICAL}/CodeSystem/kept-as-received"


def kept_key(entry: Entry) -> str:
    """The key of the DocumentReference that keeps an entry."""
    return f"kept:{entry.type}/{entry.key}"


def kept_as_received(entry: Entry, source: str, patient: Json, meta: Json, reasons: Sequence[Issue]) -> Json:
    """The entry as a DocumentReference of the patient, with the reasons why it is not more than that."""
    title = f"{entry.type or 'Entry'} as received"
    resource: Json = {
        "resourceType": "DocumentReference",
        "id": resource_id(source, "DocumentReference", kept_key(entry)),
        "meta": meta,
    }
    if entry.address is not None:
        resource["identifier"] = [{"system": source, "value": entry.address}]
    return resource | {
        "status": "current",
        "type": {
            "coding": [{"system": _KINDS, "code": "entry", "display": "Entry of a record kept as received"}],
            "text": title,
        },
        "subject": patient,
        "description": "; ".join(dict.fromkeys(reason.diagnostics for reason in reasons))[:1000] or title,
        "content": [
            {
                "attachment": {
                    "contentType": CONTENT_TYPE,
                    "data": b64encode(entry.text).decode("ascii"),
                    "title": title,
                }
            }
        ],
    }


def not_mapped(path: str, value: Any) -> Json:
    """An extension that keeps an element for which R4 has no place: its path in the source and its JSON."""
    return {
        "url": NOT_MAPPED,
        "extension": [
            {"url": "path", "valueString": path},
            {"url": "json", "valueString": dump(value).decode()},
        ],
    }
