"""XML Patch: the cases of FHIR's suite, the rest of RFC 5261 that is offered, and what is refused."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fhir_server.outcome import FhirError, Invalid, Issue, NotSupported, TooCostly, Unprocessable
from fhir_server.patch.xml_patch import apply
from tests.public_data import folder

SUITE = list(etree.parse(str(folder("fhir-test-cases/r4/patch/xml-patch-tests.xml"))).getroot().iter("case"))
FHIR = "http://hl7.org/fhir"

# The error of the suite -> what is said here.
ERRORS = {
    "No Patch Operations Found": "The XML Patch has no operations.",
    "No Target Document Found": "The body is not well-formed XML at line 1, column 1: no element found.",
    "The xpath foo matched multiple nodes": (
        "Operation 0 of the patch, counted from 0: The selector finds 2 nodes; it must find one."
    ),
    "Nothing to delete found for xpath foo": (
        "Operation 0 of the patch, counted from 0: The selector finds nothing; it must find one."
    ),
}
# Cases that do not pass, with the reason.
NOT_OFFERED = {
    "A.3.  Adding a Prefixed Namespace Declaration": "FHIR has no namespaces but its own two",
}


def _canonical(raw: bytes) -> bytes:
    """A document without the white space that only lays it out."""
    root = etree.fromstring(raw)
    for node in root.iter():
        node.text = node.text if (node.text or "").strip() else None
        node.tail = node.tail if (node.tail or "").strip() else None
    return bytes(etree.tostring(root, method="c14n2", with_comments=True, strip_text=True))


def _inside(holder: Any) -> bytes:
    elements = [node for node in holder if isinstance(node.tag, str)]
    return bytes(etree.tostring(elements[0], with_tail=False)) if elements else b""


def test_there_are_cases() -> None:
    assert len(SUITE) == 29
    assert {case.get("name") for case in SUITE} >= set(NOT_OFFERED)


@pytest.mark.parametrize("case", SUITE, ids=lambda case: case.get("name"))
def test_the_suite(case: Any) -> None:
    target, error = _inside(case.find("target")), case.find("error")
    patch = etree.tostring(next(node for node in case if etree.QName(node).localname == "patch"), with_tail=False)
    if case.get("name") in NOT_OFFERED:
        with pytest.raises(NotSupported):
            apply(target, patch)
    elif error is None:
        assert _canonical(apply(target, patch)) == _canonical(_inside(case.find("patched")))
    else:
        with pytest.raises(FhirError) as raised:
            apply(target, patch)
        assert raised.value.issues[0].diagnostics == ERRORS[error.get("message")]


DOCUMENT = f'<P xmlns="{FHIR}">1<a x="1"/>2<b><c v="p"/><d v="q"/></b>3<b><c v="r"/></b> <!-- n --> <e>t</e>\n</P>'


def _patch(*operations: str, prefixes: str = "") -> bytes:
    return f'<diff xmlns="{FHIR}" {prefixes}>{"".join(operations)}</diff>'.encode()


def _patched(*operations: str, prefixes: str = "") -> str:
    after = apply(DOCUMENT.encode(), _patch(*operations, prefixes=prefixes)).decode()
    return after.removeprefix("<?xml version='1.0' encoding='UTF-8'?>\n")


@pytest.mark.parametrize(
    ("operation", "old", "new"),
    [
        ('<remove sel="f:P/f:a"/>', '1<a x="1"/>2', "12"),
        ('<remove sel="/P/a"/>', '1<a x="1"/>2', "12"),  # a name without a prefix is in the patch's namespace
        ('<remove sel="*/*[1]"/>', '1<a x="1"/>2', "12"),
        ('<remove sel="f:P/f:b[2]"/>', '<b><c v="r"/></b>', ""),
        ("<remove sel=\"f:P/f:b[f:c/@v='r']\"/>", '<b><c v="r"/></b>', ""),
        ("<remove sel=\"f:P/f:e[.='t']\"/>", "<e>t</e>", ""),
        ("<remove sel=\"f:P/f:b[1]/f:d[@v = 'q']\"/>", '<d v="q"/>', ""),
        ('<remove sel="f:P/comment()"/>', "<!-- n -->", ""),
        ('<remove ws="before" sel="f:P/comment()"/>', " <!-- n -->", ""),
        ('<remove ws="both" sel="f:P/comment()"/>', " <!-- n --> ", ""),
        ('<remove sel="f:P/text()[2]"/>', "2<b>", "<b>"),
        ('<remove sel="f:P/f:a/@x"/>', '<a x="1"/>', "<a/>"),
        ('<replace sel="f:P/f:b[2]/f:c/@v">new</replace>', 'v="r"', 'v="new"'),
        ('<replace sel="f:P/text()[1]">one</replace>', ">1<a", ">one<a"),
        ('<replace sel="f:P/f:a"> <z/> </replace>', '<a x="1"/>', "<z/>"),
        ('<replace sel="f:P/comment()"><!--m--></replace>', "<!-- n -->", "<!--m-->"),
        ('<add sel="f:P/f:a" type="@y">2</add>', '<a x="1"/>', '<a x="1" y="2"/>'),
        ('<add sel="f:P/f:a" type="@xml:lang">cy</add>', '<a x="1"/>', '<a x="1" xml:lang="cy"/>'),
        ('<add sel="f:P/f:a" pos="before">0<z/>9</add>', '1<a x="1"/>2', '10<z/>9<a x="1"/>2'),
        ('<add sel="f:P/f:a" pos="after">0<z/>9</add>', '<a x="1"/>2', '<a x="1"/>0<z/>92'),
        ('<add sel="f:P/f:b[1]" pos="prepend"><z/>9</add>', '<b><c v="p"/>', '<b><z/>9<c v="p"/>'),
        ('<add sel="f:P/f:e">u<z/><y/></add>', "<e>t</e>", "<e>tu<z/><y/></e>"),
        ('<add sel="f:P/f:e" pos="prepend">u</add>', "<e>t</e>", "<e>ut</e>"),
        ('<add sel="f:P" pos="prepend"><z/></add>', ">1<a", "><z/>1<a"),
    ],
)
def test_what_an_operation_changes(operation: str, old: str, new: str) -> None:
    assert DOCUMENT.count(old) == 1
    assert _patched(operation) == DOCUMENT.replace(old, new)


def test_operations_follow_each_other() -> None:
    after = _patched('<add sel="f:P"><g/></add>', '<add sel="f:P/f:g" type="@v">1</add>', '<remove sel="f:P/f:b[1]"/>')
    assert after == DOCUMENT.replace('<b><c v="p"/><d v="q"/></b>', "").replace("</P>", '<g v="1"/></P>')


def test_prefixes_of_the_patch_count() -> None:
    after = _patched('<q:remove xmlns:q="urn:o" sel="x:P/x:a"/>', prefixes=f'xmlns:x="{FHIR}" xmlns:f="urn:other"')
    assert after == DOCUMENT.replace('<a x="1"/>', "")


_BEFORE = "Operation 0 of the patch, counted from 0: "
_NO_SELECTOR = "The selector is not one that RFC 5261 allows: steps of names, *, text(), comment() and @name."
_NO_NAMESPACES = "Namespaces, processing instructions and id() are not offered in selectors."


@pytest.mark.parametrize(
    ("operation", "kind", "sentence"),
    [
        ('<move sel="f:P"/>', Invalid, "An operation is add, replace or remove."),
        ("<remove/>", Invalid, "An operation needs its selector, sel."),
        ('<remove sel=""/>', Invalid, _NO_SELECTOR),
        ('<remove sel="//f:a"/>', Invalid, _NO_SELECTOR),
        ('<remove sel="f:P/.."/>', Invalid, _NO_SELECTOR),
        ('<remove sel="f:P/f:a[last()]"/>', Invalid, _NO_SELECTOR),
        ('<remove sel="f:P/f:a[count(//*[count(//*)])]"/>', Invalid, _NO_SELECTOR),
        ('<remove sel="f:P/"/>', Invalid, _NO_SELECTOR),
        (f'<remove sel="f:P{"/*" * 200}"/>', Invalid, "A selector has at most 100 steps here."),
        ('<remove sel="g:P"/>', Invalid, "The prefix g is not declared."),
        ('<remove sel="f:P/namespace::f"/>', NotSupported, _NO_NAMESPACES),
        ("<remove sel=\"f:P/processing-instruction('x')\"/>", NotSupported, _NO_NAMESPACES),
        ("<remove sel=\"id('x')\"/>", NotSupported, _NO_NAMESPACES),
        ('<remove sel="f:P/f:none"/>', Unprocessable, "The selector finds nothing; it must find one."),
        ('<remove sel="f:P/f:b"/>', Unprocessable, "The selector finds 2 nodes; it must find one."),
        ('<remove sel="f:P/f:a/@x/f:y"/>', Unprocessable, "The selector finds nothing; it must find one."),
        ('<remove sel="f:P"/>', Unprocessable, "The root of a resource cannot be removed."),
        ('<remove sel="f:P/f:a" ws="all"/>', Invalid, "ws is before, after or both."),
        (
            '<add sel="f:P/f:a/@x">1</add>',
            Invalid,
            "Content is added to an element (pos: prepend, before, after or nothing).",
        ),
        (
            '<add sel="f:P/f:a" pos="under">1</add>',
            Invalid,
            "Content is added to an element (pos: prepend, before, after or nothing).",
        ),
        ('<add sel="f:P" pos="after"><z/></add>', Unprocessable, "There is no place for content here."),
        ('<add sel="f:P/comment()"><z/></add>', Unprocessable, "There is no place for content here."),
        ('<add sel="f:P/f:a" type="@x">1</add>', Unprocessable, "There is such an attribute already; replace it."),
        ('<add sel="f:P/f:a" type="@1">1</add>', Invalid, "This is no name of an attribute."),
        ('<add sel="f:P/f:a" type="@y"><z/></add>', Invalid, "The value of an attribute or text is text."),
        (
            '<add sel="f:P" type="namespace::p">urn:x</add>',
            NotSupported,
            "What is added is content or an attribute (type: @name).",
        ),
        ('<add sel="f:P"><?x y?></add>', NotSupported, "Processing instructions are not offered; FHIR has none."),
        ('<replace sel="f:P/f:a"/>', Invalid, "A node is replaced by one node of its kind."),
        ('<replace sel="f:P/f:a"><y/><z/></replace>', Invalid, "A node is replaced by one node of its kind."),
        ('<replace sel="f:P/f:a">text</replace>', Invalid, "A node is replaced by one node of its kind."),
        ('<replace sel="f:P/comment()"><y/></replace>', Invalid, "A node is replaced by one node of its kind."),
    ],
)
def test_what_is_refused(operation: str, kind: type[FhirError], sentence: str) -> None:
    with pytest.raises(kind) as error:
        _patched(operation)
    assert error.value.issues == (Issue(kind.code, _BEFORE + sentence),)


@pytest.mark.parametrize(
    ("patch", "sentence"),
    [
        (b"", "The body is not well-formed XML at line 1, column 1: no element found."),
        (b"<!DOCTYPE d><d/>", "The body has a document type (DTD), which is not read: FHIR has none."),
        (
            b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/hostname">]><d>&e;</d>',
            "The body has a document type (DTD), which is not read: FHIR has none.",
        ),
        ("<d/>".encode("utf-16"), "The body is not valid UTF-8 at line 1, column 1."),
        (_patch(*['<remove sel="f:P/f:a"/>'] * 1001), "An XML Patch here has at most 1000 operations."),
    ],
)
def test_a_patch_that_is_none(patch: bytes, sentence: str) -> None:
    with pytest.raises(Invalid) as error:
        apply(DOCUMENT.encode(), patch)
    assert error.value.issues == (Issue("invalid", sentence),)


def test_deep_documents_are_refused() -> None:
    deep = b"<a>" * 100_000 + b"</a>" * 100_000
    for document, patch in ((deep, _patch('<remove sel="a/a"/>')), (DOCUMENT.encode(), deep)):
        with pytest.raises(Unprocessable):
            apply(document, patch)


def test_selectors_have_a_limit_together() -> None:
    wide = f'<P xmlns="{FHIR}">{"<a/>" * 10_000}</P>'.encode()
    with pytest.raises(TooCostly):
        apply(wide, _patch(*['<add sel="f:P/f:a[9999]" pos="after"><b/></add>'] * 300))


@given(st.text("fPabcdex:/@[]='.()*0123 ", max_size=30))
def test_any_selector_selects_or_is_refused(selector: str) -> None:
    with suppress(FhirError):
        _patched(f'<remove sel="{selector}"/>')
