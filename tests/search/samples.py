"""Resources that several tests index, and an Indexer."""

import json
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from fhir_server.definitions.definitions import r4
from fhir_server.search.context import SearchContext
from fhir_server.search.index import Indexer

BASE = "https://here.example/fhir"
LONDON = ZoneInfo("Europe/London")
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
NOW_MS = 1_790_000_000_000

INDEXER = Indexer(r4(), base_url=BASE, timezone=LONDON)
CONTEXT = SearchContext(r4(), BASE, LONDON, clock_ms=lambda: NOW_MS)


def from_json(text: str) -> dict[str, Any]:
    """A resource as the server reads it: decimals exact."""
    resource: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return resource


PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {
        "profile": ["https://example.org/StructureDefinition/resident|1.0"],
        "tag": [{"system": "urn:t", "code": "demo"}],
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}],
        "source": "urn:source:gp",
    },
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName",
            "valueString": "Not indexed: another URL than the parameter's",
        }
    ],
    "identifier": [{"system": NHS_NUMBER, "value": "9449305552"}, {"value": "HN-7"}],
    "active": True,
    "name": [{"use": "official", "text": "Mrs Zoë O'Neill", "family": "O'Neill", "given": ["Zoë", "Ann"]}],
    "telecom": [
        {"system": "phone", "value": "020 7946 0000"},
        {"system": "email", "value": "zoe@example.org"},
        {"value": "bell"},
    ],
    "gender": "female",
    "birthDate": "1941-07-05",
    "deceasedDateTime": "2026-01-31T22:15:00+00:00",
    "address": [{"use": "home", "line": ["1 High St"], "city": "Ely", "postalCode": "CB7 4AA", "country": "GB"}],
    "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}}],
    "generalPractitioner": [{"reference": "Practitioner/gp1"}, {"reference": f"{BASE}/Organization/surgery"}],
    "managingOrganization": {"reference": "Organization/home/_history/4"},
    "link": [{"other": {"reference": "Patient/p0"}, "type": "seealso"}],
}

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "identifier": [{"system": "urn:gp", "value": "A-1"}],
    "status": "final",
    "category": [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}
    ],
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}], "text": "Blood pressure"},
    "subject": {"reference": "Patient/p1", "identifier": {"system": NHS_NUMBER, "value": "9449305552"}},
    "encounter": {"reference": "https://there.example/fhir/Encounter/7"},
    "performer": [{"reference": "Practitioner/n1"}, {"reference": "#c1"}],
    "contained": [
        {
            "resourceType": "PractitionerRole",
            "id": "c1",
            "organization": {"reference": "Organization/home"},
        }
    ],
    "effectiveDateTime": "2026-07-01T09:30:00+01:00",
    "component": [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "valueQuantity": {
                "value": Decimal("107.10"),
                "unit": "mmHg",
                "system": "http://unitsofmeasure.org",
                "code": "mm[Hg]",
            },
        },
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]},
            "dataAbsentReason": {"coding": [{"code": "unknown"}]},
        },
    ],
}
