"""The primitive types: JSON kind and format. https://hl7.org/fhir/R4/datatypes.html#primitive

The formats are checked by hand, because that is faster than the patterns of the definitions and stricter where the text
of the specification is (real calendar dates, 32 bits, 1 MB). A primitive that is not known here is checked by its
pattern, which runs in re2. Messages never repeat a value of a string: it may be about a person.
"""

import binascii
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import re2

from fhir_server.definitions.structures import Structure
from fhir_server.model.limits import MAX_INTEGER, MIN_INTEGER
from fhir_server.validation.dates import is_date, is_date_time, is_instant, is_time
from fhir_server.validation.findings import Check, Findings, Key, Link, Place
from fhir_server.validation.narrative import check_narrative

MAX_STRING = 1024 * 1024
_NO_WHITE_SPACE = str.maketrans("", "", " \t\n\r\f\v")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CODE = re.compile(r"[^\s\x00-\x1f]+(?: [^\s\x00-\x1f]+)*", re.ASCII)
_URI = re.compile(r"[^\s\x00-\x1f]+", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+", re.ASCII)
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)


def _string(value: Any, place: Place, key: Key, findings: Findings) -> None:
    if type(value) is not str:
        findings.kind(value, "a string", place, key)
    elif not value or value.isspace():
        findings.add("value", "A string must not be empty or only white space.", place, key)
    elif not value.isprintable() and _CONTROL.search(value):
        findings.add("value", "A string must not have control characters but tab, CR and LF.", place, key)
    elif len(value) > MAX_STRING:
        findings.add("too-long", "A string must not be longer than 1 MB (1,048,576 characters).", place, key)


def _boolean(value: Any, place: Place, key: Key, findings: Findings) -> None:
    if type(value) is not bool:
        findings.kind(value, "a boolean (true or false)", place, key)


def _decimal(value: Any, place: Place, key: Key, findings: Findings) -> None:
    if type(value) is Decimal:
        return
    if type(value) is not int:
        findings.kind(value, "a number", place, key)
    elif not MIN_INTEGER <= value <= MAX_INTEGER:
        findings.add("value", "The number does not fit in 64 bits.", place, key)


def _integer(low: int, name: str) -> Check:
    sentence = f"A value of type {name} must be a whole number from {low} to {2**31 - 1}, without fraction or exponent."

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        if type(value) is int:
            if not low <= value < 2**31:
                findings.add("value", sentence, place, key)
        elif type(value) is Decimal:
            findings.add("value", sentence, place, key)
        else:
            findings.kind(value, "a number", place, key)

    return check


def _format(accepts: Callable[[str], Any], sentence: str) -> Check:
    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        if type(value) is not str:
            findings.kind(value, "a string", place, key)
        elif not accepts(value):
            findings.add("value", sentence, place, key)

    return check


_NOT_A_URI = "A URI must not be empty and must not have spaces or control characters."


def _uri(value: Any, place: Place, key: Key, findings: Findings) -> None:
    if type(value) is not str:
        findings.kind(value, "a string", place, key)
    elif not _URI.fullmatch(value):
        findings.add("value", _NOT_A_URI, place, key)
    elif value[0] == "#":
        findings.local.append(Link(value, place, key, literal=False))


def _is_base64(value: str) -> bool:
    bare = value.translate(_NO_WHITE_SPACE)
    if len(bare) % 4 or bare.endswith("==="):  # Python's strict mode lets padding through that is too much
        return False
    try:
        return bool(binascii.a2b_base64(bare, strict_mode=True))
    except (binascii.Error, ValueError):
        return False


_CALENDAR = "with a real calendar date and a year from 0001"

CHECKS: dict[str, Check] = {
    "base64Binary": _format(_is_base64, "This must be base64 (RFC 4648), with its padding."),
    "boolean": _boolean,
    "canonical": _uri,
    "code": _format(_CODE.fullmatch, "A code must not be empty, nor have white space but single spaces inside."),
    "date": _format(is_date, f"A date is YYYY, YYYY-MM or YYYY-MM-DD, {_CALENDAR}."),
    "dateTime": _format(
        is_date_time,
        f"A dateTime is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss(.fff)+zz:zz, {_CALENDAR}; with a time, seconds"
        " and time zone are needed.",
    ),
    "decimal": _decimal,
    "id": _format(_ID.fullmatch, "An id has 1 to 64 characters out of A-Z, a-z, 0-9, `-` and `.`."),
    "instant": _format(is_instant, f"An instant is YYYY-MM-DDThh:mm:ss(.fff)+zz:zz, {_CALENDAR}."),
    "integer": _integer(-(2**31), "integer"),
    "markdown": _string,
    "oid": _format(_OID.fullmatch, "An oid is written urn:oid:1.2.3, without leading zeros."),
    "positiveInt": _integer(1, "positiveInt"),
    "string": _string,
    "time": _format(is_time, "A time is hh:mm:ss(.fff), without time zone."),
    "unsignedInt": _integer(0, "unsignedInt"),
    "uri": _uri,
    "url": _uri,
    "uuid": _format(_UUID.fullmatch, "A uuid is written urn:uuid:, then a UUID in small letters."),
    "xhtml": check_narrative,
}


def primitive_check(structure: Structure) -> Check:
    """The check of a primitive type; by its pattern where its name is not known here."""
    known = CHECKS.get(structure.name)
    if known is not None:
        return known
    if structure.json == "boolean":
        return _boolean
    if structure.json == "number":
        return _decimal
    if structure.pattern is None:
        return _string
    matches = re2.compile(structure.pattern).fullmatch
    return _format(matches, f"The value does not have the format of the type {structure.name}.")
