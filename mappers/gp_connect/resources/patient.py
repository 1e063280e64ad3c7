"""Patient. https://hl7.org/fhir/R4/patient.html, UK Core Patient"""

from fhir_server.model.nhs_number import NHS_NUMBER, is_valid
from fhir_server.outcome import Issue
from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json

_UNCHANGED = (
    "active",
    "name",
    "telecom",
    "gender",
    "birthDate",
    "deceasedBoolean",
    "deceasedDateTime",
    "address",
    "maritalStatus",
    "multipleBirthBoolean",
    "multipleBirthInteger",
    "photo",
    "contact",
    "communication",
    "generalPractitioner",
    "managingOrganization",
    "link",
)


def _patient(source: Element, mapping: EntryMapping) -> Json:
    """Elements are those of R4; `animal` has no place in it and no meaning here."""
    mapping.issues.extend(_doubtful_numbers(source))
    return source.keep(*_UNCHANGED)


def _doubtful_numbers(source: Element) -> list[Issue]:
    """NHS numbers that cannot be right: kept as received, never used to find or match anybody."""
    found = source.peek("identifier")
    identifiers = found if isinstance(found, list) else []
    return [
        Issue(
            "value",
            "This NHS number is not valid (modulus 11): it is kept as received and identifies nobody.",
            (f"{source.at('identifier')}[{number}].value",),
            "warning",
        )
        for number, identifier in enumerate(identifiers)
        if isinstance(identifier, dict)
        and identifier.get("system") == NHS_NUMBER
        and not is_valid(str(identifier.get("value", "")).replace(" ", ""))
    ]


PATIENT = ResourceMap("Patient", "Patient", _patient, bound=True)
