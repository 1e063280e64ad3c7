"""Words and texts without an index of their own: whoever matches is found by the key that is looked up instead."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.reading.folding import fold
from fhir_server.search.reading.words import words_of
from fhir_server.store.criteria import Criterion, HasWord, TermIs
from fhir_server.store.entries import Entries
from fhir_server.store.matching import Row, matches
from fhir_server.store.mongodb.documents import pack
from fhir_server.store.mongodb.queries.drivers import Lookup, lookup
from fhir_server.store.mongodb.words import LONGEST, Wanted, is_frequent, wanted_by

WORDS = (
    "Blood",
    "pressure",
    "of",
    "2026",
    "with",
    "Größe",
    "x" * 70,
    "8480",
    "a_b",
    "000",
    "withheld",
    "²H",
    "ﬁn",
    "-",
    "/",
)
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join) | st.text(max_size=8)


def finds(found: Lookup, keys: list[str]) -> bool:
    """Whether one of the keys is looked up."""
    for wanted in found.ranges:
        for each in keys:
            if isinstance(wanted, str):
                if wanted == each:
                    return True
            elif wanted["$gte"] <= each < wanted["$lt"] and re.search(wanted.get("$regex", ""), each):
                return True
    return False


@given(TEXTS, st.booleans(), st.data())
def test_whoever_has_a_text_is_found(text: str, with_words: bool, data: st.DataObject) -> None:
    folded = fold(text)
    words = tuple(("_content", word) for word in words_of(text)) if with_words else ()
    entries = Entries(terms=(("code:text", folded),), words=words)
    begin = data.draw(st.integers(0, len(folded)))
    end = data.draw(st.integers(begin, len(folded)))
    asked: list[Criterion] = [
        TermIs("code:text", folded, "equals"),
        TermIs("code:text", folded[:end], "starts"),
        TermIs("code:text", folded[begin:end], "contains"),
        *(HasWord("_content", word) for _, word in words),
    ]
    keys = pack("Observation", entries).entries.get("k", [])
    for criterion in asked:
        found = lookup(criterion)
        if not isinstance(criterion, HasWord):
            assert matches(criterion, Row("Observation", "o", 1, entries))
        assert found is None or (finds(found, keys) and not found.complete), criterion


@pytest.mark.parametrize(
    ("text", "how", "wanted"),
    [
        ("blood pressure", "equals", Wanted("pressure", True)),
        ("blood pres", "starts", Wanted("blood", True)),
        ("blo", "starts", Wanted("blo", False)),
        ("lood pressure of", "contains", Wanted("pressure", True)),
        ("lood", "contains", None),
        (" blo", "contains", Wanted("blo", False)),
        ("of 2026", "equals", None),
        ("wit", "starts", None),
        ("202", "starts", None),
        ("y" * 70, "equals", Wanted("y" * LONGEST, True)),
        ("", "starts", None),
    ],
)
def test_the_longest_word_that_is_sure_is_looked_up(text: str, how: str, wanted: Wanted | None) -> None:
    assert wanted_by(TermIs("code:text", text, how)) == wanted  # type: ignore[arg-type]


def test_what_stands_everywhere_has_no_key() -> None:
    assert [word for word in ("bp", "the", "1999", "2026", "2100", "000", "0007", "heart") if is_frequent(word)] == [
        *("bp", "the", "1999", "2026", "000"),
    ]
    assert lookup(HasWord("_content", "the")) is None
