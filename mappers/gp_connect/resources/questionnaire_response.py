"""QuestionnaireResponse. https://hl7.org/fhir/R4/questionnaireresponse.html

GP Connect uses it for entries in a hierarchy: its parent and its answers are Observations.
"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import (
    encounter,
    extended,
    extension_of,
    reference,
    required_code,
    with_extensions,
)
from mappers.mapper import Json
from profiles.canonical import CANONICAL

_BACKBONE = ("id", "extension", "modifierExtension")
_DISPLAY = "http://hl7.org/fhir/StructureDefinition/display"
_ABSOLUTE = ("http://", "https://", "urn:oid:")


def _questionnaire_response(source: Element, mapping: EntryMapping) -> Json:
    body = source.keep("basedOn", "status", "subject", "authored", "author", "source", parent="partOf")
    body = required_code(body, "status", source.place, mapping)
    for more in (encounter(source), _questionnaire(source, mapping)):
        body = with_extensions(body, more)
    items = _items(source, "", mapping)
    return body | ({"item": items} if items else {})


def _questionnaire(source: Element, mapping: EntryMapping) -> Json:
    """The questionnaire, a canonical URL in R4. One that is none is kept as the reference that it was.

    So is one of ours: a form in force here is signed here, and cannot arrive as an entry of a GP's record.
    """
    named = source.element("questionnaire")
    if named is None:
        return {}
    url = named.string("reference") or ""
    if url.startswith(_ABSOLUTE) and not url.startswith(CANONICAL):
        display = named.string("display")
        shown: Json = {"_questionnaire": {"extension": [{"url": _DISPLAY, "valueString": display}]}}
        return {"questionnaire": url} | (shown if display else {})
    named.take("id", "extension", "identifier", "display")
    sentence = "This names no questionnaire of its source by a canonical URL; it is kept in an extension."
    mapping.note("not-supported", sentence, source.at("questionnaire"))
    kept = reference(source, "questionnaire")
    return {"extension": [extension_of("QuestionnaireResponse.questionnaire", valueReference=kept)]}


def _items(source: Element, above: str, mapping: EntryMapping) -> list[Json]:
    """The items inside of an item, an answer or the resource; `above` is the number of what they are in."""
    return [_item(item, f"{above}{number}", mapping) for number, item in enumerate(source.elements("item"), 1)]


def _item(source: Element, number: str, mapping: EntryMapping) -> Json:
    """R4 requires `linkId`: where there is none, it is the place of the item (`1`, `1.2`)."""
    body = source.keep(*_BACKBONE, "linkId", "text", "definition")
    if "linkId" not in body:
        body["linkId"] = number
        mapping.note("required", "The item has no linkId; it gets its place as one.", source.at("linkId"))
    subject = reference(source, "subject")
    if subject:
        body = extended(body, extension_of("QuestionnaireResponse.item.subject", valueReference=subject))
    answers = [_answer(answer, f"{number}.", mapping) for answer in source.elements("answer")]
    items = _items(source, f"{number}.", mapping)
    return body | ({"answer": answers} if answers else {}) | ({"item": items} if items else {})


def _answer(source: Element, above: str, mapping: EntryMapping) -> Json:
    body = source.keep(
        *_BACKBONE,
        "valueBoolean",
        "valueDecimal",
        "valueInteger",
        "valueDate",
        "valueDateTime",
        "valueTime",
        "valueString",
        "valueUri",
        "valueAttachment",
        "valueCoding",
        "valueQuantity",
        "valueReference",
    )
    items = _items(source, above, mapping)
    return body | ({"item": items} if items else {})


QUESTIONNAIRE_RESPONSE = ResourceMap(
    "QuestionnaireResponse", "QuestionnaireResponse", _questionnaire_response, subject="subject"
)
