"""Narrative: what R4 allows passes, and nothing that could run, load or hide something does."""

from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.outcome import Issue
from fhir_server.validation import Validator

VALIDATOR = Validator(r4())
NS = 'xmlns="http://www.w3.org/1999/xhtml"'


def _issues(div: Any) -> list[Issue]:
    return VALIDATOR.validate({"resourceType": "Patient", "text": {"status": "generated", "div": div}})


def _div(inner: str) -> str:
    return f"<div {NS}>{inner}</div>"


def _issue(code: str, sentence: str) -> Issue:
    return Issue(code, sentence, ("Patient.text.div",))


def _element(name: str) -> Issue:
    return _issue("invariant", f"The element `{name}` is not allowed in a narrative (txt-1).")


def _attribute(name: str) -> Issue:
    return _issue("invariant", f"The attribute `{name}` is not allowed in a narrative (txt-1).")


def _link(name: str) -> Issue:
    return _issue("invariant", f"The attribute `{name}` has a link with a scheme that is not allowed in a narrative.")


def _malformed(line: int, column: int) -> Issue:
    place = f"(line {line}, column {column})"
    sentence = f"The narrative is not well-formed XML {place}; only the entities of XML itself are known."
    return _issue("value", sentence)


STYLE = _issue("invariant", "A style must not load or run anything from elsewhere (txt-1).")
START = _issue("value", "A narrative must start with its <div>, without anything before it.")
ROOT = _issue("invariant", 'The narrative must be a <div xmlns="http://www.w3.org/1999/xhtml">.')
EMPTY = _issue("invariant", "The narrative has no content but white space (txt-2).")

REFUSED: dict[str, tuple[Any, list[Issue]]] = {
    "script": (_div("<script>alert(1)</script>"), [_element("script")]),
    "script in capitals": (_div("<SCRIPT>alert(1)</SCRIPT>"), [_element("SCRIPT")]),
    "script with a prefix": (
        f'<div {NS} xmlns:x="http://www.w3.org/1999/xhtml"><x:script>a</x:script></div>',
        [_attribute("xmlns:x"), _element("x:script")],
    ),
    "svg": (_div('<svg xmlns="http://www.w3.org/2000/svg" onload="a()">x</svg>'), [
        _element("svg"),
        _attribute("xmlns"),
        _attribute("onload"),
    ]),
    "event attribute": (_div('<p onclick="a()">x</p>'), [_attribute("onclick")]),
    "event attribute of a picture": (_div('<img src="x" onerror="a()"/>'), [_attribute("onerror")]),
    "style sheet": (_div("<style>@import 'http://evil.example/x.css'</style>"), [_element("style")]),
    "linked style sheet": (_div('<link rel="stylesheet" href="http://evil.example/x.css"/>x'), [_element("link")]),
    "base": (_div('<base href="http://evil.example/"/>x'), [_element("base")]),
    "form": (_div('<form action="http://evil.example"><input name="a"/></form>x'), [
        _element("form"),
        _attribute("action"),
        _element("input"),
    ]),
    "frame": (_div('<iframe src="http://evil.example"/>x'), [_element("iframe")]),
    "object and embed": (_div("<object data='x'/><embed src='x'/>x"), [
        _element("object"),
        _attribute("data"),
        _element("embed"),
    ]),
    "body": (f"<div {NS}><body>x</body></div>", [_element("body")]),
    "javascript link": (_div('<a href="javascript:alert(1)">x</a>'), [_link("href")]),
    "javascript link after a space": (_div('<a href=" javascript:alert(1)">x</a>'), [_link("href")]),
    "javascript link with a tab inside": (_div('<a href="java&#9;script:alert(1)">x</a>'), [_link("href")]),
    "javascript link with a line break inside": (_div('<a href="java&#10;script&#13;:a()">x</a>'), [_link("href")]),
    "javascript link in capitals": (_div('<a href="JaVaScRiPt:alert(1)">x</a>'), [_link("href")]),
    "javascript link spelled with references": (_div('<a href="&#x6a;avascript:a()">x</a>'), [_link("href")]),
    "vbscript link": (_div('<a href="vbscript:x">x</a>'), [_link("href")]),
    "data link": (_div('<a href="data:text/html;base64,AAAA">x</a>'), [_link("href")]),
    "data link of a picture to a page": (_div('<img src="data:text/html,x"/>'), [_link("src")]),
    "file link": (_div('<a href="file:///etc/passwd">x</a>'), [_link("href")]),
    "style that loads": (_div('<p style="background: url(http://evil.example/x.png)">x</p>'), [STYLE]),
    "style that loads without a scheme": (_div("<p style=\"background: url( '//evil.example/x.png')\">x</p>"), [STYLE]),
    "style that runs": (_div('<p style="width: expression (alert(1))">x</p>'), [STYLE]),
    "style with an escape": (_div('<p style="background: u\\72l(http://evil.example)">x</p>'), [STYLE]),
    "document type": (f'<!DOCTYPE div SYSTEM "http://evil.example/x.dtd"><div {NS}>x</div>', [START]),
    "document type after the start": (f"<div {NS}><!DOCTYPE div [<!ENTITY a 'b'>]>&a;</div>", [_malformed(1, 45)]),
    "many laughs": (
        '<!DOCTYPE d [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + _div("&b;"),
        [START],
    ),
    "named entity of HTML": (_div("a&nbsp;b"), [_malformed(1, 44)]),
    "XML declaration": (f'<?xml version="1.0"?><div {NS}>x</div>', [START]),
    "processing instruction": (_div("<?php x ?>y"), [
        _issue("invariant", "A narrative must not have processing instructions (txt-1)."),
    ]),
    "a comment before": (f"<!-- --><div {NS}>x</div>", [START]),
    "a document type after white space": (f" <!DOCTYPE div [<!ENTITY a 'b'>]><div {NS}>&a;</div>", [START]),
    "another root": (f"<p {NS}>x</p>", [START]),
    "a root that only starts like it": (f"<divx {NS}>x</divx>", [ROOT, _element("divx")]),
    "no namespace": ("<div>x</div>", [ROOT]),
    "another namespace": ('<div xmlns="http://www.w3.org/2000/svg">x</div>', [ROOT]),
    "not closed": (f"<div {NS}><p>x</div>", [_malformed(1, 49)]),
    "two roots": (f"<div {NS}>x</div><div {NS}>y</div>", [_malformed(1, 50)]),
    "plain text": ("some text", [START]),
    "nothing": (_div(""), [EMPTY]),
    "white space": (_div(" <p>\n</p> "), [EMPTY]),
    "a number": (7, [Issue("structure", "This must be a string, not a number.", ("Patient.text.div",))]),
    "a lone surrogate": (_div("\ud800"), [
        _issue("value", "The narrative is not well-formed XML; only the entities of XML itself are known."),
    ]),
    "an attribute with a long name": (_div(f"<p {'a' * 500}='x'>y</p>"), [_attribute("a" * 59 + "…")]),
}  # fmt: skip

