"""List. https://hl7.org/fhir/R4/list.html, UK Core List

Consultations, their topics and headings, problems and the lists by kind stay structured as they came: each a List whose
entries refer to the next.
"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import required_code
from mappers.mapper import Json


def _list(source: Element, mapping: EntryMapping) -> Json:
    """Elements are those of R4."""
    body = source.keep(
        "status",
        "mode",
        "title",
        "code",
        "subject",
        "encounter",
        "date",
        "source",
        "orderedBy",
        "note",
        "entry",
        "emptyReason",
    )
    body = required_code(body, "status", source.place, mapping)
    return required_code(body, "mode", source.place, mapping)


LIST = ResourceMap("List", "List", _list, subject="subject")
