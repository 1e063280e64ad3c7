"""STU3 resources and values in GP Connect's shapes. https://hl7.org/fhir/STU3/"""

from collections.abc import Iterable
from typing import Any

from fhir_server.demo.records.terms import SNOMED, Json, coding, concept

STRUCTURES = "https://fhir.nhs.uk/STU3/StructureDefinition/"
CARE_CONNECT = "https://fhir.hl7.org.uk/STU3/StructureDefinition/"
CODE_SYSTEMS = "https://fhir.nhs.uk/STU3/CodeSystem/"
LOCAL_CODES = "https://demo.example/local-codes"
READ_V2 = "http://read.info/readv2"


def resource(type: str, id: str | None, profile: str, /, system: str | None = None, **elements: Any) -> Json:
    """A resource of a CareConnect profile; with `system`, its id is an identifier of that system too."""
    whole: Json = {"resourceType": type}
    if id is not None:
        whole["id"] = id
    whole["meta"] = {"profile": [f"{STRUCTURES}CareConnect-GPC-{profile}-1"]}
    if system is not None:
        whole["identifier"] = [{"system": system, "value": id}]
    return whole | {name: value for name, value in elements.items() if value is not None}


def extension(name: str, *, base: str = STRUCTURES, **content: Any) -> Json:
    """An extension of CareConnect's."""
    return {"url": base + name, **content}


def coded(concept_: Json, *further: Json, term: str | None = None, description_id: str | None = None) -> Json:
    """A CodeableConcept as a GP system sends it: SNOMED CT with the description that was chosen, then other codings."""
    chosen = [dict(one) for one in concept_.get("coding", ())]
    for one in chosen[:1]:
        if one.get("system") == SNOMED:
            parts = [{"url": "descriptionId", "valueId": description_id}] if description_id else []
            if term:
                parts.append({"url": "descriptionDisplay", "valueString": term})
            if parts:
                one["extension"] = [extension("Extension-coding-sctdescid", extension=parts)]
            one["userSelected"] = True
    whole: Json = {"coding": [*chosen, *further]} if chosen or further else {}
    return whole | ({"text": concept_["text"]} if "text" in concept_ else {})


def local(code: str, display: str) -> Json:
    """A code of the practice's own system, which no national code stands for."""
    return coding(LOCAL_CODES, code, display)


def care_connect(name: str, code: str, display: str, *, uk: bool = False) -> Json:
    """A CodeableConcept of one of CareConnect's code systems."""
    base = "https://fhir.hl7.org.uk/STU3/CodeSystem/" if uk else CODE_SYSTEMS
    return concept(coding(f"{base}{name}", code, display))


def to(type: str, id: str) -> Json:
    """A reference within the record."""
    return {"reference": f"{type}/{id}"}


def listed(
    id: str | None, code: Json, title: str, subject: Json, date: str, entries: Iterable[Json], /, **more: Any
) -> Json:
    """A List: consultations and their topics and headings, or all entries of one kind."""
    items = [{"item": entry} for entry in entries]
    empty = concept(
        coding(CODE_SYSTEMS + "CareConnect-ListEmptyReasonCode-1", "no-content-recorded", "No content recorded")
    )
    return resource(
        "List",
        id,
        "List",
        status="current",
        mode="snapshot",
        title=title,
        code=code,
        subject=subject,
        date=date,
        orderedBy=concept(coding("http://hl7.org/fhir/list-order", "event-date", "Sorted by Event Date")),
        entry=items or None,
        emptyReason=None if items else empty,
        **more,
    )
