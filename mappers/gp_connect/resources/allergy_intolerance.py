"""AllergyIntolerance. https://hl7.org/fhir/R4/allergyintolerance.html, UK Core AllergyIntolerance"""

from mappers.gp_connect.coded_status import coded
from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import extended, extension_of
from mappers.mapper import Json

_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_VERIFICATION_CODES = ("unconfirmed", "confirmed", "refuted", "entered-in-error")


def _allergy_intolerance(source: Element, mapping: EntryMapping) -> Json:
    """R4: what was entered in error has no clinical status (ait-2), everything else has one (ait-1).

    One that is missing stays missing: its value set has no code for unknown, and none is invented.
    """
    body = coded(source, "verificationStatus", _VERIFICATION, _VERIFICATION_CODES)
    if source.peek("verificationStatus") == "entered-in-error":
        received = source.keep(clinicalStatus="valueCode")
        body = extended(body, *([extension_of("AllergyIntolerance.clinicalStatus", **received)] if received else []))
    else:
        status = coded(source, "clinicalStatus", _CLINICAL, ("active", "inactive", "resolved"))
        if not status:
            mapping.note("required", "It has no clinical status.", source.at("clinicalStatus"), "warning")
        body = status | body
    return body | source.keep(
        "type",
        "category",
        "criticality",
        "code",
        "patient",
        "onsetDateTime",
        "onsetAge",
        "onsetPeriod",
        "onsetRange",
        "onsetString",
        "recorder",
        "asserter",
        "lastOccurrence",
        "note",
        "reaction",
        assertedDate="recordedDate",
    )


ALLERGY_INTOLERANCE = ResourceMap("AllergyIntolerance", "AllergyIntolerance", _allergy_intolerance, subject="patient")
