"""Splitting and unescaping search values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.reading.escapes import split, unescape


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("a,b", ["a", "b"]),
        (r"a\,b,c", [r"a\,b", "c"]),
        (r"a\\,b", [r"a\\", "b"]),
        (r"a\\\,b", [r"a\\\,b"]),
        ("", [""]),
        (",", ["", ""]),
        ("a\\", ["a\\"]),
        ("a,\\", ["a", "\\"]),
    ],
)
def test_split(value: str, parts: list[str]) -> None:
    assert split(value, ",") == parts


@pytest.mark.parametrize(
    ("value", "meant"),
    [(r"a\,b\$c\|d\\e", "a,b$c|d\\e"), (r"\n", r"\n"), ("a\\", "a\\"), (r"\\,", r"\,")],
)
def test_unescape(value: str, meant: str) -> None:
    assert unescape(value) == meant


def escape(text: str) -> str:
    return "".join("\\" + character if character in ",$|\\" else character for character in text)


@given(st.lists(st.text(alphabet="ab,$|\\"), min_size=1))
def test_what_was_escaped_comes_back(parts: list[str]) -> None:
    joined = ",".join(escape(part) for part in parts)
    assert [unescape(part) for part in split(joined, ",")] == parts
