"""string: what each modifier asks, what is refused, and what values are indexed by.

https://hl7.org/fhir/R4/search.html#string
"""

from typing import Any

import pytest

from fhir_server.store.criteria import AllOf, AnyOf, Criterion, ExactIs, HasWord, IsPresent, Not, StringIs
from tests.search.parameter_types.asking import asked, indexed, refused

NAME = ("Patient.name",)
GIVEN = ("Patient.name", "Patient.name.given")


def word(text: str) -> AnyOf:
    """A word of the name begins so."""
    return AnyOf((StringIs("name", text, "starts", NAME), StringIs("name", f" {text}", "contains", NAME)))


def in_text(word: str) -> HasWord:
    return HasWord("_text", word, ("Patient",))


@pytest.mark.parametrize(
    ("query", "criterion"),
    [
        ("Patient?given=eve", StringIs("given", "eve", "starts", GIVEN)),
        ("Patient?given=  ÈVE  Anne ", StringIs("given", "eve anne", "starts", GIVEN)),
        ("Patient?given:contains=eve", StringIs("given", "eve", "contains", GIVEN)),
        ("Patient?given:exact=Eve", ExactIs("given", "Eve", GIVEN)),
        ("Patient?given:exact= Ève  ", ExactIs("given", " Ève  ", GIVEN)),
        (r"Patient?given:exact=a\,b\|c", ExactIs("given", "a,b|c", GIVEN)),
        (r"Patient?given=a\,b", StringIs("given", "a,b", "starts", GIVEN)),
        (
            "Patient?given=eve,Ann",
            AnyOf((StringIs("given", "eve", "starts", GIVEN), StringIs("given", "ann", "starts", GIVEN))),
        ),
        ("Patient?name:text=Zoë O'Neill", AllOf((word("zoe"), word("o'neill")))),
        ("Patient?name:missing=true", Not(IsPresent("name", NAME))),
        ("Patient?name:missing=false", IsPresent("name", NAME)),
        ("Patient?_text=Poorly", AllOf((HasWord("_text", "poorly", ("Patient",)),))),
        (
            "Patient?_content=wound care WOUND",
            AllOf((HasWord("_content", "care", ("Patient",)), HasWord("_content", "wound", ("Patient",)))),
        ),
        (
            "Patient?_text=one,two",
            AnyOf((AllOf((HasWord("_text", "one", ("Patient",)),)), AllOf((HasWord("_text", "two", ("Patient",)),)))),
        ),
        (
            "Patient?_text=(bone OR liver) and metastases",
            AllOf((in_text("metastases"), AnyOf((AllOf((in_text("bone"),)), AllOf((in_text("liver"),)))))),
        ),
        (
            "Patient?_text=bone not liver or hand AND foot",
            AnyOf(
                (
                    AllOf((in_text("bone"), in_text("liver"), in_text("not"))),
                    AllOf((in_text("foot"), in_text("hand"))),
                )
            ),
        ),
        ("Patient?_text:missing=true", Not(IsPresent("_text", ("Patient",)))),
    ],
)
async def test_what_is_asked(query: str, criterion: Criterion) -> None:
    assert await asked(query) == criterion


