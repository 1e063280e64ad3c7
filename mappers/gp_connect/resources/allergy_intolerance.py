"""AllergyIntolerance. https://hl7.org/fhir/R4/allergyintolerance.html, UK Core AllergyIntolerance"""

from mappers.gp_connect.coded_status import coded
from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json

_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_VERIFICATION_CODES = ("unconfirmed", "confirmed", "refuted", "entered-in-error")


def _allergy_intolerance(source: Element, _: EntryMapping) -> Json:
    """R4: what was entered in error has no clinical status (ait-2)."""
    body = coded(source, "verificationStatus", _VERIFICATION, _VERIFICATION_CODES)
    if source.peek("verificationStatus") == "entered-in-error":
        source.take("clinicalStatus")
    else:
        body = coded(source, "clinicalStatus", _CLINICAL, ("active", "inactive", "resolved")) | body
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
