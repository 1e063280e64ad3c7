"""A resident's whole GP record as one document: a Bundle of type collection.

https://developer.nhs.uk/apis/gpconnect-1-6-0/accessrecord_structured.html
"""

from collections.abc import Sequence
from datetime import date, timedelta

from fhir_server.demo.facts.residents import Resident
from fhir_server.demo.gp_record.clinical import allergy, medicines, problems
from fhir_server.demo.gp_record.encounters import Frame, consultations, others, results
from fhir_server.demo.gp_record.places import patient, practice
from fhir_server.demo.gp_record.stu3 import STRUCTURES, extension, listed, to
from fhir_server.demo.records.allergies import allergy_intolerance, allergy_of
from fhir_server.demo.records.conditions import conditions
from fhir_server.demo.records.medicines import medication_requests
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.terms import Json, snomed

_PROFILE = STRUCTURES + "GPConnect-StructuredRecord-Bundle-1"
_LISTS = (
    (
        "AllergyIntolerance",
        "Allergies and adverse reactions",
        snomed("886921000000105", "Allergies and adverse reactions"),
    ),
    (
        "MedicationStatement",
        "Medications and medical devices",
        snomed("933361000000108", "Medications and medical devices"),
    ),
    ("Condition", "Problems", snomed("717711000000103", "Problems")),
    ("Immunization", "Immunisations", snomed("1102181000000102", "Immunisations")),
    ("DiagnosticReport", "Investigations and results", snomed("887191000000108", "Investigations and results")),
    ("ReferralRequest", "Outbound referral", snomed("792931000000107", "Outbound referral")),
)
_WARNED = 7
"""One in so many residents has a warning on a list: the practice keeps items confidential."""


def gp_facts(resident: Resident, moments: Moments) -> list[Json]:
    """What the GP knows of a resident in R4 terms: the allergy, the problems, the medicines."""
    known = allergy_of(resident)
    return [
        allergy_intolerance(resident, known, moments),
        *conditions(resident, moments),
        *medication_requests(resident, known, moments),
    ]


def gp_document(resident: Resident, moments: Moments) -> Json:
    """The record as the practice's system sends it. The same resident and day give the same document."""
    until = moments.today + timedelta(days=resident.until)
    entries = [patient(resident, moments), *practice(), *_clinical(resident, moments, until)]
    entries += _lists(resident, entries, moments.time(resident.until, 300))
    return {
        "resourceType": "Bundle",
        "id": f"{resident.id}-gp-record",
        "meta": {"profile": [_PROFILE]},
        "type": "collection",
        "entry": [{"resource": one} for one in entries],
    }


def _clinical(resident: Resident, moments: Moments, until: date) -> list[Json]:
    facts, frame = gp_facts(resident, moments), Frame(resident, moments)
    asserted = moments.time(max(resident.stays[0].first, -365), 620)
    found = [one for one in facts if one["resourceType"] == "Condition"]
    taken = [one for one in facts if one["resourceType"] == "MedicationRequest"]
    return [
        *problems(resident, found, asserted),
        allergy(resident, facts[0], asserted),
        *medicines(resident, taken, until),
        *consultations(frame),
        *results(frame),
        *others(frame),
    ]


def _lists(resident: Resident, entries: Sequence[Json], at: str) -> list[Json]:
    """The lists by kind, without ids, as GP systems send them; some with a warning that they are not whole."""
    subject = to("Patient", resident.id)
    made = []
    for kind, title, code in _LISTS:
        inside = [to(kind, str(one["id"])) for one in entries if one["resourceType"] == kind]
        more = {}
        if kind == "Condition" and resident.index % _WARNED == 0:
            warning = "Extension-CareConnect-GPC-ListWarningCode-1"
            more = {"extension": [extension(warning, valueCode="confidential-items")]}
        made.append(listed(None, code, title, subject, at, inside, **more))
    return made
