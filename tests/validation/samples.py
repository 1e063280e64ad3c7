"""Made-up resources of ordinary size, for the tests of the validator and its cost. All of them are right."""

from typing import Any

from fhir_server.model.json import parse

_OBSERVATION = b"""{
  "resourceType": "Observation", "id": "obs-1",
  "meta": {"profile": ["https://example.org/StructureDefinition/blood-pressure"], "tag": [
    {"system": "https://example.org/source", "code": "care-home"}]},
  "text": {"status": "generated",
    "div": "<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><p>Blood pressure 138/84</p></div>"},
  "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:187e0c12-8dd2-67e2-99b2-bf273c878281"}],
  "basedOn": [{"reference": "CarePlan/plan-1"}],
  "status": "final",
  "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "vital-signs", "display": "Vital Signs"}]}],
  "code": {"coding": [{"system": "http://snomed.info/sct", "code": "75367002", "display": "Blood pressure"},
    {"system": "http://loinc.org", "code": "85354-9"}], "text": "Blood pressure"},
  "subject": {"reference": "Patient/pat-1", "display": "Edith Example"},
  "encounter": {"reference": "Encounter/visit-7"},
  "effectiveDateTime": "2026-09-17T10:03:00.5+01:00",
  "issued": "2026-09-17T10:05:00+01:00",
  "performer": [{"reference": "Practitioner/nurse-1"},
    {"identifier": {"system": "https://example.org/staff", "value": "7"}}],
  "interpretation": [{"coding": [
    {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": "N"}]}],
  "note": [{"authorString": "night staff", "time": "2026-09-17T10:06:00+01:00", "text": "Sitting.\\nLeft arm."}],
  "bodySite": {"coding": [{"system": "http://snomed.info/sct", "code": "368208006", "display": "Left upper arm"}]},
  "component": [
    {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "271649006", "display": "Systolic"}]},
     "valueQuantity": {"value": 138, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}},
    {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "271650006", "display": "Diastolic"}]},
     "valueQuantity": {"value": 84.0, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
     "referenceRange": [{"low": {"value": 60, "unit": "mmHg"}, "high": {"value": 90, "unit": "mmHg"}}]}
  ]
}"""

_PATIENT = b"""{
  "resourceType": "Patient", "id": "pat-1",
  "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]},
  "text": {"status": "generated", "div": "<div xmlns=\\"http://www.w3.org/1999/xhtml\\">Edith <b>EXAMPLE</b></div>"},
  "extension": [{"url": "https://example.org/StructureDefinition/ethnic", "extension": [
    {"url": "code", "valueCodeableConcept": {"coding": [{"system": "https://example.org/ethnic", "code": "A"}]}},
    {"url": "since", "valueDate": "2001-02"}]}],
  "identifier": [{"use": "official", "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018",
    "period": {"start": "1970-01-01"}, "assigner": {"reference": "Organization/org-1"}},
    {"use": "usual", "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
    "system": "https://example.org/local", "value": "H 12"}],
  "active": true,
  "name": [{"use": "official", "family": "Example", "given": ["Edith", null, "Mary"],
    "_given": [null, {"extension": [{"url": "https://example.org/absent", "valueCode": "masked"}]}, null],
    "prefix": ["Mrs"]}, {"use": "nickname", "given": ["Edie"], "period": {"start": "1950"}}],
  "telecom": [{"system": "phone", "value": "0113 496 0000", "use": "home", "rank": 1},
    {"system": "email", "value": "edith@example.org"}],
  "gender": "female",
  "birthDate": "1938-02-28",
  "_birthDate": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
    "valueDateTime": "1938-02-28T14:35:45Z"}]},
  "deceasedBoolean": false,
  "address": [{"use": "home", "type": "both", "line": ["Room 12", "The Elms"], "city": "Leeds", "postalCode": "LS1 4AP",
    "country": "GB"}],
  "maritalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "W"}]},
  "contact": [{"relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0131", "code": "N"}]}],
    "name": {"family": "Example", "given": ["Ann"]}, "telecom": [{"system": "phone", "value": "0113 496 0001"}],
    "gender": "female"}],
  "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}, "preferred": true}],
  "generalPractitioner": [{"reference": "Organization/gp-1"}],
  "managingOrganization": {"reference": "Organization/home-1", "type": "Organization"},
  "link": [{"other": {"reference": "RelatedPerson/rel-1"}, "type": "seealso"}]
}"""

