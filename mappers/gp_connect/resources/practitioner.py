"""Practitioner. https://hl7.org/fhir/R4/practitioner.html, UK Core Practitioner"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json


def _practitioner(source: Element, _: EntryMapping) -> Json:
    """Elements are those of R4."""
    return source.keep(
        "active", "name", "telecom", "address", "gender", "birthDate", "photo", "qualification", "communication"
    )


PRACTITIONER = ResourceMap("Practitioner", "Practitioner", _practitioner)
