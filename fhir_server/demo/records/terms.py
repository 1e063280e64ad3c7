"""Codes, systems and small FHIR values that the demo data is written with.

Sources: every SNOMED CT code below stands, with this meaning, in the UK Core examples and profiles (R4, 2025-06) or in
the NEWS2 examples of NHS England; the frailty levels are those of the North Central London GP extract. LOINC codes and
units are those that the UK Core vital signs profiles fix (`/min`, where an older NEWS2 example has `{beats}/min`).
Problems and medicines have their codes in `problems.py` and `medicines.py`. Tests check every SNOMED check digit.

Values that many resources share are made once and are the same objects in all of them: read them, do not change them.
"""

from typing import Any

Json = dict[str, Any]

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
ODS_ORGANISATION = "https://fhir.nhs.uk/Id/ods-organization-code"
ODS_SITE = "https://fhir.nhs.uk/Id/ods-site-code"
UK_CORE = "https://fhir.hl7.org.uk/"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"

SOURCE = "https://demo.example/synthetic-residents"
META: Json = {
    "source": SOURCE,
    "tag": [{"system": TERMINOLOGY + "v3-ActReason", "code": "HTEST", "display": "test health data"}],
}
"""Says of each resource that it is about nobody: https://hl7.org/fhir/R4/resource.html#tag"""


def coding(system: str, code: str, display: str) -> Json:
    """A Coding."""
    return {"system": system, "code": code, "display": display}


def concept(*codings: Json, text: str | None = None) -> Json:
    """A CodeableConcept; `text` is what a person reads."""
    value: Json = {"coding": list(codings)} if codings else {}
    if text is not None:
        value["text"] = text
    return value


def snomed(code: str, display: str, text: str | None = None) -> Json:
    """A CodeableConcept with one SNOMED CT code."""
    return concept(coding(SNOMED, code, display), text=text)


def hl7(system: str, code: str, display: str) -> Json:
    """A CodeableConcept with one code of HL7's own terminology."""
    return concept(coding(TERMINOLOGY + system, code, display))


def reference(type: str, id: str) -> Json:
    """A literal reference to a resource of the same server."""
    return {"reference": f"{type}/{id}"}


def resource(type: str, id: str, /, **elements: Any) -> Json:
    """A resource with the mark of the demo data; elements stand in the order given."""
    return {"resourceType": type, "id": id, "meta": META, **elements}


def _vital(snomed_code: str, snomed_display: str, loinc_code: str, loinc_display: str) -> Json:
    return concept(
        coding(SNOMED, snomed_code, snomed_display), coding(LOINC, loinc_code, loinc_display), text=loinc_display
    )


def _score(code: str, of: str) -> Json:
    display = "Royal College of Physicians NEWS2 (National Early Warning Score 2) " + of
    return snomed(code, display, "NEWS2 " + of.removeprefix("- "))


VITAL_SIGNS = [hl7("observation-category", "vital-signs", "Vital Signs")]
SURVEY = [hl7("observation-category", "survey", "Survey")]
THERAPY = [hl7("observation-category", "therapy", "Therapy")]

RESPIRATORY_RATE = _vital("86290005", "Respiratory rate", "9279-1", "Respiratory rate")
PULSE = _vital("364075005", "Heart rate", "8867-4", "Heart rate")
SATURATION = _vital("103228002", "Haemoglobin saturation with oxygen", "2708-6", "Oxygen saturation in Arterial blood")
TEMPERATURE = _vital("276885007", "Core body temperature", "8310-5", "Body temperature")
BLOOD_PRESSURE = _vital("75367002", "Blood pressure", "85354-9", "Blood pressure panel with all children optional")
SYSTOLIC = _vital("72313002", "Systolic arterial pressure", "8480-6", "Systolic blood pressure")
DIASTOLIC = _vital("1091811000000102", "Diastolic arterial pressure", "8462-4", "Diastolic blood pressure")
WEIGHT = _vital("27113001", "Body weight", "29463-7", "Body weight")
ROOM_AIR = snomed("722742002", "Breathing room air", "Breathing air, no oxygen given")
ON_OXYGEN = snomed("371825009", "Patient on oxygen", "Oxygen given")
CONSCIOUSNESS = snomed(
    "1104441000000107", "Alert Confusion Voice Pain Unresponsive scale score", "Level of consciousness (ACVPU)"
)
CONSCIOUSNESS_LEVELS = {
    "A": snomed("248234008", "Mentally alert", "Alert"),
    "C": snomed("130987000", "Acute confusion", "New confusion"),
    "V": snomed("300202002", "Responds to voice", "Responds to voice"),
    "P": snomed("450847001", "Responds to pain", "Responds to pain"),
    "U": snomed("422768004", "Unresponsive", "Unresponsive"),
}

NEWS2_TOTAL = _score("1104051000000101", "total score")
NEWS2_RESPIRATORY_RATE = _score("1104301000000104", "- respiration rate score")
NEWS2_SATURATION = {
    1: _score("1104311000000102", "- oxygen saturation scale 1 score"),
    2: _score("1104321000000108", "- oxygen saturation scale 2 score"),
}
NEWS2_OXYGEN = _score("1104331000000105", "- air or oxygen score")
NEWS2_SYSTOLIC = _score("1104341000000101", "- systolic blood pressure score")
NEWS2_PULSE = _score("1104351000000103", "- pulse score")
NEWS2_CONSCIOUSNESS = _score("1104361000000100", "- consciousness score")
NEWS2_TEMPERATURE = _score("1104371000000107", "- temperature score")

FRAILTY_SCALE = snomed("763264000", "CSHA (Canadian Study of Health and Aging) Clinical Frailty Scale score")
FRAILTY_LEVELS = {
    3: snomed("1129351000000108", "CSHA Clinical Frailty Scale level 3", "Level 3: managing well"),
    4: snomed("1129361000000106", "CSHA Clinical Frailty Scale level 4", "Level 4: living with very mild frailty"),
    5: snomed("1129371000000104", "CSHA Clinical Frailty Scale level 5", "Level 5: living with mild frailty"),
    6: snomed("1129381000000102", "CSHA Clinical Frailty Scale level 6", "Level 6: living with moderate frailty"),
    7: snomed("1129391000000100", "CSHA Clinical Frailty Scale level 7", "Level 7: living with severe frailty"),
    8: snomed("1129401000000102", "CSHA Clinical Frailty Scale level 8", "Level 8: living with very severe frailty"),
    9: snomed("1129411000000100", "CSHA Clinical Frailty Scale level 9", "Level 9: terminally ill"),
}
CARE_PLAN = snomed("734163000", "Care plan", "Care and support plan")
LIVES_IN_CARE_HOME = snomed("248171000000108", "Lives in care home", "Lives in this care home")


def quantity(value: Any, unit: str, code: str) -> Json:
    """A Quantity with a UCUM unit; `value` is an int, or a Decimal where its written precision says something."""
    return {"value": value, "unit": unit, "system": UCUM, "code": code}


SCORES = tuple(quantity(points, "ScoreOf", "{ScoreOf}") for points in range(21))
"""The Quantity of each number of points, 0 to 20."""