_CARE_PLAN = b"""{
  "resourceType": "CarePlan", "id": "plan-1",
  "contained": [
    {"resourceType": "Goal", "id": "goal", "lifecycleStatus": "active", "description": {"text": "Comfort"},
     "subject": {"reference": "Patient/pat-1"}, "target": [{"dueDate": "2026-12-24"}]},
    {"resourceType": "Condition", "id": "frail", "subject": {"reference": "Patient/pat-1"},
     "clinicalStatus": {"coding": [
      {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}}],
  "instantiatesUri": ["https://example.org/protocol/frailty"],
  "status": "active", "intent": "plan", "title": "Living well",
  "subject": {"reference": "Patient/pat-1"},
  "period": {"start": "2026-01", "end": "2027-01-31"},
  "created": "2026-01-03T12:00:60Z",
  "author": {"reference": "https://gp.example.org/fhir/Practitioner/4/_history/2"},
  "addresses": [{"reference": "#frail"}],
  "goal": [{"reference": "#goal"}],
  "activity": [
    {"reference": {"reference": "ServiceRequest/9"}},
    {"detail": {"kind": "Task", "status": "scheduled", "doNotPerform": false, "code": {"text": "Weigh"},
      "goal": [{"reference": "#goal"}],
      "scheduledTiming": {"event": ["2026-02-01"], "repeat": {"frequency": 1, "period": 1.0, "periodUnit": "wk",
        "dayOfWeek": ["mon"], "timeOfDay": ["08:30:00"], "boundsPeriod": {"start": "2026-02-01"}}},
      "dailyAmount": {"value": 0.010, "unit": "kg"}, "quantity": {"value": 1E-3}}}]
}"""

_ANSWERS = b"""{
  "resourceType": "QuestionnaireResponse", "id": "qr-1", "questionnaire": "https://example.org/Questionnaire/respect|1.0",
  "status": "completed", "subject": {"reference": "Patient/pat-1"}, "authored": "2026-05-04T09:00:00Z",
  "author": {"reference": "PractitionerRole/3"},
  "item": [{"linkId": "1", "text": "Preferences", "item": [
      {"linkId": "1.1", "answer": [{"valueDecimal": 0.50}]},
      {"linkId": "1.2", "answer": [{"valueBoolean": true, "item": [{"linkId": "1.2.1", "answer": [
        {"valueAttachment": {"contentType": "text/plain", "data": "aGVsbG8gd29ybGQ=", "size": 11,
          "creation": "2026"}}]}]}]}]},
    {"linkId": "2", "answer": [{"valueCoding": {"system": "http://snomed.info/sct", "code": "450475007"}},
      {"valueInteger": -7}, {"valueTime": "23:59:59.999"}, {"valueUri": "urn:oid:1.2.3"},
      {"valueReference": {"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}}]}]
}"""


def _sample(text: bytes) -> dict[str, Any]:
    return parse(text, max_bytes=len(text)).data


def observation() -> dict[str, Any]:
    """A blood pressure, about 2 KB."""
    return _sample(_OBSERVATION)


def patient() -> dict[str, Any]:
    """A resident, about 2 KB."""
    return _sample(_PATIENT)


def care_plan() -> dict[str, Any]:
    """A plan with contained resources and a timing."""
    return _sample(_CARE_PLAN)


def answers() -> dict[str, Any]:
    """A QuestionnaireResponse with answers of many types."""
    return _sample(_ANSWERS)


def bundle(kind: str, resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A Bundle of this type with what its entries need."""
    entries: list[dict[str, Any]] = []
    for number, resource in enumerate(resources):
        entry: dict[str, Any] = {"fullUrl": f"urn:uuid:00000000-0000-4000-8000-{number:012}", "resource": resource}
        if kind in ("batch", "transaction"):
            entry["request"] = {"method": "POST", "url": resource["resourceType"]}
        if kind == "searchset":
            entry["search"] = {"mode": "match"}
        entries.append(entry)
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


ALL = (observation, patient, care_plan, answers)
