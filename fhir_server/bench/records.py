"""The made-up record that is measured on: residents and their blood pressures, the same in every run.

An Observation has about two kilobytes, as a GP system sends them: two codings, components, a method, a reference range.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
SNOMED_CT = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
_ODS_CODE = "https://fhir.nhs.uk/Id/ods-organization-code"
_HL7 = "http://terminology.hl7.org/CodeSystem"
CODE = f"{LOINC}|85354-9"
_NEWEST = datetime(2026, 6, 30, 12, tzinfo=UTC)
_FAMILIES = ("Ashworth", "Birtwistle", "Clegg", "Dewhurst", "Entwistle", "Fielding", "Greenhalgh", "Hargreaves")
_GIVEN = ("Edith", "Harold", "Mavis", "Norman", "Olive", "Percival", "Queenie", "Reginald", "Sybil", "Thomas")

Resource = dict[str, Any]


def nhs_number(sequence: int) -> str:
    """A valid NHS number of the test range (999...), a different one for each number below 500,000."""
    place = sequence  # half a million on, the check digit differs by two: at most one further step
    while True:
        digits = f"999{place % 1_000_000:06d}"
        check = -sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            return f"{digits}{check}"
        place += 500_000


def patient(number: int) -> Resource:
    """A resident, with a relative, a language and the surgery where they are registered."""
    born = datetime(1930, 1, 1, tzinfo=UTC) + timedelta(days=number * 37 % 7300)
    family = _FAMILIES[number % 8]
    return {
        "resourceType": "Patient",
        "identifier": [
            {"use": "official", "system": NHS_NUMBER, "value": nhs_number(number)},
            {"use": "secondary", "system": "https://home.example/residents", "value": f"R{number:05d}"},
        ],
        "active": True,
        "name": [
            {"use": "official", "family": family, "given": [_GIVEN[number % 10], "Ann"], "prefix": ["Ms"]},
            {"use": "usual", "text": f"{_GIVEN[number % 10]} {family}"},
        ],
        "telecom": [
            {"system": "phone", "value": f"0161 496 {number % 10000:04d}", "use": "home"},
            {"system": "email", "value": f"resident{number}@home.example", "use": "home"},
        ],
        "gender": "female" if number % 3 else "male",
        "birthDate": f"{born:%Y-%m-%d}",
        "deceasedBoolean": False,
        "address": [_address(number, "home", "The Weavers Care Home"), _address(number + 7, "old", "Rose Cottage")],
        "maritalStatus": {"coding": [_coding(f"{_HL7}/v3-MaritalStatus", "W", "Widowed")], "text": "Widowed"},
        "contact": [
            {
                "relationship": [{"coding": [_coding(f"{_HL7}/v3-RoleCode", "DAU", "natural daughter")]}],
                "name": {"use": "official", "family": family, "given": ["Margaret"]},
                "telecom": [{"system": "phone", "value": f"07700 900{number % 1000:03d}", "use": "mobile"}],
                "address": _address(number + 3, "home", "12a"),
                "gender": "female",
            }
        ],
        "communication": [
            {"language": {"coding": [_coding("urn:ietf:bcp:47", "en-GB", "English")]}, "preferred": True}
        ],
        "generalPractitioner": [{"identifier": {"system": _ODS_CODE, "value": "ZZ901"}, "display": "Mill Surgery"}],
        "managingOrganization": {"identifier": {"system": _ODS_CODE, "value": "ZZ902"}, "display": "The Weavers"},
    }


def _address(number: int, use: str, name: str) -> Resource:
    line = [name, f"{number % 190 + 1} Weaver Street"]
    return {
        "use": use,
        "type": "both",
        "line": line,
        "city": "Oldham",
        "district": "Lancashire",
        "postalCode": "OL1 1AA",
    }


def _coding(system: str, code: str, display: str) -> Resource:
    return {"system": system, "code": code, "display": display}


def _component(loinc: str, snomed: str, display: str, value: int, low: int, high: int) -> Resource:
    def quantity(number: int) -> Resource:
        return {"value": number, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"}

    return {
        "code": {"coding": [_coding(LOINC, loinc, display), _coding(SNOMED_CT, snomed, display)], "text": display},
        "valueQuantity": quantity(value),
        "referenceRange": [{"low": quantity(low), "high": quantity(high), "text": f"{low} to {high} mmHg"}],
    }


def blood_pressure(number: int, subject: str, note: str = "Taken sitting, after five minutes of rest.") -> Resource:
    """One blood pressure of the resident `subject` (`Patient/...`); a different time and value for each number."""
    taken = _NEWEST - timedelta(hours=number * 7)
    return {
        "resourceType": "Observation",
        "identifier": [{"system": "https://gp.example/observations", "value": f"bp-{number:08d}"}],
        "status": "final",
        "category": [
            {
                "coding": [
                    _coding("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "Vital Signs")
                ]
            }
        ],
        "code": {
            "coding": [
                _coding(LOINC, "85354-9", "Blood pressure panel with all children optional"),
                _coding(SNOMED_CT, "75367002", "Blood pressure"),
            ],
            "text": "Blood pressure",
        },
        "subject": {"reference": subject},
        "effectiveDateTime": f"{taken:%Y-%m-%dT%H:%M:%S}+00:00",
        "issued": f"{taken + timedelta(minutes=3):%Y-%m-%dT%H:%M:%S}.000+00:00",
        "note": [{"text": note}],
        "bodySite": {"coding": [_coding(SNOMED_CT, "368209003", "Right upper arm structure")]},
        "method": {"coding": [_coding(SNOMED_CT, "22762002", "Non-invasive")]},
        "component": [
            _component("8480-6", "271649006", "Systolic blood pressure", 104 + number * 7 % 70, 90, 140),
            _component("8462-4", "271650006", "Diastolic blood pressure", 58 + number * 5 % 40, 60, 90),
        ],
    }


def transaction(resources: list[Resource]) -> Resource:
    """A transaction that creates all of these."""
    entries = [{"resource": it, "request": {"method": "POST", "url": it["resourceType"]}} for it in resources]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def as_bytes(resource: Resource) -> bytes:
    """Compact JSON."""
    return json.dumps(resource, separators=(",", ":"), ensure_ascii=False).encode()
