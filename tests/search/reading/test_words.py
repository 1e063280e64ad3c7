"""Texts as words: folded, each once, without markup; what nobody reads as text is left out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.reading.words import collect, content_words, narrative_words, words_of, words_of_all

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'


def words_in(resource: dict[str, Any]) -> frozenset[str]:
    """The words of a resource's content."""
    texts: list[str] = []
    collect(resource, texts, [])
    return content_words(texts, narrative_words(resource))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        (" .,;-_ ", ""),
        ("Feeling poorly, feeling POORLY", "feeling poorly"),
        ("Zoë O'Neill", "zoe o neill"),
        ("5.4 mg/kg", "5 4 mg kg"),
        ("do_not_resuscitate", "do not resuscitate"),
        ("İstanbul straße ﬁne", "istanbul strasse fine"),
        ("血壓 κλινική", "血壓 κλινικη"),
        ("a" * 65, "a" * 64),
        (" ".join(["long"] * 40), "long"),
    ],
)
def test_the_words_of_a_text(text: str, words: str) -> None:
    for resource in ({"note": text}, {"a": [{"b": [text]}]}):
        assert words_in(resource) == words_of(text)


@pytest.mark.parametrize(
    ("div", "words"),
    [
        (f"{DIV}Feeling <b>poorly</b> today</div>", "feeling poorly today"),
        (f"{DIV}<p>one</p><p>two</p>un<b>clear</b></div>", "one two un clear"),
        (f"{DIV}caf&eacute; &amp; &lt;b&gt; &#233;t&#xE9;</div>", "cafe b ete"),
        (f'{DIV}<img alt="seen by nobody"/>text<!-- hidden --></div>', "text"),
        (f"{DIV}a &zzz; &#99999999; b</div>", "a zzz 99999999 b"),
        (f"{DIV}one<br/>two&nbsp;three</div>", "one two three"),
        ("", ""),
        ("<unfinished", "unfinished"),
    ],
)
def test_the_words_of_a_narrative(div: str, words: str) -> None:
    assert narrative_words({"resourceType": "Basic", "text": {"div": div}}) == set(words.split())


@pytest.mark.parametrize("resource", [{}, {"text": None}, {"text": "div"}, {"text": {"div": 1}}, {"text": {}}])
def test_no_narrative_has_no_words(resource: dict[str, Any]) -> None:
    assert narrative_words(resource) == set()


def test_the_words_of_the_content() -> None:
    resource = {
        "resourceType": "Observation",
        "id": "left",
        "meta": {
            "versionId": "left",
            "lastUpdated": "2026-01-01T00:00:00Z",
            "profile": ["http://left.example"],
            "tag": [{"system": "urn:left", "code": "t1"}],
        },
        "text": {"status": "generated", "div": f"{DIV}As told</div>"},
        "code": {"coding": [{"system": "http://left.example", "code": "8480-6", "display": "Systolic"}]},
        "subject": {"reference": "Patient/left", "display": "Zoë"},
        "valueQuantity": {"value": 5, "unit": "mmHg"},
        "valueBoolean": True,
        "note": [{"text": "Two words"}, None, {"text": "Two more"}],
        "extension": [{"url": "http://left.example", "valueString": "said"}],
        "given": ["Ann", None, ["deep"]],
        "photo": {"contentType": "image/left", "data": "bGVmdA==", "title": "Portrait", "url": "urn:left"},
        "contained": [{"resourceType": "Basic", "author": {"display": "Within"}}],
    }
    words = "t1 generated as told 8480 6 systolic zoe mmhg two words more said ann portrait within"
    assert words_in(resource) == set(words.split(" "))


TEXTS = st.text(max_size=70)


@given(TEXTS)
def test_words_are_words_of_themselves(text: str) -> None:
    for word in words_of(text):
        assert words_of(word) <= words_of(text)
        assert 0 < len(word) <= 64


@given(TEXTS)
def test_what_is_asked_for_is_what_is_indexed(text: str) -> None:
    assert words_of(text) == words_in({"note": text}) == words_in({"a": [{"b": [text]}]})


@given(st.lists(TEXTS, max_size=4))
def test_the_words_of_several_texts_are_those_of_each(texts: list[str]) -> None:
    assert words_of_all(texts) == frozenset[str]().union(*map(words_of, texts))


def test_references_are_collected_at_any_depth() -> None:
    resource = {
        "subject": {"reference": "Patient/1"},
        "performer": [{"reference": "Practitioner/2"}, None, "reference"],
        "contained": [{"extension": [{"valueReference": {"reference": "#3"}}]}],
    }
    references: list[str] = []
    collect(resource, [], references)
    assert references == ["Patient/1", "Practitioner/2", "#3"]


@given(st.text(alphabet="<>&;#xA1 '\"/-!", max_size=30))
def test_any_markup_is_read(text: str) -> None:
    assert all(word.isalnum() for word in narrative_words({"text": {"div": text}}))
