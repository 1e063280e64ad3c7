"""Reading XML: what is refused, with the whole of what is said; what is taken although it looks odd."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions.definitions import r4
from fhir_server.model.json import dump
from fhir_server.model.json import parse as parse_json
from fhir_server.model.xml.reader import parse
from fhir_server.outcome import FhirError, Invalid, Issue, TooLarge

R4 = r4()
PLENTY = 1 << 20
NS = 'xmlns="http://hl7.org/fhir"'
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
ENTITIES = '<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {name} "{f"&{inner};" * 10}">' for inner, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def _read(body: str | bytes) -> dict[str, Any]:
    return parse(body.encode() if isinstance(body, str) else body, R4, max_bytes=PLENTY).data


def _patient(inside: str) -> str:
    return f"<Patient {NS}>{inside}</Patient>"


def _extensions(depth: int, inside: str = "") -> str:
    return '<extension url="http://example.org/x">' * depth + inside + "</extension>" * depth


DTD = "The body has a document type (DTD), which is not read: FHIR has none."
ELSEWHERE = "The element `{}` is not in the namespace http://hl7.org/fhir at line 1, column {}."

# name -> (body, issue code, sentence, FHIRPath)
REFUSED: dict[str, tuple[str | bytes, str, str, str | None]] = {
    "empty": ("", "invalid", "The body is not well-formed XML at line 1, column 1: no element found.", None),
    "no XML": (
        "{}",
        "invalid",
        "The body is not well-formed XML at line 1, column 1: not well-formed (invalid token).",
        None,
    ),
    "cut off": (
        f"<Patient {NS}>\n<active",
        "invalid",
        "The body is not well-formed XML at line 2, column 1: unclosed token.",
        None,
    ),
    "two roots": (
        _patient("") + "<x/>",
        "invalid",
        "The body is not well-formed XML at line 1, column 48: junk after document element.",
        None,
    ),
    "billion laughs": (f"<!DOCTYPE x [{ENTITIES}]>" + _patient("&i;"), "invalid", DTD, None),
    "external entity": (
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + _patient('<language value="&e;"/>'),
        "invalid",
        DTD,
        None,
    ),
    "parameter entity": (
        '<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1:1/x.dtd"> %e;]>' + _patient(""),
        "invalid",
        DTD,
        None,
    ),
    "external DTD": ('<!DOCTYPE Patient SYSTEM "http://127.0.0.1:1/x.dtd">' + _patient(""), "invalid", DTD, None),
    "empty DTD": ("<!DOCTYPE Patient>" + _patient(""), "invalid", DTD, None),
    "unknown entity": (
        _patient('<language value="&nbsp;"/>'),
        "invalid",
        "The body is not well-formed XML at line 1, column 38: undefined entity.",
        None,
    ),
    "UTF-16": (
        f'<?xml version="1.0" encoding="UTF-16"?>{_patient("")}'.encode("utf-16"),
        "invalid",
        "The body is not valid UTF-8 at line 1, column 1.",
        None,
    ),
    "UTF-16 without a mark": (
        _patient("").encode("utf-16-le"),
        "invalid",
        "The body has a NUL character; FHIR is written in UTF-8.",
        None,
    ),
    "latin-1": (
        _patient('\n<language value="é"/>').encode("latin-1"),
        "invalid",
        "The body is not valid UTF-8 at line 2, column 18.",
        None,
    ),
    "another encoding named": (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>{_patient("")}',
        "invalid",
        "The XML declaration names another encoding than UTF-8.",
        None,
    ),
    "XML 1.1": (f'<?xml version="1.1"?>{_patient("")}', "invalid", "The body is not XML 1.0.", None),
    "NUL": (_patient("\x00"), "invalid", "The body has a NUL character; FHIR is written in UTF-8.", None),
    "NUL by reference": (
        _patient('<language value="&#0;"/>'),
        "invalid",
        "The body is not well-formed XML at line 1, column 55: reference to invalid character number.",
        None,
    ),
    "control character": (
        _patient('<language value="\x01"/>'),
        "invalid",
        "The body is not well-formed XML at line 1, column 55: not well-formed (invalid token).",
        None,
    ),
    "attribute twice": (
        _patient('<active value="true" value="false"/>'),
        "invalid",
        "The body is not well-formed XML at line 1, column 59: duplicate attribute.",
        None,
    ),
    "unbound prefix": (
        _patient('<f:active value="true"/>'),
        "invalid",
        "The body is not well-formed XML at line 1, column 38: unbound prefix.",
        None,
    ),
    "no namespace": ("<Patient/>", "structure", ELSEWHERE.format("Patient", 1), None),
    "another namespace": ('<Patient xmlns="urn:hl7-org:v3"/>', "structure", ELSEWHERE.format("Patient", 1), None),
    "a child of another namespace": (
        _patient('<active xmlns="urn:x" value="true"/>'),
        "structure",
        ELSEWHERE.format("active", 38),
        "Patient",
    ),
    "a div without its namespace": (
        _patient('<text><status value="empty"/><div>x</div></text>'),
        "structure",
        "The element `div` is not in the namespace http://www.w3.org/1999/xhtml at line 1, column 67.",
        "Patient.text",
    ),
    "no type": (f"<Person2 {NS}/>", "structure", "`Person2` is not a FHIR R4 resource type at line 1, column 1.", None),
    "a datatype": (
        f"<HumanName {NS}/>",
        "structure",
        "`HumanName` is not a FHIR R4 resource type at line 1, column 1.",
        None,
    ),
    "an abstract type": (
        f"<Resource {NS}/>",
        "structure",
        "`Resource` is not a FHIR R4 resource type at line 1, column 1.",
        None,
    ),
    "unknown element": (
        _patient('<name><given value="a"/></name>\n<name><nick value="b"/></name>'),
        "structure",
        "There is no element `nick` here at line 2, column 7.",
        "Patient.name[1]",
    ),
    "unknown attribute": (
        _patient('<active value="true" null="x"/>'),
        "structure",
        "There is no attribute `null` here at line 1, column 38.",
        "Patient.active",
    ),
    "xml:id": (
        _patient('<name xml:id="x"><text value="y"/></name>'),
        "structure",
        "There is no attribute `id` here at line 1, column 38.",
        "Patient.name[0]",
    ),
    "id of a resource as attribute": (
        f'<Patient {NS} id="p"/>',
        "structure",
        "There is no attribute `id` here at line 1, column 1.",
        None,
    ),
    "a value on what has none": (
        _patient('<name value="x"><text value="y"/></name>'),
        "structure",
        "There is no attribute `value` here at line 1, column 38.",
        "Patient.name[0]",
    ),
    "text between elements": (
        _patient('<active value="true"/>yes'),
        "structure",
        "Text must not stand between elements; a value goes into the attribute `value` at line 1, column 63.",
        "Patient",
    ),
    "text in a primitive": (
        _patient("<active>true</active>"),
        "structure",
        "Text must not stand between elements; a value goes into the attribute `value` at line 1, column 50.",
        "Patient.active",
    ),
    "CDATA": (
        _patient("<![CDATA[true]]>"),
        "structure",
        "Text must not stand between elements; a value goes into the attribute `value` at line 1, column 54.",
        "Patient",
    ),
    "processing instruction": (
        _patient("<?php echo 1 ?>"),
        "structure",
        "Processing instructions must not stand inside a resource at line 1, column 38.",
        "Patient",
    ),
    "out of order": (
        _patient('<active value="true"/><id value="p"/>'),
        "structure",
        "The element id is out of order: the order of the definitions holds in XML at line 1, column 60.",
        "Patient",
    ),
    "interleaved": (
        _patient('<name><text value="a"/></name><active value="true"/>'),
        "structure",
        "The element active is out of order: the order of the definitions holds in XML at line 1, column 68.",
        "Patient",
    ),
    "twice": (
        _patient('<active value="true"/><active value="false"/>'),
        "structure",
        "The element active must not repeat at line 1, column 60.",
        "Patient",
    ),
    "twice, first without a value": (
        _patient('<active id="x"/><active value="false"/>'),
        "structure",
        "The element active must not repeat at line 1, column 54.",
        "Patient",
    ),
    "an empty primitive": (
        _patient("<active/>"),
        "structure",
        "The element needs a value or an extension (ele-1) at line 1, column 47.",
        "Patient.active",
    ),
    "no boolean": (
        _patient('<active value="1"/>'),
        "structure",
        "The value must be true or false at line 1, column 38.",
        "Patient.active",
    ),
    "no number": (
        f'<Observation {NS}><valueQuantity><value value="+1"/></valueQuantity></Observation>',
        "structure",
        "The value must be a number at line 1, column 57.",
        "Observation.value.value",
    ),
    "no boolean in a choice": (
        _patient('<deceasedBoolean value="TRUE"/>'),
        "structure",
        "The value must be true or false at line 1, column 38.",
        "Patient.deceased",
    ),
    "nothing contained": (
        _patient("<contained/>"),
        "structure",
        "The element needs a resource inside at line 1, column 50.",
        "Patient.contained[0]",
    ),
    "two contained in one": (
        _patient("<contained><Basic/><Basic/></contained>"),
        "structure",
        "Only one resource may stand here at line 1, column 57.",
        "Patient.contained[0]",
    ),
    "an id on contained": (
        _patient('<contained id="x"><Basic/></contained>'),
        "structure",
        "There is no attribute `id` here at line 1, column 38.",
        "Patient",
    ),
    "deep": (
        _patient(_extensions(50)),
        "invalid",
        "Objects and arrays are nested more than 100 deep. This happens at line 1, column 1900.",
        None,
    ),
    "deep beside a primitive": (
        _patient(_extensions(49, '<valueCode value="x"><extension url="u"/></valueCode>')),
        "invalid",
        "Objects and arrays are nested more than 100 deep. This happens at line 1, column 1921.",
        None,
    ),
    "a decimal out of range": (
        f'<Observation {NS}><valueQuantity><value value="1e999"/></valueQuantity></Observation>',
        "invalid",
        "The decimal is out of range: at most 128 characters, magnitude between 1E-307 and 1E+307.",
        "Observation.valueQuantity.value",
    ),
    "a number of many digits": (
        f'<Patient {NS}><multipleBirthInteger value="{"9" * 100_000}"/></Patient>',
        "invalid",
        "The integer does not fit in 64 bits.",
        "Patient.multipleBirthInteger",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_and_what_is_said(name: str) -> None:
    body, code, sentence, place = REFUSED[name]
    with pytest.raises(Invalid) as error:
        _read(body)
    assert error.value.issues == (Issue(code, sentence, (place,) if place else ()),)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(Invalid) as error:
        _read(_patient('<x/><active value="t"/><y><z/></y><birthDate value="2000"/><id value="p"/>\n</Patient'))
    assert [issue.diagnostics for issue in error.value.issues] == [
        "There is no element `x` here at line 1, column 38.",
        "The value must be true or false at line 1, column 42.",
        "There is no element `y` here at line 1, column 61.",
        "The element id is out of order: the order of the definitions holds in XML at line 1, column 97.",
        "The body is not well-formed XML at line 2, column 10: not well-formed (invalid token).",
    ]


def test_more_faults_than_help_anybody_end_the_reading() -> None:
    with pytest.raises(Invalid) as error:
        _read(_patient("<x/>" * 1000))
    assert len(error.value.issues) == 200


def test_a_body_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(TooLarge) as error:
        parse(b"<" * 11, R4, max_bytes=10)
    assert error.value.issues == (Issue("too-long", "The body has 11 bytes, more than the limit of 10."),)


DIV = f"<div {XHTML}>x</div>"
# name -> (body, what is read)
TAKEN: dict[str, tuple[str | bytes, dict[str, Any]]] = {
    "a byte order mark": (b"\xef\xbb\xbf" + _patient("").encode(), {}),
    "a declaration": (f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n{_patient("")}\n', {}),
    "a style sheet before the resource": (f'<?xml-stylesheet href="x.xsl"?>{_patient("")}', {}),
    "comments": (
        "<!-- a -->" + _patient('<!-- b --><active value="true"><!-- c --></active>') + "<!-- d -->",
        {"active": True},
    ),
    "a prefix": (
        '<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value="false"></f:active></f:Patient>',
        {"active": False},
    ),
    "a schema location": (
        f'<Patient {NS} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"/>',
        {},
    ),
    "entities of XML, and references to characters": (
        _patient('<language value="&lt;&amp;&gt;&quot;&apos;&#10;&#x1F375;"/>'),
        {"language": "<&>\"'\n\N{TEACUP WITHOUT HANDLE}"},
    ),
    "white space in a value is a space": (_patient('<language value="a\r\n\tb"/>'), {"language": "a  b"}),
    "an empty value is left to validation": (_patient('<language value=""/>'), {"language": ""}),
    "an element without content is left to validation": (_patient("<name/>"), {"name": [{}]}),
    "two types of a choice are left to validation": (
        _patient('<deceasedBoolean value="true"/><deceasedDateTime value="2001"/>'),
        {"deceasedBoolean": True, "deceasedDateTime": "2001"},
    ),
    "extensions of primitives": (
        _patient(
            '<name><given value="a"/><given id="i"><extension url="u"><valueCode value="c"/></extension></given>'
            '<given value="b" id="j"/><given value="d"/></name><birthDate><extension url="v"/></birthDate>'
        ),
        {
            "name": [
                {
                    "given": ["a", None, "b", "d"],
                    "_given": [None, {"id": "i", "extension": [{"url": "u", "valueCode": "c"}]}, {"id": "j"}, None],
                }
            ],
            "_birthDate": {"extension": [{"url": "v"}]},
        },
    ),
    "only extensions in an array": (
        _patient('<name><given id="a"/><given id="b"/></name>'),
        {"name": [{"_given": [{"id": "a"}, {"id": "b"}]}]},
    ),
    "contained resources": (
        _patient('<contained><Basic><id value="b"/></Basic></contained><contained><Group/></contained>'),
        {"contained": [{"resourceType": "Basic", "id": "b"}, {"resourceType": "Group"}]},
    ),
    "narrative to the letter": (
        _patient(f"<text>\r\n<div {XHTML} id='d'>\r\n <p/><!-- c -->&#39;&amp;\r<br ></br></div >\n</text>"),
        {"text": {"div": f"<div {XHTML} id='d'>\n <p/><!-- c -->&#39;&amp;\n<br ></br></div >"}},
    ),
    "narrative under a prefix": (
        f'<Patient {NS} xmlns:h="http://www.w3.org/1999/xhtml"><text><h:div title="a&#10;&quot;"><!-- c -->1 &lt; 2'
        '<h:br/><h:b xml:lang="cy">&#13;</h:b></h:div></text></Patient>',
        {
            "text": {
                "div": f'<div {XHTML} title="a&#10;&quot;">1 &lt; 2<br></br><b xml:lang="cy">&#13;</b></div>',
            }
        },
    ),
    "what is no XHTML under a prefix is marked, for validation to refuse": (
        f'<Patient {NS} xmlns:h="http://www.w3.org/1999/xhtml" xmlns:o="urn:o"><text><h:div o:x="1"><o:p/>'
        "</h:div></text></Patient>",
        {"text": {"div": f'<div {XHTML} other:x="1"><other:p></other:p></div>'}},
    ),
    "an empty narrative": (_patient(f"<text><div {XHTML}/></text>"), {"text": {"div": f"<div {XHTML}></div>"}}),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken(name: str) -> None:
    body, expected = TAKEN[name]
    assert _read(body) == {"resourceType": "Patient"} | expected


def test_numbers_keep_their_spelling() -> None:
    inside = "".join(
        f"<component><valueQuantity><value value='{n}'/></valueQuantity></component>" for n in ("1.10", "1e3")
    )
    document = parse(f"<Observation {NS}>{inside}</Observation>".encode(), R4, max_bytes=PLENTY)
    values = [component["valueQuantity"]["value"] for component in document.data["component"]]
    assert values == [Decimal("1.10"), Decimal("1E+3")]
    assert b'"value":1.10}' in document.text
    assert b'"value":1e3}' in document.text


def test_a_bundle_is_read_with_its_resources() -> None:
    entry = '<entry><fullUrl value="urn:x"/><resource><Basic><id value="b"/></Basic></resource></entry>'
    assert _read(f'<Bundle {NS}><type value="batch"/>{entry}{entry}</Bundle>') == {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"fullUrl": "urn:x", "resource": {"resourceType": "Basic", "id": "b"}}] * 2,
    }


def test_the_deepest_that_json_may_be_is_read() -> None:
    deepest = _read(_patient(_extensions(49, '<valueCode id="x" value="y"/>')))
    assert parse_json(dump(deepest), max_bytes=PLENTY).data == deepest
    with pytest.raises(Invalid):
        parse_json(dump({"resourceType": "Patient", "contained": [deepest]}), max_bytes=PLENTY)


@given(st.binary(max_size=80), st.integers(0, 400), st.integers(0, 40))
def test_whatever_comes_is_read_or_refused(noise: bytes, at: int, cut: int) -> None:
    body = TAKEN["extensions of primitives"][0]
    assert isinstance(body, str)
    with suppress(FhirError):
        parse(body.encode()[:at] + noise + body.encode()[at + cut :], R4, max_bytes=PLENTY)
