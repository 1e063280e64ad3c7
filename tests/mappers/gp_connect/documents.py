"""Small GP Connect documents about invented people, to be read and mapped."""

from collections.abc import Mapping
from typing import Any

from fhir_server.model.json import dump
from mappers.gp_connect.record import GpConnectRecord, read_record
from mappers.mapper import Json, Known, Mapped, ReadOptions

NHS_NUMBER = "9990000018"
PROFILE = "https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-StructuredRecord-Bundle-1"
VERIFIED: Json = {
    "url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-NHSNumberVerificationStatus-1",
    "valueCodeableConcept": {
        "coding": [
            {
                "system": "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-NHSNumberVerificationStatus-1",
                "code": "01",
                "display": "Number present and verified",
            }
        ]
    },
}
PRACTICE: Json = {
    "resourceType": "Organization",
    "id": "practice",
    "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Z99999"}],
    "name": "Invented Surgery",
}
SOURCE = "https://fhir.shared-care-record.example/source/gp-connect/Z99999"


def patient(**changed: Any) -> Json:
    """An invented person of the invented practice; None takes an element away."""
    whole: Json = {
        "resourceType": "Patient",
        "id": "person-1",
        "identifier": [
            {"extension": [VERIFIED], "system": "https://fhir.nhs.uk/Id/nhs-number", "value": NHS_NUMBER},
        ],
        "name": [{"use": "official", "family": "Penhallow", "given": ["Morwenna"], "prefix": ["Mrs"]}],
        "gender": "female",
        "birthDate": "1938-02-11",
        "address": [{"use": "home", "line": ["1 Example Row"], "postalCode": "zz99 9zz"}],
        "managingOrganization": {"reference": "Organization/practice"},
    }
    return {name: value for name, value in (whole | changed).items() if value is not None}


def document(*resources: Json, of: Json | None = None, practice: Json | None = PRACTICE, **bundle: Any) -> Json:
    """A structured record of this Patient, their practice and these resources."""
    whole = [patient() if of is None else of, *([] if practice is None else [practice]), *resources]
    return {
        "resourceType": "Bundle",
        "id": "document",
        "meta": {"profile": [PROFILE]},
        "type": "collection",
        "entry": [{"resource": resource} for resource in whole],
    } | bundle


def read(data: Json | bytes, **options: Any) -> GpConnectRecord:
    """The document as a record."""
    return read_record(data if isinstance(data, bytes) else dump(data), ReadOptions(**options))


def mapped(data: Json | bytes, ids: Mapping[Known, str] | None = None, **options: Any) -> Mapped:
    """The document as R4 resources."""
    return read(data, **options).mapped(ids or {})


def observation(id: str | None = "obs-1", **changed: Any) -> Json:
    """An Observation about the person, with a value."""
    whole: Json = {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "27113001", "display": "Body weight"}]},
        "subject": {"reference": "Patient/person-1"},
        "effectiveDateTime": "2024-03-01T09:30:00+00:00",
        "issued": "2024-03-01T09:30:00.000+00:00",
    }
    return {name: value for name, value in (whole | changed).items() if value is not None}
