"""DocumentReference. https://hl7.org/fhir/R4/documentreference.html, UK Core DocumentReference

Addresses of attachments stay as received: whether and how a document can be fetched from there is not asked here.
"""

from typing import Any

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import extension_of, in_list, reference, required_code
from mappers.mapper import Json


def _document_reference(source: Element, mapping: EntryMapping) -> Json:
    body = source.keep(
        "masterIdentifier",
        "status",
        "docStatus",
        "type",
        "subject",
        "author",
        "authenticator",
        "custodian",
        "relatesTo",
        "description",
        "securityLabel",
        "content",
        indexed="date",
    )
    body = required_code(body, "status", source.place, mapping)
    body |= in_list(source, "class", "category") | _created(source, body.get("content"))
    context = source.element("context")
    return body if context is None else body | {"context": _context(context)}


def _created(source: Element, content: Any) -> Json:
    """When the document was made: R4 says it of each attachment. Where one says so itself, both are kept."""
    created = source.keep(created="creation")
    if not created:
        return {}
    attachments = [_attachment(item) for item in content] if isinstance(content, list) else []
    if not attachments or any(found is None or found.keys() & {"creation", "_creation"} for found in attachments):
        dated = {name.replace("creation", "valueDateTime"): value for name, value in created.items()}
        return {"extension": [extension_of("DocumentReference.created", **dated)]}
    return {"content": [item | {"attachment": item["attachment"] | created} for item in content]}


def _attachment(content: Any) -> Json | None:
    attachment = content.get("attachment") if isinstance(content, dict) else None
    return attachment if isinstance(attachment, dict) else None


def _context(source: Element) -> Json:
    body = source.keep(
        "id",
        "extension",
        "modifierExtension",
        "event",
        "period",
        "facilityType",
        "practiceSetting",
        "sourcePatientInfo",
    )
    related = [_related(item) for item in source.elements("related")]
    return body | in_list(source, "encounter") | ({"related": related} if related else {})


def _related(source: Element) -> Json:
    """A related thing: identifier and reference stand beside each other in STU3, in one reference in R4."""
    return source.keep("identifier") | reference(source, "ref")


DOCUMENT_REFERENCE = ResourceMap("DocumentReference", "DocumentReference", _document_reference, subject="subject")
