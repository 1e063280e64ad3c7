"""What the two request types of STU3 have in common as a ServiceRequest. https://hl7.org/fhir/R4/servicerequest.html"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping
from mappers.gp_connect.stu3_elements import encounter, extended, extension_of, reference, required_code, translated
from mappers.mapper import Json

_STATUSES = {"suspended": "on-hold", "cancelled": "revoked"}


def request(source: Element, mapping: EntryMapping, type: str) -> Json:
    """The elements that a ProcedureRequest and a ReferralRequest (`type`) share, in R4."""
    body = source.keep(
        "basedOn",
        "replaces",
        "intent",
        "priority",
        "subject",
        "occurrenceDateTime",
        "occurrencePeriod",
        "authoredOn",
        "reasonCode",
        "reasonReference",
        "supportingInfo",
        "note",
        "relevantHistory",
    )
    body |= translated(source, "status", _STATUSES)
    body = required_code(body, "status", source.place, mapping, "unknown")
    body = required_code(body, "intent", source.place, mapping)
    return body | encounter(source) | _requester(source, type)


def _requester(source: Element, type: str) -> Json:
    """Who asked: a reference in R4. For whom they acted is kept beside it."""
    requester = source.element("requester")
    if requester is None:
        return {}
    agent, organization = reference(requester, "agent"), reference(requester, "onBehalfOf")
    if not organization:
        return {"requester": agent}
    return {"requester": extended(agent, extension_of(f"{type}.requester.onBehalfOf", valueReference=organization))}
