"""The formats of primitives agree with the patterns of the definitions, and are stricter only where the text is."""

from base64 import b64encode
from calendar import monthrange
from datetime import date
from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions.definitions import r4
from fhir_server.definitions.structures import Structure
from fhir_server.validation.findings import Findings, Place
from fhir_server.validation.primitives import CHECKS, primitive_check

ROOT: Place = (None, "X", {}, None)
STRINGS = sorted(name for name in CHECKS if r4().structure(name).json == "string" and name != "xhtml")
PATTERNS = {name: re2.compile(r4().structure(name).pattern) for name in STRINGS}

NO_WHITE_SPACE = dict.fromkeys(map(ord, " \t\r\n\f\v"))

# What this server refuses beyond the pattern: the text of the specification says so.
STRICTER = {
    "code": "no white space but single spaces, no control characters",
    "base64Binary": "padding stands at the end, and only as much as is needed",
    "string": "not only white space, no control characters, at most 1 MB",
    "markdown": "not only white space, no control characters, at most 1 MB",
    "date": "the day exists",
    "dateTime": "the day exists",
    "instant": "the day exists",
    "uri": "not empty, no control characters",
    "url": "not empty, no control characters",
    "canonical": "not empty, no control characters",
}


def _accepts(name: str, value: Any) -> bool:
    findings = Findings(entries=True)
    CHECKS[name](value, ROOT, "x", findings)
    return not findings.issues


def test_every_primitive_of_r4_is_known() -> None:
    names = {"base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer"}
    names |= {"markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid", "xhtml"}
    assert set(CHECKS) == names
    assert {r4().structure(name).kind for name in names} == {"primitive-type"}


_NEAR = st.text(alphabet="0123456789-T:.Z+urnoidabf=/ \n\xa0é", max_size=40)
_SHAPED = st.one_of(
    st.from_regex(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?(Z|[+-][0-9]{2}:00))?)?)?"),
    st.from_regex(r"[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9])?"),
    st.from_regex(r"urn:oid:[0-3](\.[0-9]{1,3}){0,3}"),
    st.from_regex(r"([A-Za-z0-9+/]{4}){1,3}={0,3}"),
    st.uuids().map(lambda uuid: uuid.urn),
)


def test_white_space_in_base64() -> None:
    assert _accepts("base64Binary", "AA\nAA AAA=\n")


@pytest.mark.parametrize("name", STRINGS)
@given(value=st.one_of(_NEAR, _SHAPED, st.text(max_size=20)))
def test_what_is_accepted_matches_the_pattern(name: str, value: str) -> None:
    # White space may stand anywhere in base64, as XML Schema has it; the pattern of R4 knows it between fours only.
    bare = value.translate(NO_WHITE_SPACE) if name == "base64Binary" else value
    matches = PATTERNS[name].fullmatch(bare) is not None
    if name in STRICTER:
        assert matches or not _accepts(name, value)
    else:
        assert _accepts(name, value) is matches


@given(st.integers(1, 9999), st.integers(1, 12), st.integers(1, 31))
def test_a_day_is_accepted_if_it_exists(year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    exists = day <= monthrange(year, month)[1]
    assert _accepts("date", text) is exists
    assert _accepts("dateTime", text) is exists
    assert _accepts("dateTime", f"{text}T23:59:60.5-12:45") is exists
    assert _accepts("instant", f"{text}T00:00:00Z") is exists
    assert _accepts("date", f"{text}T00:00:00Z") is False


@given(st.dates(), st.times(), st.sampled_from(["Z", "+00:00", "-13:59", "+14:00"]))
def test_real_instants_are_accepted(day: date, time: Any, zone: str) -> None:
    text = f"{day.isoformat()}T{time.isoformat()}{zone}"
    assert _accepts("instant", text)
    assert _accepts("dateTime", text)
    assert _accepts("time", time.isoformat())


@given(st.binary(min_size=1), st.integers(0, 80))
def test_base64_is_accepted_with_white_space_and_refused_when_cut(data: bytes, at: int) -> None:
    text = b64encode(data).decode()
    assert _accepts("base64Binary", f"{text[:at]}\r\n {text[at:]}")
    assert not _accepts("base64Binary", text[:-1])


def test_a_pattern_that_hangs_backtracking_engines_is_answered_at_once() -> None:
    assert not _accepts("base64Binary", "A" * 108 + "!")
    other = Structure("barcode", "primitive-type", None, False, pattern=r"(\s*([0-9a-zA-Z\+/=]){4}\s*)+", json="string")
    findings = Findings(entries=True)
    primitive_check(other)("A" * 108 + "!", ROOT, "x", findings)
    assert [issue.diagnostics for issue in findings.issues] == [
        "The value does not have the format of the type barcode."
    ]


@pytest.mark.parametrize(
    ("kind", "pattern", "good", "bad"),
    [
        ("string", r"[a-z]{2}\d", "ab1", "ab١"),
        ("string", None, "anything", ""),
        ("boolean", None, False, 0),
        ("number", None, 7, "7"),
    ],
)
def test_a_primitive_that_is_not_known_is_checked_by_its_definition(
    kind: Any, pattern: Any, good: Any, bad: Any
) -> None:
    check = primitive_check(Structure("new", "primitive-type", None, False, pattern=pattern, json=kind))
    findings = Findings(entries=True)
    check(good, ROOT, "x", findings)
    assert findings.issues == []
    check(bad, ROOT, "x", findings)
    assert len(findings.issues) == 1


@pytest.mark.parametrize("text", ["0000=", "0000==", "0000====", "AAA", "A===", "AA==AA==", "====", "=", "AA=A"])
def test_base64_with_the_wrong_padding_is_refused(text: str) -> None:
    assert not _accepts("base64Binary", text)
