"""The page about the server as a screen reader, a keyboard and a content security policy meet it."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.web.about import CONTENT_SECURITY_POLICY, AboutPage, about_page
from fhir_server.web.commands import Command, three_commands

BASE = "http://127.0.0.1:8080/fhir"
PAGE = AboutPage(
    base_url=BASE,
    counts={"Patient": 60, "Observation": 8011, "CarePlan": 60},
    commands=three_commands(BASE),
    demo=True,
    auth=False,
    version="0.1.0",
)
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Reader(HTMLParser):
    """What is on a page: elements in order with their attributes and text; it fails on tags that do not match."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[int] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for place in self.open:
            self.texts[place] += data

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        """Attributes and text (white space single) of every element of a kind."""
        found = zip(self.elements, self.texts, strict=True)
        return [(attributes, " ".join(text.split())) for (name, attributes), text in found if name == tag]


def read(page: AboutPage = PAGE) -> Reader:
    return Reader(about_page(page))


def test_language_title_and_landmarks() -> None:
    page = read()
    assert page.all("html")[0][0] == {"lang": "en-GB"}
    assert [text for _, text in page.all("title")] == ["Demo: shared care record server"]
    assert [len(page.all(landmark)) for landmark in ("header", "main", "footer")] == [1, 1, 1]
    assert [text for _, text in page.all("h1")] == ["This server is running"]
    assert [text for _, text in page.all("h2")] == ["Where it answers", "Try it", "What is here"]
    assert page.all("h3") == []


def test_every_region_has_a_name_that_exists() -> None:
    page = read()
    names = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    regions = [attributes for attributes, _ in page.all("section") + page.all("pre")]
    assert len(regions) == 6
    assert {attributes["aria-labelledby"] for attributes in regions} <= names
    assert len(names) == len([1 for _, attributes in page.elements if "id" in attributes])


def test_the_skip_link_comes_first_and_leads_to_the_main_part() -> None:
    page = read()
    assert page.all("a")[0] == ({"class": "skip", "href": "#main"}, "Skip to the main part")
    assert page.all("main")[0][0]["id"] == "main"


def test_counts_are_a_table_with_headers() -> None:
    page = read()
    assert [text for _, text in page.all("caption")] == ["Current resources by type"]
    headers = [(attributes.get("scope"), text) for attributes, text in page.all("th")]
    assert headers == [
        ("col", "Resource type"),
        ("col", "How many"),
        ("row", "CarePlan"),
        ("row", "Observation"),
        ("row", "Patient"),
        ("row", "All types"),
    ]
    assert [text for _, text in page.all("td")] == ["60", "8,011", "60", "8,131"]


def test_an_empty_server_says_so() -> None:
    page = read(replace(PAGE, counts={}))
    assert page.all("table") == []
    assert "Nothing is stored yet." in [text for _, text in page.all("p")]


def test_the_commands_stand_as_they_are_typed() -> None:
    page = Reader(about_page(PAGE))
    shown = [text for (name, _), text in zip(page.elements, page.texts, strict=True) if name == "pre"]
    assert shown == [command.line for command in PAGE.commands]
    assert all(attributes["tabindex"] == "0" for attributes, _ in page.all("pre"))
    sentences = [text for attributes, text in page.all("p") if str(attributes.get("id")).startswith("command-")]
    assert sentences == [command.sentence for command in PAGE.commands]


@pytest.mark.parametrize("demo", [True, False])
def test_made_up_data_is_said_where_it_is_made_up_and_only_there(demo: bool) -> None:
    page = read(replace(PAGE, demo=demo))
    banners = [text for attributes, text in page.all("div") if attributes.get("class") == "banner"]
    said = "Demo data. Every resident, home and observation here is made up. Do not add real people."
    assert banners == ([said] if demo else [])
    assert ("put an id of your own in its place" in page.texts[0]) is not demo


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        (False, "Off. Only requests from this machine (loopback) are answered, and all of them are."),
        (True, "On. Every request needs an access token."),
    ],
)
def test_sign_in_is_said(auth: bool, said: str) -> None:
    assert read(replace(PAGE, auth=auth)).all("dd")[-1][1] == said


def test_nothing_comes_from_elsewhere_and_nothing_runs() -> None:
    page = read()
    allowed = {"href": {"#main", "/", f"{BASE}/metadata?_format=json&_pretty=true"}}
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in {"src", "srcset", "style", "action", "data"}
            assert name != "href" or value in allowed["href"]
    style = page.all("style")
    assert len(style) == 1
    assert not re.search(r"url\(|@import|expression|//", style[0][1])


def test_the_policy_allows_exactly_the_style_on_the_page() -> None:
    found = re.search(rb"<style>(.*)</style>", about_page(PAGE), re.DOTALL)
    assert found
    digest = b64encode(sha256(found[1]).digest()).decode()
    assert (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-{digest}'"
    ) == CONTENT_SECURITY_POLICY


HOSTILE = st.text(alphabet=st.sampled_from("<>&\"'/ =;{}%ab`\n\u2028é"), max_size=30)


@given(base=HOSTILE, type=HOSTILE, sentence=HOSTILE, line=HOSTILE, version=HOSTILE)
def test_whatever_it_is_given_is_text(base: str, type: str, sentence: str, line: str, version: str) -> None:
    page = AboutPage(base, {type: 1}, (Command(sentence, line),), demo=True, auth=False, version=version)
    plain = AboutPage("b", {"t": 1}, (Command("s", "l"),), demo=True, auth=False, version="v")
    given_page, plain_page = Reader(about_page(page)), Reader(about_page(plain))
    assert [name for name, _ in given_page.elements] == [name for name, _ in plain_page.elements]
    assert [set(attributes) for _, attributes in given_page.elements] == [
        set(attributes) for _, attributes in plain_page.elements
    ]


def _luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_text_can_be_read_by_day_and_by_night() -> None:
    """WCAG 2.2 AA, 1.4.3: 4.5 to 1."""
    (style,) = read().all("style")
    schemes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root {([^}]*)}", style[1])
    ]
    assert len(schemes) == 2
    pairs = [("text", "page"), ("quiet", "page"), ("link", "page"), ("text", "code"), ("on-top", "top")]
    for scheme in schemes:
        for one, other in [*pairs, ("on-notice", "notice")]:
            assert _contrast(scheme[one], scheme[other]) >= 4.5, (one, other)
