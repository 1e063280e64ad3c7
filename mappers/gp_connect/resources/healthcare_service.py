"""HealthcareService. https://hl7.org/fhir/R4/healthcareservice.html, UK Core HealthcareService"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json


def _healthcare_service(source: Element, _: EntryMapping) -> Json:
    """`category` may repeat in R4, `eligibility` holds its note, `programName` is `program`."""
    kept = source.keep(
        "active",
        "providedBy",
        "category",
        "type",
        "specialty",
        "location",
        "name",
        "comment",
        "extraDetails",
        "photo",
        "telecom",
        "coverageArea",
        "serviceProvisionCode",
        "characteristic",
        "referralMethod",
        "appointmentRequired",
        "availableTime",
        "notAvailable",
        "availabilityExceptions",
        "endpoint",
    )
    if isinstance(kept.get("category"), dict):
        kept["category"] = [kept["category"]]
    eligibility = source.keep(eligibility="code", eligibilityNote="comment")
    return kept | ({"eligibility": [eligibility]} if eligibility else {})


HEALTHCARE_SERVICE = ResourceMap("HealthcareService", "HealthcareService", _healthcare_service)