ALLOWED = {
    "formatting": _div("<h1>a</h1><p><b>b</b><i>c</i><br/><tt>d</tt><sub>1</sub></p><hr/><blockquote>e</blockquote>"),
    "table": _div(
        '<table border="1" class="grid"><caption>c</caption><colgroup><col width="50%"/></colgroup><thead><tr>'
        '<th scope="col" abbr="a">h</th></tr></thead><tbody><tr><td colspan="2">x</td></tr></tbody></table>'
    ),
    "lists": _div('<ul><li id="a">x</li></ul><ol start="2"><li>y</li></ol><dl><dt>z</dt><dd>w</dd></dl>'),
    "links": _div(
        '<a href="https://example.org/?a=1&amp;b=2">x</a><a href="Patient/1">y</a><a href="#a">z</a><a name="n"/>'
        '<a href="mailto:a@example.org">m</a><a href="tel:0113">t</a><a href="urn:uuid:1">u</a>'
    ),
    "pictures": _div(
        '<img src="#pic"/><img alt="a" src="data:image/png;base64,AAAA"/><img src="https://example.org/x"/>'
    ),
    "only a picture": _div('<img src="#pic"/>'),
    "styles": _div(
        '<p style="color: red; background: url(grey.png)" class="bold" title="t" lang="cy" xml:lang="cy">x</p>'
    ),
    "a style with a picture inside": _div('<p style="background-image: url(data:image/png;base64,AAAA)">x</p>'),
    "the namespace said again": f"<div {NS}><p {NS}>x</p></div>",
    "references and entities of XML": _div("&#160;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&apos;"),
    "comments and literal text": _div("<!-- <b> --><![CDATA[<script>]]>"),
    "white space around": f"\n <div {NS}>x</div>\n",
    "other attributes of the div": f'<div lang="en" dir="ltr" {NS}>x</div>',
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_r4_does_not_allow_is_refused(name: str) -> None:
    div, expected = REFUSED[name]
    assert _issues(div) == expected


@pytest.mark.parametrize("name", ALLOWED)
def test_what_r4_allows_is_allowed(name: str) -> None:
    assert _issues(ALLOWED[name]) == []


def test_all_faults_are_told_once_each_and_not_more_than_ten() -> None:
    assert _issues(_div("<script/><script/><p onclick='a'>x</p>")) == [_element("script"), _attribute("onclick")]
    many = _issues(_div("".join(f"<x{number}/>" for number in range(50))))
    assert many == [_element(f"x{number}") for number in range(10)]


def test_a_deep_and_long_narrative_is_read_in_no_time() -> None:
    assert _issues(_div("<b>" * 50_000 + "x" + "</b>" * 50_000)) == []
