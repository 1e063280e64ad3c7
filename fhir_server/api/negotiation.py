"""Which format the answer has and whether the body can be read. https://hl7.org/fhir/R4/http.html#mime-type"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from fhir_server.interactions.patch import PATCH_TYPES
from fhir_server.model.media_types import FHIR_JSON, FHIR_XML, is_fhir, media_type_of
from fhir_server.outcome import Invalid, NotAcceptable, UnsupportedMediaType

Format = Literal["json", "xml"]

_FORMATS: dict[str, Format] = {
    **dict.fromkeys((*FHIR_JSON, "json"), "json"),
    **dict.fromkeys((*FHIR_XML, "xml"), "xml"),
}
_BOTH: tuple[Format, ...] = ("json", "xml")
_MADE = "application/fhir+json and application/fhir+xml are."
_ANY = frozenset(("*/*", "application/*", "text/*"))
FORM = "application/x-www-form-urlencoded"
_VERSIONS = ("4.0", "4.0.1", '"4.0"', '"4.0.1"')


def answer_format(headers: Mapping[str, str], parameters: Sequence[tuple[str, str]], *, raw_allowed: bool) -> Format:
    """The format of the answer. `_format` wins over `Accept`; raises `NotAcceptable` where neither can be made.

    `raw_allowed`: the answer may be a Binary's own content, for which any `Accept` is fine.
    """
    asked = next((value for name, value in parameters if name == "_format"), None)
    if asked is not None:
        found = _FORMATS.get(media_type_of(asked.replace(" ", "+")))
        if found is None:
            raise NotAcceptable(f"_format asks for a format that is not made here; {_MADE}")
        return found
    accept = headers.get("accept")
    if accept is None:
        return "json"
    preferred = _preferred(accept, raw_allowed)
    if preferred is None and not raw_allowed:
        raise NotAcceptable(f"Accept names no format that is made here; {_MADE}")
    return preferred or "json"


@lru_cache(maxsize=256)
def _preferred(accept: str, binary: bool) -> Format | None:
    """The format that an `Accept` ranks highest, of equals the first that is named; JSON where any will do."""
    named: dict[Format, float] = {}
    anything = 0.0
    for value in accept.split(","):
        media_type = media_type_of(value)
        if media_type in _ANY:
            anything = max(anything, _rank(value))
        elif is_fhir(media_type, binary=binary):
            name = _FORMATS[media_type]
            named[name] = max(named.get(name, 0.0), _rank(value))
    ranks = dict(named)
    for other in _BOTH:
        ranks.setdefault(other, anything)
    best = max(ranks, key=ranks.__getitem__)
    return best if ranks[best] > 0 else None


def _rank(value: str) -> float:
    """How much a media range is wanted: its q, and 0 where it asks for another version of FHIR."""
    rank = 1.0
    for parameter in value.split(";")[1:]:
        name, _, given = parameter.strip().partition("=")
        if name == "q":
            try:
                rank = float(given)
            except ValueError:
                rank = 0.0
        if name.lower() == "fhirversion" and given not in _VERSIONS:
            return 0.0
    return rank


def check_body_format(headers: Mapping[str, str], method: str, *, raw_allowed: bool, form_allowed: bool) -> None:
    """Raise `UnsupportedMediaType` for a body that is not read here, by its Content-Type, charset or coding."""
    _refuse_coding(headers)
    header = headers.get("content-type")
    media_type = media_type_of(header)
    if raw_allowed and not is_fhir(media_type, binary=True):
        return
    expected: Sequence[str] = (*FHIR_JSON, *FHIR_XML) if method != "PATCH" else PATCH_TYPES
    if form_allowed:
        expected = (FORM,)
    if media_type not in expected:
        raise UnsupportedMediaType(f"The body here is {expected[0]}; Content-Type says otherwise or is missing.")
    _check_parameters(header)


def check_document_format(headers: Mapping[str, str], media_types: Sequence[str]) -> None:
    """Raise `UnsupportedMediaType` for a body that is no document of these types, by its Content-Type or coding. It may
    be of another version of FHIR: that is what its mapper is for."""
    _refuse_coding(headers)
    header = headers.get("content-type")
    if media_type_of(header) not in media_types:
        raise UnsupportedMediaType(f"The body here is {' or '.join(media_types)}; Content-Type says otherwise.")
    _check_parameters(header, any_version=True)


def _refuse_coding(headers: Mapping[str, str]) -> None:
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("Send the body without Content-Encoding.")


def _check_parameters(header: str | None, *, any_version: bool = False) -> None:
    for name, value in _parameters(header):
        if name == "charset" and value.strip('"').lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType("FHIR is written in UTF-8.")
        if name == "fhirversion" and not any_version and value not in _VERSIONS:
            raise UnsupportedMediaType("This server speaks FHIR R4, fhirVersion=4.0.")


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
