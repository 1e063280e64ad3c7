"""Dosage. https://hl7.org/fhir/R4/dosage.html"""

from mappers.gp_connect.element import Element
from mappers.mapper import Json


def dosages(source: Element, name: str) -> Json:
    """The dosages under this name, {} where there are none: dose and rate stand together in R4."""
    found = [_dosage(item) for item in source.elements(name)]
    return {name: found} if found else {}


def _dosage(source: Element) -> Json:
    body = source.keep(
        "id",
        "extension",
        "modifierExtension",
        "sequence",
        "text",
        "additionalInstruction",
        "patientInstruction",
        "timing",
        "asNeededBoolean",
        "asNeededCodeableConcept",
        "site",
        "route",
        "method",
        "maxDosePerPeriod",
        "maxDosePerAdministration",
        "maxDosePerLifetime",
    )
    dose = source.keep("doseRange", "doseQuantity", "rateRatio", "rateRange", "rateQuantity")
    return body | ({"doseAndRate": [dose]} if dose else {})
