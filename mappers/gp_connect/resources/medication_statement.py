"""MedicationStatement. https://hl7.org/fhir/R4/medicationstatement.html, UK Core MedicationStatement"""

from mappers.gp_connect.dosage import dosages
from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import extended, extension_of, required_code
from mappers.mapper import Json


def _medication_statement(source: Element, mapping: EntryMapping) -> Json:
    body = source.keep(
        "basedOn",
        "partOf",
        "status",
        "category",
        "medicationCodeableConcept",
        "medicationReference",
        "subject",
        "context",
        "effectiveDateTime",
        "effectivePeriod",
        "dateAsserted",
        "informationSource",
        "derivedFrom",
        "reasonCode",
        "reasonReference",
        "note",
        reasonNotTaken="statusReason",
    )
    body = required_code(body, "status", source.place, mapping, "unknown")
    return _taken(body, source) | dosages(source, "dosage")


def _taken(body: Json, source: Element) -> Json:
    """R4 has no `taken`: that a medicine is not taken is its status; what was recorded, `taken` and the status that
    gives way, stays beside it."""
    taken = source.keep(taken="valueCode")
    if not taken:
        return body
    if taken.get("valueCode") == "n" and body.get("status", "entered-in-error") != "entered-in-error":
        received = source.keep(status="valueCode")
        body = body | {"status": "not-taken"}
        body = extended(body, *([extension_of("MedicationStatement.status", **received)] if received else []))
    return extended(body, extension_of("MedicationStatement.taken", **taken))


MEDICATION_STATEMENT = ResourceMap(
    "MedicationStatement", "MedicationStatement", _medication_statement, subject="subject"
)