WORDS = "The parameter {} is one or more words, without quotes; and, or and parentheses may join them."


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("Patient?name=\u0301", "invalid", "The parameter name needs a text of at least one letter or digit."),
        ("Patient?name:contains=\u0301", "invalid", "The parameter name needs a text of at least one letter or digit."),
        ("Patient?name:text=\u0301", "invalid", "The parameter name needs a text of at least one letter or digit."),
        (
            "Patient?name:exact= ",
            "invalid",
            "The parameter name has an empty value: give a value or leave the parameter out.",
        ),
        (
            "Patient?name:not=x",
            "invalid",
            "The modifier :not does not apply to name, a string parameter.",
        ),
        ("Patient?name:sounds=x", "invalid", "There is no modifier :sounds."),
        ("Patient?name:missing=maybe", "invalid", "The parameter name:missing is true or false."),
        ('Patient?_text="wound care"', "invalid", WORDS.format("_text")),
        ("Patient?_content=...", "invalid", WORDS.format("_content")),
        ("Patient?_text=and bone", "invalid", WORDS.format("_text")),
        ("Patient?_text=bone and", "invalid", WORDS.format("_text")),
        ("Patient?_text=bone and and liver", "invalid", WORDS.format("_text")),
        ("Patient?_text=bone OR", "invalid", WORDS.format("_text")),
        ("Patient?_text=OR", "invalid", WORDS.format("_text")),
        ("Patient?_text=bone or or liver", "invalid", WORDS.format("_text")),
        ("Patient?_text=(bone", "invalid", WORDS.format("_text")),
        ("Patient?_text=bone)", "invalid", WORDS.format("_text")),
        ("Patient?_text=()", "invalid", WORDS.format("_text")),
        ("Patient?_text=bone and (...)", "invalid", WORDS.format("_text")),
        (
            f"Patient?_text={'(' * 13}bone{')' * 13}",
            "invalid",
            "The parameter _text nests more than 12 deep.",
        ),
        (
            "Patient?_text=bone NOT liver",
            "not-supported",
            "The parameter _text has `and`, `or` and parentheses, but no NOT.",
        ),
        ("Patient?_text:exact=x", "not-supported", "The modifier :exact of the parameter _text is not offered."),
        (
            "Patient?_content:contains=x",
            "not-supported",
            "The modifier :contains of the parameter _content is not offered.",
        ),
        (
            "Patient?phonetic=smith",
            "not-supported",
            "The parameter phonetic cannot be used: matching by sound is not offered; use name.",
        ),
    ],
)
async def test_what_is_refused(query: str, code: str, message: str) -> None:
    assert await refused(query) == (code, message)


def both(name: str, *texts: tuple[str, str]) -> dict[str, list[tuple[Any, ...]]]:
    """The entries of these texts, as folded and as written."""
    return {
        "strings": [(name, folded) for folded, _ in texts],
        "exacts": [(name, written) for _, written in texts],
    }


@pytest.mark.parametrize(
    ("resource", "name", "found"),
    [
        (
            {
                "resourceType": "Patient",
                "name": [
                    {
                        "use": "official",
                        "text": "Dr Zoë O'Neill",
                        "family": "O'Neill",
                        "given": ["Zoë", None, "Ann"],
                        "prefix": ["Dr"],
                        "suffix": ["MBE"],
                    },
                    {"family": "Smith"},
                ],
            },
            "name",
            both(
                "name",
                ("dr zoe o'neill", "Dr Zoë O'Neill"),
                ("o'neill", "O'Neill"),
                ("zoe", "Zoë"),
                ("ann", "Ann"),
                ("dr", "Dr"),
                ("mbe", "MBE"),
                ("smith", "Smith"),
            ),
        ),
        (
            {
                "resourceType": "Patient",
                "address": [
                    {
                        "use": "home",
                        "text": "1 High St, Ely",
                        "line": ["1 High St", "Flat 2"],
                        "city": "Ely",
                        "district": "Cambs",
                        "state": "East",
                        "postalCode": "CB7 4AA",
                        "country": "GB",
                        "period": {"start": "2026"},
                    }
                ],
            },
            "address",
            both(
                "address",
                ("1 high st, ely", "1 High St, Ely"),
                ("1 high st", "1 High St"),
                ("flat 2", "Flat 2"),
                ("ely", "Ely"),
                ("cambs", "Cambs"),
                ("east", "East"),
                ("cb7 4aa", "CB7 4AA"),
                ("gb", "GB"),
            ),
        ),
        ({"resourceType": "Organization", "name": "St  Ann's"}, "name", both("name", ("st ann's", "St  Ann's"))),
        (  # a text without letters can be asked for as it is written
            {"resourceType": "Organization", "name": "\u0301"},
            "name",
            {"exacts": [("name", "\u0301")]},
        ),
        (
            {"resourceType": "CodeSystem", "description": "A *marked* text"},
            "description",
            both("description", ("a *marked* text", "A *marked* text")),
        ),
        ({"resourceType": "Patient", "name": [{"use": "usual"}]}, "name", {}),
    ],
)
def test_what_is_indexed(resource: dict[str, Any], name: str, found: dict[str, list[tuple[Any, ...]]]) -> None:
    assert indexed(resource, name) == found


def test_a_narrative_is_indexed_by_its_words() -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">Feeling <i>poorly</i></div>'
    found = indexed({"resourceType": "Basic", "text": {"status": "generated", "div": div}}, "_text", "_content")
    assert {kind: sorted(entries) for kind, entries in found.items()} == {
        "words": [
            ("_content", "feeling"),
            ("_content", "generated"),
            ("_content", "poorly"),
            ("_text", "feeling"),
            ("_text", "poorly"),
        ]
    }
