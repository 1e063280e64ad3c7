"""Reading and writing JSON: exact, and refused with the place of the fault."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.model.json import Document, body_of, dump, parse, parse_value, pretty
from fhir_server.outcome import FhirError, Invalid, Issue, TooLarge
from tests.model.spelling import json_objects, spelled

PLENTY = 1 << 20
DEEPEST = b'{"resourceType":"X","a":' + b"[" * 99 + b"]" * 99 + b"}"
TOO_DEEP = b'{"resourceType":"X","a":' + b"[" * 100 + b"]" * 100 + b"}"

OUT_OF_RANGE = "The decimal is out of range: at most 128 characters, magnitude between 1E-307 and 1E+307."
TOO_LONG = "The integer does not fit in 64 bits."
NUL = "A text has a NUL character or half a surrogate pair (\\u0000, \\ud800 …)."
TYPE = "resourceType must be the name of a FHIR resource type."
OBJECT = "The body must be a JSON object: a FHIR resource with a resourceType."


def _twice(name: str) -> str:
    return f"The name {name} appears twice in one object."


REFUSED: dict[str, tuple[bytes, str, str | None]] = {
    "empty": (b"", "The body is not valid JSON at line 1, column 1: Expecting value.", None),
    "cut off": (
        b'{"resourceType":"X"',
        "The body is not valid JSON at line 1, column 20: Expecting ',' delimiter.",
        None,
    ),
    "trailing comma": (
        b'{"resourceType":"X",\n  "a":[1,]}',
        "The body is not valid JSON at line 2, column 10: Expecting value.",
        None,
    ),
    "more after the end": (
        b'{"resourceType":"X"}{}',
        "The body is not valid JSON at line 1, column 21: Extra data.",
        None,
    ),
    "single quotes": (
        b"{'resourceType':'X'}",
        "The body is not valid JSON at line 1, column 2: Expecting property name enclosed in double quotes.",
        None,
    ),
    "leading zero": (
        b'{"resourceType":"X","a":01}',
        "The body is not valid JSON at line 1, column 26: Expecting ',' delimiter.",
        None,
    ),
    "raw control character": (
        b'{"resourceType":"X","a":"\x01"}',
        "The body is not valid JSON at line 1, column 26: Invalid control character at.",
        None,
    ),
    "an array": (b"[]", OBJECT, None),
    "a string": (b'"Patient"', OBJECT, None),
    "NaN": (b'{"resourceType":"X","a":[{"b":NaN}]}', "NaN is not a JSON number.", "X.a[0].b"),
    "Infinity": (b'{"resourceType":"X","a":Infinity}', "Infinity is not a JSON number.", "X.a"),
    "minus Infinity": (b'{"resourceType":"X","a":-Infinity}', "-Infinity is not a JSON number.", "X.a"),
    "duplicate": (b'{"resourceType":"X","a":1,"a":1}', _twice("a"), "X.a"),
    "duplicate, inside": (
        b'{"resourceType":"X","a":[1,{"bc":{"d":2},"bc":{"d":2}}]}',
        _twice("bc"),
        "X.a[1].bc",
    ),
    "duplicate, one spelled with an escape": (b'{"resourceType":"X","a":1,"\\u0061":2}', _twice("a"), "X.a"),
    "duplicate resourceType": (b'{"resourceType":"X","resourceType":"X"}', _twice("resourceType"), "X.resourceType"),
    "duplicate with a long odd name": (
        b'{"resourceType":"X","' + b"a " * 60 + b'":1,"' + b"a " * 60 + b'":2}',
        _twice("a " * 29 + "a…"),
        "X.`" + "a " * 39 + "a…`",
    ),
    "invalid UTF-8": (b'{"resourceType":"X",\n"a":"\xff"}', "The body is not valid UTF-8 at line 2, column 6.", None),
    "overlong UTF-8": (
        b'{"resourceType":"X","a":"\xc0\x80"}',
        "The body is not valid UTF-8 at line 1, column 26.",
        None,
    ),
    "a surrogate in UTF-8": (
        b'{"resourceType":"X","a":"\xed\xa0\x80"}',
        "The body is not valid UTF-8 at line 1, column 26.",
        None,
    ),
    "UTF-16": ('{"resourceType":"X"}'.encode("utf-16"), "The body is not valid UTF-8 at line 1, column 1.", None),
    "byte order mark": (
        b'\xef\xbb\xbf{"resourceType":"X"}',
        "The body starts with a byte order mark; send UTF-8 without one.",
        None,
    ),
    "high surrogate": (b'{"resourceType":"X","a":"x\\ud800"}', NUL, "X.a"),
    "high surrogate and more": (b'{"resourceType":"X","a":"\\ud800x"}', NUL, "X.a"),
    "low surrogate": (b'{"resourceType":"X","a":{"b":["\\udc00"]}}', NUL, "X.a.b[0]"),
    "NUL": (b'{"resourceType":"X","a":"\\u0000"}', NUL, "X.a"),
    "NUL in a name": (b'{"resourceType":"X","a":{"b\\u0000":1}}', NUL, "X.a"),
    "integer of 65 bits": (b'{"resourceType":"X","a":18446744073709551616}', TOO_LONG, "X.a"),
    "integer of 65 bits, negative": (b'{"resourceType":"X","a":-9223372036854775809}', TOO_LONG, "X.a"),
    "integer of 5000 digits": (b'{"resourceType":"X","a":' + b"9" * 5000 + b"}", TOO_LONG, "X.a"),
    "huge exponent": (b'{"resourceType":"X","a":1e999}', OUT_OF_RANGE, "X.a"),
    "tiny exponent": (b'{"resourceType":"X","a":1E-999}', OUT_OF_RANGE, "X.a"),
    "exponent beyond exponents": (b'{"resourceType":"X","a":1e99999999999999999999}', OUT_OF_RANGE, "X.a"),
    "decimal of 200 digits": (b'{"resourceType":"X","a":0.' + b"1" * 200 + b"}", OUT_OF_RANGE, "X.a"),
    "too deep": (
        TOO_DEEP,
        "Objects and arrays are nested more than 100 deep. This happens at line 1, column 124.",
        None,
    ),
    "absurdly deep": (
        b"[" * 100_000,
        "Objects and arrays are nested more than 100 deep. This happens at line 1, column 101.",
        None,
    ),
    "deep behind brackets in texts": (
        b'{"resourceType":"X","]":"]]\\"]",\n"a":' + b'{"}":"}","a":' * 100 + b"1" + b"}" * 101,
        "Objects and arrays are nested more than 100 deep. This happens at line 2, column 1292.",
        None,
    ),
    "no resourceType": (
        b'{"id":"1"}',
        "The body has no resourceType: it is no FHIR resource.",
        "Resource.resourceType",
    ),
    "resourceType null": (
        b'{"resourceType":null}',
        "The body has no resourceType: it is no FHIR resource.",
        "Resource.resourceType",
    ),
    "resourceType in small letters": (b'{"resourceType":"patient"}', TYPE, "Resource.resourceType"),
    "resourceType a path": (b'{"resourceType":"../Patient"}', TYPE, "Resource.resourceType"),
    "resourceType an array": (b'{"resourceType":["Patient"]}', TYPE, "Resource.resourceType"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_exact_json_is_refused_with_its_place(name: str) -> None:
    raw, sentence, expression = REFUSED[name]
    with pytest.raises(Invalid) as caught:
        parse(raw, max_bytes=PLENTY)
    assert caught.value.issues == (Issue("invalid", sentence, (expression,) if expression else ()),)


def test_a_body_over_the_limit_is_too_large() -> None:
    raw = b'{"resourceType":"X"}'
    assert parse(raw, max_bytes=len(raw)).text == raw
    with pytest.raises(TooLarge) as caught:
        parse(raw, max_bytes=len(raw) - 1)
    assert caught.value.issues == (Issue("too-long", "The body has 20 bytes, more than the limit of 19."),)


def test_the_text_is_the_clients_own_without_white_space() -> None:
    raw = b'\t{ "resourceType" : "X",\r\n"a":[ 1.10 , 1.0e3,-0.0 ,0.010, 1E+2], "b c": "x  \\/ \\u00e9 \xc3\xa9" } \n'
    document = parse(raw, max_bytes=PLENTY)
    assert document == Document(
        {
            "resourceType": "X",
            "a": [Decimal("1.10"), Decimal("1.0E+3"), Decimal("-0.0"), Decimal("0.010"), Decimal("1E+2")],
            "b c": "x  / é é",
        },
        b'{"resourceType":"X","a":[1.10,1.0e3,-0.0,0.010,1E+2],"b c":"x  \\/ \\u00e9 \xc3\xa9"}',
    )
    assert [str(number) for number in document.data["a"]] == ["1.10", "1.0E+3", "-0.0", "0.010", "1E+2"]


@pytest.mark.parametrize(
    "raw",
    [
        DEEPEST,
        b'{"resourceType":"X","a":"\\\\u0000"}',
        b'{"resourceType":"X","a":"\\ud83d\\ude00"}',
        b'{"resourceType":"X","a":18446744073709551615,"b":-9223372036854775808,"c":-0}',
        b'{"resourceType":"X","a":1.0000000000000000000000000000000001E245,"b":-1e-300}',
        b'{"resourceType":"X","a":"' + b"[{" * 200 + b'","b":' + b'[{"c":1}]' * 1 + b"}",
        b'{"resourceType":"X","a":[' + b",".join([b'{"b":[]}'] * 80) + b"]}",
    ],
)
def test_the_unusual_is_read_and_kept(raw: bytes) -> None:
    assert parse(raw, max_bytes=PLENTY).text == raw


def test_any_json_value_is_read_as_strictly() -> None:
    assert parse_value(b' [{"op": "test", "value": 1.0}]', max_bytes=40) == [{"op": "test", "value": Decimal("1.0")}]
    with pytest.raises(Invalid) as caught:
        parse_value(b'[{"op":"test","op":"add"}]', max_bytes=40)
    assert caught.value.issues == (Issue("invalid", _twice("op"), ("$this[0].op",)),)


def test_dump_keeps_value_and_precision_of_decimals() -> None:
    assert dump({"a": [Decimal("1.10"), Decimal("0.010"), Decimal("1.0e3"), 7, "é", None, True]}) == (
        '{"a":[1.10,0.010,1.0E+3,7,"é",null,true]}'.encode()
    )


def test_pretty_changes_white_space_only() -> None:
    assert pretty(b'{"a":[1.0e3,{}],"b":"\\u00e9"}') == b'{\n  "a": [\n    1.0e3,\n    {}\n  ],\n  "b": "\\u00e9"\n}'


STAMP = '"versionId":"3","lastUpdated":"1970-01-01T00:00:00.005Z"'

BODIES: dict[str, tuple[str, str]] = {
    "id and meta in place": (
        '{"resourceType":"X","meta":{"tag":[]},"z":1.0e3,"id":"old"}',
        f'{{"resourceType":"X","meta":{{{STAMP},"tag":[]}},"z":1.0e3,"id":"new"}}',
    ),
    "no id, no meta": (
        '{"resourceType":"X","a":1}',
        f'{{"resourceType":"X","id":"new","meta":{{{STAMP}}},"a":1}}',
    ),
    "no meta": (
        '{"resourceType":"X","a":1,"id":"old","b":2}',
        f'{{"resourceType":"X","a":1,"id":"new","meta":{{{STAMP}}},"b":2}}',
    ),
    "meta empty": ('{"resourceType":"X","meta":{}}', f'{{"resourceType":"X","id":"new","meta":{{{STAMP}}}}}'),
    "meta with only what the server sets": (
        '{"resourceType":"X","id":"old","meta":{"versionId":"9","_versionId":{"id":"v"},"lastUpdated":"2020-01-01T0",'
        '"_lastUpdated":{"id":"l"}}}',
        f'{{"resourceType":"X","id":"new","meta":{{{STAMP}}}}}',
    ),
    "meta with more": (
        '{"resourceType":"X","id":"old","meta":{"source":"a\\/b","versionId":"9","profile":["p"],"lastUpdated":"x",'
        '"tag":[{"code":"1"}]}}',
        f'{{"resourceType":"X","id":"new","meta":{{{STAMP},"source":"a\\/b","profile":["p"],"tag":[{{"code":"1"}}]}}}}',
    ),
    "resourceType last": (
        '{"a":"é","meta":{},"resourceType":"X"}',
        f'{{"a":"é","meta":{{{STAMP}}},"resourceType":"X","id":"new"}}',
    ),
    "resourceType alone, last": (
        '{"a":1,"resourceType":"X"}',
        f'{{"a":1,"resourceType":"X","id":"new","meta":{{{STAMP}}}}}',
    ),
    "names inside are not touched": (
        '{"resourceType":"X","contained":[{"id":"c","meta":{"versionId":"1"}}]}',
        f'{{"resourceType":"X","id":"new","meta":{{{STAMP}}},"contained":[{{"id":"c","meta":{{"versionId":"1"}}}}]}}',
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_has_the_id_and_the_place_of_the_stamp(name: str) -> None:
    text, expected = BODIES[name]
    assert body_of(text.encode(), "new").at(3, 5).decode() == expected


def test_a_meta_that_is_no_object_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        body_of(b'{"resourceType":"X","meta":[]}', "new")
    assert caught.value.issues == (Issue("invalid", "meta must be an object.", ("Resource.meta",)),)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(FhirError):
        parse_value(raw, max_bytes=100)


@given(st.text(alphabet='{}[]",:\\u0dn1eE+-. tfalsr\x00\ufeff\ud800é', max_size=60))
def test_any_text_near_json_is_read_as_the_standard_library_reads_it_or_refused(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    with suppress(FhirError):
        assert parse_value(raw, max_bytes=PLENTY) == json.loads(raw, parse_float=Decimal)


@given(json_objects(), st.randoms(use_true_random=False))
def test_a_body_is_what_was_sent_but_for_id_and_stamp(data: dict[str, Any], random: Any) -> None:
    raw = spelled({"resourceType": "X", **data}, random)
    document = parse(raw, max_bytes=PLENTY)
    stored = body_of(document.text, "new").at(3, 5)
    assert _members(stored, without=("id", "meta")) == _members(raw, without=("id", "meta"))
    assert parse(stored, max_bytes=PLENTY).text == stored
    meta = {
        key: value for key, value in document.data.get("meta", {}).items() if key not in ("versionId", "lastUpdated")
    }
    assert parse(stored, max_bytes=PLENTY).data == {
        **document.data,
        "id": "new",
        "meta": {"versionId": "3", "lastUpdated": "1970-01-01T00:00:00.005Z", **meta},
    }


def _members(raw: bytes, *, without: tuple[str, ...]) -> list[tuple[str, Any]]:
    """The members at the top in their order; numbers and all else as they are spelled, by the standard library."""
    pairs: list[tuple[str, Any]] = json.loads(
        raw,
        object_pairs_hook=list,
        parse_float=lambda literal: ("float", literal),
        parse_int=lambda digits: ("int", digits),
    )
    return [(name, value) for name, value in pairs if name not in without]
