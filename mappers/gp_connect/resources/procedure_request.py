"""ProcedureRequest, a ServiceRequest in R4. https://hl7.org/fhir/R4/servicerequest.html, UK Core ServiceRequest

GP Connect has diary entries (recalls and reminders: intent plan) and requests of tests (intent order) in it.
"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.requests import request
from mappers.gp_connect.stu3_elements import in_list
from mappers.mapper import Json


def _procedure_request(source: Element, mapping: EntryMapping) -> Json:
    body = request(source, mapping, "ProcedureRequest") | source.keep(
        "requisition",
        "category",
        "doNotPerform",
        "code",
        "occurrenceTiming",
        "asNeededBoolean",
        "asNeededCodeableConcept",
        "performerType",
        "specimen",
        "bodySite",
    )
    if "category" not in body and body.get("intent") == "plan":
        body["category"] = [{"text": "Diary entry"}]
    return body | in_list(source, "performer")


PROCEDURE_REQUEST = ResourceMap("ProcedureRequest", "ServiceRequest", _procedure_request, subject="subject")
