"""FamilyMemberHistory. https://hl7.org/fhir/R4/familymemberhistory.html"""

from typing import Any

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import recoded, required_code, required_concept
from mappers.mapper import Json

_GENDERS = {"male": "Male", "female": "Female", "other": "Other", "unknown": "Unknown"}
_REASONS = {
    "http://hl7.org/fhir/history-not-done-reason": "http://terminology.hl7.org/CodeSystem/history-absent-reason"
}
_REASON_CODES = {code: code for code in ("subject-unknown", "withheld", "unable-to-obtain", "deferred")}


def _family_member_history(source: Element, mapping: EntryMapping) -> Json:
    body = source.keep(
        "status",
        "patient",
        "date",
        "name",
        "relationship",
        "bornPeriod",
        "bornDate",
        "bornString",
        "ageAge",
        "ageRange",
        "ageString",
        "estimatedAge",
        "deceasedBoolean",
        "deceasedAge",
        "deceasedRange",
        "deceasedDate",
        "deceasedString",
        "reasonCode",
        "reasonReference",
        "note",
        "condition",
    )
    body = required_code(body, "status", source.place, mapping)
    body = required_concept(body, "relationship", source.place, mapping)
    return body | _sex(source) | _not_taken(source)


def _sex(source: Element) -> Json:
    """`gender` became `sex`, with the same codes in a CodeableConcept."""
    code = source.string("gender")
    if code is None:
        return {}
    coding: Json = {"system": "http://hl7.org/fhir/administrative-gender", "code": code}
    return {"sex": {"coding": [coding | ({"display": _GENDERS[code]} if code in _GENDERS else {})]}}


def _not_taken(source: Element) -> Json:
    """A history that was not taken must not read as one without findings: R4 says why it is absent."""
    if not source.boolean("notDone"):
        return {}
    reason: Any = source.keep("notDoneReason").get("notDoneReason", {"text": "The history was not taken"})
    return {"dataAbsentReason": recoded(reason, _REASONS, _REASON_CODES)}


FAMILY_MEMBER_HISTORY = ResourceMap(
    "FamilyMemberHistory", "FamilyMemberHistory", _family_member_history, subject="patient"
)
