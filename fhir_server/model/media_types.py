"""The media types of FHIR. https://hl7.org/fhir/R4/http.html#mime-type"""

from typing import Final

FHIR_JSON: Final = ("application/fhir+json", "application/json", "text/json")
FHIR_XML: Final = ("application/fhir+xml", "application/xml", "text/xml")


def media_type_of(header: str | None) -> str:
    """The media type of a Content-Type or one Accept value, without parameters, in lower case."""
    return (header or "").partition(";")[0].strip().lower()


def is_fhir(media_type: str, *, binary: bool) -> bool:
    """Whether content of this type is a resource. At the address of Binary XML is one only where it says that it is
    FHIR: documents of other kinds come as `text/xml` and `application/xml`, and are kept as they are."""
    return media_type in FHIR_JSON or (media_type == FHIR_XML[0] if binary else media_type in FHIR_XML)
