"""MedicationRequest. https://hl7.org/fhir/R4/medicationrequest.html, UK Core MedicationRequest

GP Connect sends an authorisation as `plan` and each issue as `order`; both stay what they are.
"""

from mappers.gp_connect.dosage import dosages
from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import (
    encounter,
    extended,
    extension_of,
    in_list,
    reference,
    required_code,
    with_extensions,
)
from mappers.mapper import Json

_STATUS_REASON = "Extension-CareConnect-GPC-MedicationStatusReason-1"


def _medication_request(source: Element, mapping: EntryMapping) -> Json:
    body = source.keep(
        "status",
        "intent",
        "priority",
        "medicationCodeableConcept",
        "medicationReference",
        "subject",
        "supportingInformation",
        "authoredOn",
        "recorder",
        "reasonCode",
        "reasonReference",
        "basedOn",
        "groupIdentifier",
        "note",
        "priorPrescription",
        "detectedIssue",
        "eventHistory",
        "dispenseRequest",
    )
    body = required_code(body, "status", source.place, mapping, "unknown")
    body = required_code(body, "intent", source.place, mapping)
    body |= in_list(source, "category") | _status_reason(source) | dosages(source, "dosageInstruction")
    for more in (_requester(source), _definition(source), _substitution(source), encounter(source)):
        body = with_extensions(body, more)
    return body


def _status_reason(source: Element) -> Json:
    """Why it was stopped is an element of R4; the extension that says so stays, with the date of the change."""
    kept = source.keep(extension="extension").get("extension")
    for extension in kept if isinstance(kept, list) else []:
        if isinstance(extension, dict) and str(extension.get("url")).endswith(_STATUS_REASON):
            parts = extension.get("extension")
            for part in parts if isinstance(parts, list) else []:
                if isinstance(part, dict) and part.get("url") == "statusReason" and "valueCodeableConcept" in part:
                    return {"statusReason": part["valueCodeableConcept"]}
    return {}


def _requester(source: Element) -> Json:
    """Who prescribed: a reference in R4. For whom they acted is kept beside it."""
    requester = source.element("requester")
    if requester is None:
        return {}
    agent, organization = reference(requester, "agent"), reference(requester, "onBehalfOf")
    if not organization:
        return {"requester": agent} if agent else {}
    beside = extension_of("MedicationRequest.requester.onBehalfOf", valueReference=organization)
    return {"requester": extended(agent, beside)}


def _definition(source: Element) -> Json:
    definitions = source.keep("definition").get("definition")
    found = definitions if isinstance(definitions, list) else [] if definitions is None else [definitions]
    return extended({}, *(extension_of("MedicationRequest.definition", valueReference=item) for item in found))


def _substitution(source: Element) -> Json:
    substitution = source.element("substitution")
    if substitution is None:
        return {}
    return {"substitution": substitution.keep("id", "extension", "reason", allowed="allowedBoolean")}


MEDICATION_REQUEST = ResourceMap("MedicationRequest", "MedicationRequest", _medication_request, subject="subject")
