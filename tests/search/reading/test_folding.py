"""Folding: case, accents and white space play no part."""

from unicodedata import combining

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.reading.folding import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Zoë\t O'NEILL\n", "zoe o'neill"),
        ("Müller", "muller"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Siân Ŵyn", "sian wyn"),
        ("Ångström", "angstrom"),
        ("ﬁsh", "fish"),
        ("İstanbul", "istanbul"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
        ("e\u0301", "e"),
        ("\u00a0a\u3000b\u2003", "a b"),
        ("\u0301", ""),
        ("", ""),
        ("King's Cross, N1 9GU", "king's cross, n1 9gu"),
    ],
)
def test_folded_text(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert not any(combining(character) for character in once)
    assert once.split() == once.split(" ") or once == ""


@given(st.text(alphabet=st.characters(max_codepoint=0x24F)))
def test_case_plays_no_part(text: str) -> None:
    assert fold(text.upper()) == fold(text) == fold(text.lower())
