"""Which format the answer has and whether the body can be read. https://hl7.org/fhir/R4/http.html#mime-type

JSON alone is spoken here; XML is refused by name.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from fhir_server.interactions.binary import FHIR_JSON, media_type_of
from fhir_server.interactions.patch import JSON_PATCH
from fhir_server.outcome import Invalid, NotAcceptable, UnsupportedMediaType

_FORMATS = frozenset((*FHIR_JSON, "json"))
_ANY = frozenset(("*/*", "application/*", "text/*"))
FORM = "application/x-www-form-urlencoded"
_VERSIONS = ("4.0", "4.0.1", '"4.0"', '"4.0.1"')


@lru_cache(maxsize=256)
def _accepts_json(accept: str) -> bool:
    for value in accept.split(","):
        media_type = media_type_of(value)
        if (media_type in FHIR_JSON or media_type in _ANY) and _usable(value):
            return True
    return False


def _usable(value: str) -> bool:
    """Whether a media range is wanted at all (q above 0) and asks for no other version of FHIR."""
    for parameter in value.split(";")[1:]:
        name, _, given = parameter.strip().partition("=")
        if name == "q" and given.strip("0.") == "":
            return False
        if name.lower() == "fhirversion" and given not in _VERSIONS:
            return False
    return True


def check_answer_format(
    headers: Mapping[str, str], parameters: Sequence[tuple[str, str]], *, raw_allowed: bool
) -> None:
    """Raise `NotAcceptable` where the client takes nothing that can be made. `_format` wins over `Accept`.

    `raw_allowed`: the answer may be a Binary's own content, for which any `Accept` is fine.
    """
    asked = next((value for name, value in parameters if name == "_format"), None)
    if asked is not None:
        if media_type_of(asked.replace(" ", "+")) not in _FORMATS:
            raise NotAcceptable("_format asks for a format that is not made here; application/fhir+json is.")
        return
    accept = headers.get("accept")
    if accept is not None and not raw_allowed and not _accepts_json(accept):
        raise NotAcceptable("Accept names no format that is made here; application/fhir+json is.")


def check_body_format(headers: Mapping[str, str], method: str, *, raw_allowed: bool, form_allowed: bool) -> None:
    """Raise `UnsupportedMediaType` for a body that is not read here, by its Content-Type, charset or coding."""
    _refuse_coding(headers)
    header = headers.get("content-type")
    media_type = media_type_of(header)
    if raw_allowed and media_type not in FHIR_JSON:
        return
    expected = FHIR_JSON if method != "PATCH" else (JSON_PATCH,)
    if form_allowed:
        expected = (FORM,)
    if media_type not in expected:
        raise UnsupportedMediaType(f"The body here is {expected[0]}; Content-Type says otherwise or is missing.")
    for name, value in _parameters(header):
        if name == "charset" and value.strip('"').lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType("FHIR is written in UTF-8.")
        if name == "fhirversion" and value not in _VERSIONS:
            raise UnsupportedMediaType("This server speaks FHIR R4, fhirVersion=4.0.")


def check_document_format(headers: Mapping[str, str], media_types: Sequence[str]) -> None:
    """Raise `UnsupportedMediaType` for a body that is no document of these types, by its Content-Type or coding. It may
    be of another version of FHIR: that is what its mapper is for."""
    _refuse_coding(headers)
    header = headers.get("content-type")
    if media_type_of(header) not in media_types:
        raise UnsupportedMediaType(f"The body here is {' or '.join(media_types)}; Content-Type says otherwise.")
    for name, value in _parameters(header):
        if name == "charset" and value.strip('"').lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType("FHIR is written in UTF-8.")


def _refuse_coding(headers: Mapping[str, str]) -> None:
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("Send the body without Content-Encoding.")


def _parameters(header: str | None) -> Iterator[tuple[str, str]]:
    """The parameters of a Content-Type, their names in lower case."""
    for parameter in (header or "").split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        yield name.lower(), value


def wants_pretty(parameters: Sequence[tuple[str, str]]) -> bool:
    """Whether `_pretty=true` asks for an answer laid out for people."""
    asked = next((value for name, value in parameters if name == "_pretty"), "false")
    if asked not in ("true", "false"):
        raise Invalid("_pretty is true or false.")
    return asked == "true"
