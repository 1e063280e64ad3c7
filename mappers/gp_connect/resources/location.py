"""Location. https://hl7.org/fhir/R4/location.html, UK Core Location"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json


def _location(source: Element, _: EntryMapping) -> Json:
    """`type` may repeat in R4."""
    kept = source.keep(
        "status",
        "operationalStatus",
        "name",
        "alias",
        "description",
        "mode",
        "type",
        "telecom",
        "address",
        "physicalType",
        "position",
        "managingOrganization",
        "partOf",
        "endpoint",
    )
    if isinstance(kept.get("type"), dict):
        kept["type"] = [kept["type"]]
    return kept


LOCATION = ResourceMap("Location", "Location", _location)
