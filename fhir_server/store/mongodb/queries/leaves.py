"""A single criterion on the entries of a document, or of a group in one. `matching.py` says what each means."""

import re
from dataclasses import dataclass
from typing import Any

from fhir_server.outcome import TooCostly
from fhir_server.store.criteria import (
    EARTH_METRES,
    DateIs,
    ExactIs,
    HasWord,
    IdentifierIs,
    InCompartment,
    IsNear,
    IsPresent,
    NumberIs,
    QuantityIs,
    ReferenceTo,
    StringIs,
    TermIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.entries import CANONICAL
from fhir_server.store.matching import CannotJudge
from fhir_server.store.mongodb import forms
from fhir_server.store.mongodb.forms import beginning, field, key, place_of
from fhir_server.store.mongodb.queries.filters import Filter, beginning_with
from fhir_server.store.mongodb.queries.ranges import date_range, number_range
from fhir_server.store.separators import plain

LONGEST_PART = 8_000
"""Characters that are looked for within a text; MongoDB takes no longer patterns than four times this"""

KeyRange = str | Filter
"""A key, or the bounds (and perhaps a pattern) of keys"""


@dataclass(frozen=True, slots=True)
class Document:
    """Where entries stand: those of a row of this type (None: of any), or with `at` "" those of a group."""

    type: str | None
    at: str = "e."


def leaf(criterion: object, document: Document) -> Filter:
    """The criterion on the entries of this document. Raises `CannotJudge` where other resources decide it."""
    keyed = key_range(criterion)
    if keyed is not None:
        place = place_of(keyed if isinstance(keyed, str) else keyed["$gte"])
        return {f"{document.at}{place}": keyed if isinstance(keyed, str) else {"$elemMatch": keyed}}
    match criterion:
        case IsPresent(param) | TokenIs(param):
            return {f"{document.at}y": param}
        case DateIs(param, prefix, low, high):
            return _some(document, "d", param, date_range(prefix, low, high))
        case NumberIs(param, prefix, first, last):
            return _some(document, "n", param, number_range(prefix, first, last))
        case QuantityIs():
            return _some(document, "q", criterion.param, _quantity(criterion))
        case IsNear():
            return _some(document, "p", criterion.param, _near(criterion))
        case _:
            raise CannotJudge(f"{type(criterion).__name__} cannot be judged on one row")


def key_range(criterion: object) -> KeyRange | None:
    """The key or keys of which one stands in every document that matches, and in no other; None where no key decides
    it. `forms.place_of` says where it stands."""
    match criterion:
        case TokenIs(param, system, code) if system is not None or code is not None:
            return _coded(forms.TOKEN, forms.CODE, param, system, code)
        case IdentifierIs(param, system, value):
            return _coded(forms.IDENTIFIER, forms.VALUE, param, system, value)
        case StringIs(param, text, how):
            return _text(forms.STRING, param, text, how)
        case TermIs(param, text, how):
            return _text(forms.TERM, param, text, how)
        case _:
            return _whole_key(criterion)


def _whole_key(criterion: object) -> str | None:
    match criterion:
        case ReferenceTo(param, target, id):
            return key(forms.REFERENCE, param, target, id)
        case InCompartment(name, id):
            return key(forms.COMPARTMENT, name, id)
        case UriIs(param, text):
            return key(forms.URI, param, text)
        case ExactIs(param, text):
            return key(forms.EXACT, param, text)
        case HasWord(param, word):
            return key(forms.WORD, param, word)
        case _:
            return None


def _coded(full: str, short: str, param: str, system: str | None, code: str | None) -> KeyRange:
    if code is None:
        return beginning_with(beginning(full, param) if system is None else beginning(full, param, system))
    return key(short, param, code) if system is None else key(full, param, system, code)


def _text(kind: str, param: str, text: str, how: str) -> KeyRange:
    if how == "equals":
        return key(kind, param, text)
    if how == "starts":
        return beginning_with(key(kind, param, text))
    return {**beginning_with(beginning(kind, param)), "$regex": containing(text)}


def containing(text: str) -> str:
    """The pattern of keys whose last part contains the text. An escaped control character is no place to begin at."""
    if len(text) > LONGEST_PART:
        raise TooCostly(f"a text of more than {LONGEST_PART} characters is looked for within others")
    escaped = re.escape(plain(text)).replace("\0", r"\x00")
    return rf"(?s)\x1f.*(?<!\x1b){escaped}" if text else r"\x1f"


def _some(document: Document, part: str, param: str, matching: Filter) -> Filter:
    named: Filter = {"f": any_type(param) if document.type is None else field(document.type, param)}
    return {f"{document.at}{part}": {"$elemMatch": {**named, **matching}}}


def any_type(param: str) -> dict[str, Any]:
    """The field of a parameter, whatever the type."""
    return {"$regex": r"^[^.]*\." + re.escape(param).replace("\0", r"\x00") + r"\z"}


def _quantity(asked: QuantityIs) -> Filter:
    named: Filter = {"s": {"$ne": CANONICAL} if asked.system is None else asked.system}
    if asked.unit is not None:
        named["u"] = asked.unit
    return {**named, **number_range(asked.prefix, asked.low, asked.high)}


def _near(asked: IsNear) -> Filter:
    sphere = [[asked.longitude, asked.latitude], asked.metres / EARTH_METRES]
    return {"p": {"$geoWithin": {"$centerSphere": sphere}}}
