"""Observation. https://hl7.org/fhir/R4/observation.html, UK Core Observation

Values, units and ranges are as written: nothing is converted, and no unit system is guessed. A resuscitation code that
a GP recorded is a fact of the record like any other; no plan is made of it.
"""

from typing import Any

from mappers.gp_connect.clinical_frailty_scale import in_one_shape
from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import (
    encounter,
    extended,
    extension_of,
    in_list,
    recoded,
    required_code,
    required_concept,
    with_extensions,
)
from mappers.mapper import Json

_VALUES = (
    "valueQuantity",
    "valueCodeableConcept",
    "valueString",
    "valueBoolean",
    "valueRange",
    "valueRatio",
    "valueSampledData",
    "valueTime",
    "valueDateTime",
    "valuePeriod",
)
_LINKS = {"has-member": "hasMember", "derived-from": "derivedFrom"}
_LINK_EXTENSIONS = {
    "sequel-to": "http://hl7.org/fhir/StructureDefinition/observation-sequelTo",
    "replaces": "http://hl7.org/fhir/StructureDefinition/observation-replaces",
}
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_INTERPRETATION_SYSTEMS = {"http://terminology.hl7.org/CodeSystem/v2-0078": _INTERPRETATION}
# The codes of HL7 table 0078 that R4's code system has with the same meaning; others stay in that table.
_INTERPRETATION_CODES = {
    code: code
    for code in "L H LL HH < > N A AA U D B W S R I MS VS POS NEG IND DET ND RR WR NR".split()  # noqa: SIM905
}
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_ABSENT_CODES = {"asked": "asked-unknown", "temp": "temp-unknown", "astext": "as-text", "NaN": "not-a-number"}


def _observation(source: Element, mapping: EntryMapping) -> Json:
    body = source.keep(
        "basedOn",
        "status",
        "category",
        "code",
        "subject",
        "effectiveDateTime",
        "effectivePeriod",
        "issued",
        "performer",
        "bodySite",
        "method",
        "specimen",
        "device",
        "referenceRange",
    )
    body = required_code(body, "status", source.place, mapping, "unknown")
    body = required_concept(body, "code", source.place, mapping)
    body |= _result(source, mapping, "Observation.value")
    comment = source.keep(comment="text")
    if comment:
        body["note"] = [comment]
    components = [_component(component, mapping) for component in source.elements("component")]
    if components:
        body["component"] = components
    for more in (encounter(source), _related(source)):
        body = with_extensions(body, more)
    return in_one_shape(body, mapping)


def _result(source: Element, mapping: EntryMapping, path: str) -> Json:
    """The value, why there is none, and what it means, of an observation or a component."""
    result = source.keep(*_VALUES) | in_list(source, "interpretation")
    if "interpretation" in result:
        result["interpretation"] = [
            recoded(item, _INTERPRETATION_SYSTEMS, _INTERPRETATION_CODES) for item in result["interpretation"]
        ]
    absent = source.keep("dataAbsentReason")
    result |= {name: recoded(value, {_ABSENT: _ABSENT}, _ABSENT_CODES) for name, value in absent.items()}
    attachment = source.keep("valueAttachment").get("valueAttachment")
    if attachment is not None:
        sentence = "An attachment is no value of an R4 Observation; it is kept in an extension."
        mapping.note("not-supported", sentence, source.at("valueAttachment"))
        return extended(result, extension_of(path, valueAttachment=attachment))
    return result


def _component(source: Element, mapping: EntryMapping) -> Json:
    body = source.keep("id", "extension", "modifierExtension", "code", "referenceRange")
    body = required_concept(body, "code", source.place, mapping)
    return with_extensions(body, _result(source, mapping, "Observation.component.value"))


def _related(source: Element) -> Json:
    """Other observations: two kinds of link have an element in R4, two an extension of HL7's; the rest keep theirs."""
    links: dict[str, list[Any]] = {}
    for link in source.elements("related"):
        type, target = link.string("type"), link.keep("target").get("target")
        if type in _LINKS and target is not None:
            links.setdefault(_LINKS[type], []).append(target)
        elif type in _LINK_EXTENSIONS and target is not None:
            url = _LINK_EXTENSIONS[type]
            links.setdefault("extension", []).append({"url": url, "valueReference": target})
        elif type is not None or target is not None:
            links.setdefault("extension", []).append(_other_link(type, target))
    return dict(links)


def _other_link(type: str | None, target: Any) -> Json:
    parts: list[Json] = []
    if type is not None:
        parts.append({"url": "type", "valueCode": type})
    if target is not None:
        parts.append({"url": "target", "valueReference": target})
    return extension_of("Observation.related", extension=parts)


OBSERVATION = ResourceMap("Observation", "Observation", _observation, subject="subject")
