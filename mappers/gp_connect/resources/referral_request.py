"""ReferralRequest, a ServiceRequest in R4. https://hl7.org/fhir/R4/servicerequest.html, UK Core ServiceRequest

GP Connect holds the code of a referral in `reasonCode`, also where it says what is requested; it stays there.
"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.requests import request
from mappers.gp_connect.stu3_elements import in_list
from mappers.mapper import Json


def _referral_request(source: Element, mapping: EntryMapping) -> Json:
    body = request(source, mapping, "ReferralRequest")
    body |= source.keep(groupIdentifier="requisition", recipient="performer", specialty="performerType")
    body |= in_list(source, "type", "category")
    if "category" not in body:
        body["category"] = [{"text": "Referral"}]
    description = source.keep(description="text")
    if description:
        notes = body.get("note", [])
        body["note"] = [description, *(notes if isinstance(notes, list) else [notes])]
    return body | _services(source)


def _services(source: Element) -> Json:
    """What is requested: the first is R4's code, what follows says it in more detail."""
    services = source.keep("serviceRequested").get("serviceRequested")
    if not isinstance(services, list) or not services:
        return {} if services is None else {"code": services}
    return {"code": services[0]} | ({"orderDetail": services[1:]} if services[1:] else {})


REFERRAL_REQUEST = ResourceMap("ReferralRequest", "ServiceRequest", _referral_request, subject="subject")
