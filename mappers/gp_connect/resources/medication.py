"""Medication. https://hl7.org/fhir/R4/medication.html, UK Core Medication"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json


def _medication(source: Element, _: EntryMapping) -> Json:
    """An ingredient's `amount` is its `strength`. What R4 moved elsewhere (brand, package, image) the frame keeps."""
    body = source.keep("code", "status", "manufacturer", "form")
    ingredients = [
        item.keep("id", "extension", "itemCodeableConcept", "itemReference", "isActive", amount="strength")
        for item in source.elements("ingredient")
    ]
    return body | ({"ingredient": ingredients} if ingredients else {})


MEDICATION = ResourceMap("Medication", "Medication", _medication)
