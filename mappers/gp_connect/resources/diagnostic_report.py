"""DiagnosticReport. https://hl7.org/fhir/R4/diagnosticreport.html, UK Core DiagnosticReport"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import (
    encounter,
    extended,
    extension_of,
    in_list,
    reference,
    required_code,
    required_concept,
)
from mappers.mapper import Json


def _diagnostic_report(source: Element, mapping: EntryMapping) -> Json:
    body = source.keep(
        "basedOn",
        "status",
        "code",
        "subject",
        "effectiveDateTime",
        "effectivePeriod",
        "issued",
        "specimen",
        "result",
        "imagingStudy",
        "conclusion",
        "presentedForm",
        image="media",
        codedDiagnosis="conclusionCode",
    )
    body = required_code(body, "status", source.place, mapping, "unknown")
    body = required_concept(body, "code", source.place, mapping)
    performers = [_performer(performer) for performer in source.elements("performer")]
    return body | in_list(source, "category") | encounter(source) | ({"performer": performers} if performers else {})


def _performer(source: Element) -> Json:
    """Who took part: a reference in R4. The part that they took is kept beside it."""
    actor = reference(source, "actor")
    role = source.keep("role").get("role")
    if role is None:
        return actor
    return extended(actor, extension_of("DiagnosticReport.performer.role", valueCodeableConcept=role))


DIAGNOSTIC_REPORT = ResourceMap("DiagnosticReport", "DiagnosticReport", _diagnostic_report, subject="subject")
