"""What is asked of any XML before it is read: UTF-8, XML 1.0, no document type."""

from typing import Any
from xml.parsers import expat

from fhir_server.outcome import Invalid

_BOM = b"\xef\xbb\xbf"


def in_utf8(raw: bytes) -> bytes:
    """The body without a byte order mark. Raises `Invalid` for one that is not in UTF-8."""
    raw = raw.removeprefix(_BOM)
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        line, column = raw.count(b"\n", 0, error.start) + 1, error.start - raw.rfind(b"\n", 0, error.start)
        raise Invalid(f"The body is not valid UTF-8 at line {line}, column {column}.") from error
    if b"\x00" in raw:
        raise Invalid("The body has a NUL character; FHIR is written in UTF-8.")
    return raw


def strict_parser() -> Any:
    """An expat parser that refuses, by raising `Invalid`, what is no XML 1.0 in UTF-8, and a document type where it
    begins: so there are no entities but those of XML itself."""
    parser = expat.ParserCreate("UTF-8", " ")
    parser.XmlDeclHandler = _declaration
    parser.StartDoctypeDeclHandler = _document_type
    return parser


def not_well_formed(error: expat.ExpatError) -> str:
    """The sentence about XML that is none, with the place."""
    place = f"at line {error.lineno}, column {error.offset + 1}"
    return f"The body is not well-formed XML {place}: {expat.ErrorString(error.code)}."


def _declaration(version: str, encoding: str | None, _standalone: int) -> None:
    if version != "1.0":
        raise Invalid("The body is not XML 1.0.")
    if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
        raise Invalid("The XML declaration names another encoding than UTF-8.")


def _document_type(*_: Any) -> None:
    raise Invalid("The body has a document type (DTD), which is not read: FHIR has none.")
