"""Tokens of FHIRPath, and the places of what cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhirpath.errors import ExpressionInvalid
from fhir_server.fhirpath.lexer import Token, tokens


def test_every_kind_of_token() -> None:
    found = tokens("name.`div`!='it\\'s' 12 1.50 5L @2015-02 @2015T @2015-02-04T14:34:28.123+10:00 @T14:34 $this <= %x")
    assert found == [
        Token("identifier", "name", 0),
        Token("symbol", ".", 4),
        Token("quoted", "div", 5),
        Token("symbol", "!=", 10),
        Token("string", "it's", 12),
        Token("number", "12", 20),
        Token("number", "1.50", 23),
        Token("long", "5L", 28),
        Token("date", "2015-02", 31),
        Token("dateTime", "2015T", 40),
        Token("dateTime", "2015-02-04T14:34:28.123+10:00", 47),
        Token("time", "14:34", 78),
        Token("symbol", "$this", 86),
        Token("symbol", "<=", 92),
        Token("symbol", "%", 95),
        Token("identifier", "x", 96),
        Token("end", "", 97),
    ]


def test_comments_and_white_space_are_left_out() -> None:
    found = tokens("a // to the end\n /* over\n * lines */ b/**/")
    assert [token.text for token in found] == ["a", "b", ""]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"'\\\/\f\r\n\t\"\`\'\u002a'", "\\/\f\r\n\t\"`'*"),
        (r"'\ud83d\ude00'", "\N{GRINNING FACE}"),
        ("'über'", "über"),
        ("''", ""),
    ],
)
def test_escapes_in_strings(text: str, value: str) -> None:
    assert tokens(text)[0] == Token("string", value, 0)


@pytest.mark.parametrize(
    ("expression", "reason", "offset"),
    [
        ("a + 'open", "A quotation is not closed", 4),
        ("a + `open", "A quotation is not closed", 4),
        ("a /* open", "A comment is not closed", 2),
        ("a ; b", "The character ';' cannot stand here", 2),
        ("'a\\qb'", "There is no escape \\q in FHIRPath", 2),
        ("'\\ud83d'", "Half of a surrogate pair stands alone", 1),
        ("a\n  ^", "The character '^' cannot stand here", 4),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(expression: str, reason: str, offset: int) -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        tokens(expression)
    assert (caught.value.reason, caught.value.offset) == (reason, offset)


def test_the_place_is_told_in_lines_and_columns() -> None:
    with pytest.raises(ExpressionInvalid, match=r"line 2, column 3 of"):
        tokens("a\n  ^")


@given(st.text(alphabet="abc.'`\\/*$@T0123-:%|&<>=!~()[]{} \n\u00e9", max_size=60))
def test_any_text_gives_tokens_or_the_one_error(text: str) -> None:
    try:
        found = tokens(text)
    except ExpressionInvalid:
        return
    places = [token.position for token in found]
    assert places == sorted(places)
    assert found[-1] == Token("end", "", len(text))
