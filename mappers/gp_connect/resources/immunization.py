"""Immunization. https://hl7.org/fhir/R4/immunization.html, UK Core Immunization"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import (
    extended,
    extension_of,
    required_code,
    required_concept,
    with_extensions,
)
from mappers.mapper import Json

_RECORDED = "Extension-CareConnect-DateRecorded-1"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_TYPES = {
    "description": "valueString",
    "doseStatus": "valueCodeableConcept",
    "doseStatusReason": "valueCodeableConcept",
}
_UNKNOWN: Json = {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}


def _immunization(source: Element, mapping: EntryMapping) -> Json:
    body = _status(source, mapping)
    body |= source.keep(
        "vaccineCode",
        "patient",
        "encounter",
        "primarySource",
        "reportOrigin",
        "location",
        "manufacturer",
        "lotNumber",
        "expirationDate",
        "site",
        "route",
        "doseQuantity",
        "note",
        "reaction",
        date="occurrenceDateTime",
    )
    body = required_concept(body, "vaccineCode", source.place, mapping)
    if "occurrenceDateTime" not in body and "_occurrenceDateTime" not in body:
        body["_occurrenceDateTime"] = _UNKNOWN
        mapping.note("required", "It is not said when the vaccine was given.", source.at("date"), "warning")
    body |= _recorded(source) | _performers(source)
    return with_extensions(body, _reasons(source)) | _protocols(source, mapping)


def _status(source: Element, mapping: EntryMapping) -> Json:
    """A vaccine that was not given is `not-done`, unless the entry itself is in error."""
    body = source.keep("status")
    if not source.boolean("notGiven"):
        return required_code(body, "status", source.place, mapping)
    if body.get("status") == "entered-in-error":
        return extended(body, extension_of("Immunization.notGiven", valueBoolean=True))
    return body | {"status": "not-done"}


def _recorded(source: Element) -> Json:
    """When it was recorded: an extension of CareConnect's, an element of R4's."""
    extensions = source.peek("extension")
    for extension in extensions if isinstance(extensions, list) else []:
        if isinstance(extension, dict) and str(extension.get("url")).endswith(_RECORDED):
            return {"recorded": extension["valueDateTime"]} if "valueDateTime" in extension else {}
    return {}


def _performers(source: Element) -> Json:
    performers = [item.keep("id", "extension", "actor", role="function") for item in source.elements("practitioner")]
    return {"performer": performers} if performers else {}


def _reasons(source: Element) -> Json:
    """Why it was given; why it was not given is the reason of the status."""
    explanation = source.element("explanation")
    if explanation is None:
        return {}
    kept = explanation.keep(reason="reasonCode")
    not_given = explanation.keep(reasonNotGiven="statusReason").get("statusReason")
    if isinstance(not_given, list) and not_given:
        kept["statusReason"] = not_given[0]
        more = [
            extension_of("Immunization.explanation.reasonNotGiven", valueCodeableConcept=it) for it in not_given[1:]
        ]
        kept = extended(kept, *more)
    return kept


def _protocols(source: Element, mapping: EntryMapping) -> Json:
    protocols = [_protocol(item, mapping) for item in source.elements("vaccinationProtocol")]
    return {"protocolApplied": protocols} if protocols else {}


def _protocol(source: Element, mapping: EntryMapping) -> Json:
    """R4 requires the number of the dose; the rest of STU3's protocol is kept beside."""
    body = source.keep(
        "id",
        "extension",
        "series",
        "authority",
        doseSequence="doseNumberPositiveInt",
        seriesDoses="seriesDosesPositiveInt",
    )
    diseases = source.keep("targetDisease").get("targetDisease")
    if diseases is not None:
        body["targetDisease"] = diseases if isinstance(diseases, list) else [diseases]
    body = required_code(body, "doseNumberPositiveInt", source.place, mapping)
    beside = {name: source.keep(**{name: type}) for name, type in _TYPES.items()}
    path = "Immunization.vaccinationProtocol"
    return extended(body, *(extension_of(f"{path}.{name}", **value) for name, value in beside.items() if value))


IMMUNIZATION = ResourceMap("Immunization", "Immunization", _immunization, subject="patient")
