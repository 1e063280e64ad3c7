"""Organization. https://hl7.org/fhir/R4/organization.html, UK Core Organization"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json


def _organization(source: Element, _: EntryMapping) -> Json:
    """An organisation with neither name nor identifier says so: R4 wants one of them (org-1)."""
    return source.keep("active", "type", "name", "alias", "telecom", "address", "partOf", "contact", "endpoint")


ORGANIZATION = ResourceMap("Organization", "Organization", _organization)
