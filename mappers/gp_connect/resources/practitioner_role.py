"""PractitionerRole. https://hl7.org/fhir/R4/practitionerrole.html, UK Core PractitionerRole"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json


def _practitioner_role(source: Element, _: EntryMapping) -> Json:
    """Elements are those of R4."""
    return source.keep(
        "active",
        "period",
        "practitioner",
        "organization",
        "code",
        "specialty",
        "location",
        "healthcareService",
        "telecom",
        "availableTime",
        "notAvailable",
        "availabilityExceptions",
        "endpoint",
    )


PRACTITIONER_ROLE = ResourceMap("PractitionerRole", "PractitionerRole", _practitioner_role)
