"""FHIR XML through HTTP: in by every way that JSON has, out of everything that answers; attacks are refused."""

import base64
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.model.json import parse as parse_json
from fhir_server.model.xml.reader import parse
from fhir_server.model.xml.writer import write
from tests.running import BASE, Client, encoded, observation, patient, running

XML = "application/fhir+xml; fhirVersion=4.0; charset=utf-8"
JSON = "application/fhir+json; fhirVersion=4.0; charset=utf-8"
IN_XML = {"accept": "application/fhir+xml", "content_type": "application/fhir+xml"}
NS = 'xmlns="http://hl7.org/fhir"'
DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Edith &amp; <b>Example</b></p></div>'
R4 = r4()
PLENTY = 1 << 26

PATIENT = (
    f'<Patient {NS}><id value="p"/><text><status value="generated"/>{DIV}</text>'
    '<contained><Organization><id value="o"/><name value="Surgery"/></Organization></contained>'
    '<extension url="http://example.org/score"><valueDecimal value="1.10"/></extension>'
    '<active value="true"/><name><given value="Edith"/><given id="second"><extension url="http://example.org/why">'
    '<valueCode value="masked"/></extension></given></name>'
    '<managingOrganization><reference value="#o"/></managingOrganization></Patient>'
)


def _xml(resource: dict[str, Any]) -> bytes:
    return write(encoded(resource), R4)


def _read(answer: httpx.Response) -> Any:
    """The resource of an answer in XML."""
    assert answer.headers["content-type"] == XML
    return parse(answer.content, R4, max_bytes=PLENTY).data


async def test_what_comes_in_as_xml_is_stored_as_json_and_goes_out_as_xml(fhir: Client) -> None:
    made = await fhir.send("PUT", "Patient/p", PATIENT.encode(), **IN_XML)
    assert (made.status_code, made.headers["etag"], made.headers["content-type"]) == (201, 'W/"1"', XML)
    meta = parse(made.content, R4, max_bytes=PLENTY).data["meta"]
    shown = f'<meta><versionId value="1"/><lastUpdated value="{meta["lastUpdated"]}"/></meta>'
    expected = '<?xml version="1.0" encoding="UTF-8"?>' + PATIENT.replace("<text>", shown + "<text>")
    assert made.text == expected
    read = await fhir.get("Patient/p", accept="application/fhir+xml")
    assert (read.status_code, read.text, read.headers["etag"]) == (200, expected, 'W/"1"')
    in_json = (await fhir.get("Patient/p")).content
    assert parse_json(in_json, max_bytes=PLENTY).data == {
        "resourceType": "Patient",
        "id": "p",
        "meta": meta,
        "text": {"status": "generated", "div": DIV},
        "contained": [{"resourceType": "Organization", "id": "o", "name": "Surgery"}],
        "extension": [{"url": "http://example.org/score", "valueDecimal": Decimal("1.10")}],
        "active": True,
        "name": [
            {
                "given": ["Edith", None],
                "_given": [
                    None,
                    {"id": "second", "extension": [{"url": "http://example.org/why", "valueCode": "masked"}]},
                ],
            }
        ],
        "managingOrganization": {"reference": "#o"},
    }
    assert b'"valueDecimal":1.10' in in_json


async def test_an_unchanged_resource_sent_back_in_xml_makes_no_version(fhir: Client) -> None:
    await fhir.put(patient("p", active=True, name=[{"family": "Example"}]))
    read = await fhir.get("Patient/p", accept="application/fhir+xml")
    again = await fhir.send("PUT", "Patient/p", read.content, **IN_XML)
    assert (again.status_code, again.headers["etag"]) == (200, 'W/"1"')


async def test_create_in_xml(fhir: Client) -> None:
    made = await fhir.send("POST", "Patient", f'<Patient {NS}><active value="true"/></Patient>'.encode(), **IN_XML)
    assert made.status_code == 201
    place = made.headers["location"].removeprefix(BASE + "/").partition("/_history")[0]
    assert _read(made) == (await fhir.get(place)).json()


async def test_a_searchset_in_xml_is_the_one_in_json(fhir: Client) -> None:
    await fhir.put(patient("p"))
    await fhir.put(observation("Patient/p", "o1", valueQuantity={"value": Decimal("6.30"), "unit": "mmol/L"}))
    await fhir.put(observation("Patient/p", "o2"))
    path = "Observation?subject=Patient/p&_sort=_id&_count=1"
    in_json, in_xml = await fhir.get(path), await fhir.get(f"{path}&_format=xml")
    expected, found = in_json.json(), _read(in_xml)
    links = [(link["relation"], link["url"]) for link in found["link"]]
    assert links[0] == ("self", expected["link"][0]["url"] + "&_format=xml")
    assert found["entry"] == parse_json(in_json.content, max_bytes=PLENTY).data["entry"]
    assert b'<value value="6.30"/>' in in_xml.content
    # The next page comes in the same format.
    following = _read(await fhir.get(links[1][1]))
    assert [entry["resource"]["id"] for entry in following["entry"]] == ["o2"]


@pytest.mark.parametrize(
    "path", ["Patient/p/_history", "_history", "Patient/p/_history/1", "Patient/p/Observation", "metadata"]
)
async def test_other_reads_in_xml_say_what_they_say_in_json(fhir: Client, path: str) -> None:
    await fhir.put(patient("p"))
    await fhir.put(patient("p", active=True))
    await fhir.put(observation("Patient/p", "o"))
    in_json, in_xml = await fhir.get(path), await fhir.get(path, accept="text/xml")
    assert in_xml.status_code == 200
    found, expected = _read(in_xml), parse_json(in_json.content, max_bytes=PLENTY).data
    for changing in ("id", "meta") if found["resourceType"] == "Bundle" else ():
        found.pop(changing)
        expected.pop(changing)
    assert found == expected


async def test_audit_events_in_xml(fhir: Client) -> None:
    await fhir.put(patient("p"))
    found = _read(await fhir.get("AuditEvent?_count=1", accept="application/fhir+xml"))
    event = found["entry"][0]["resource"]
    assert event == (await fhir.get(f"AuditEvent/{event['id']}")).json()
    assert event == _read(await fhir.get(f"AuditEvent/{event['id']}", accept="application/fhir+xml"))


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_a_bundle_in_xml(fhir: Client, kind: str) -> None:
    body = f"""<Bundle {NS}><type value="{kind}"/>
      <entry><fullUrl value="urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"/>
        <resource>{PATIENT}</resource>
        <request><method value="PUT"/><url value="Patient/p"/></request></entry>
      <entry><request><method value="GET"/><url value="Patient/none"/></request></entry></Bundle>"""
    if kind == "transaction":
        body = body.replace("Patient/none", "Patient/p")
    answer = await fhir.send("POST", "", body.encode(), **IN_XML)
    assert answer.status_code == 200
    found = _read(answer)
    assert found["type"] == f"{kind}-response"
    assert [entry["response"]["status"] for entry in found["entry"]] == ["201", "404" if kind == "batch" else "200"]
    assert (await fhir.get("Patient/p")).json()["name"][0]["given"] == ["Edith", None]


async def test_errors_come_in_the_format_that_was_asked_for(fhir: Client) -> None:
    answer = await fhir.get("Patient/none", accept="application/fhir+xml")
    assert (answer.status_code, answer.headers["content-type"]) == (404, XML)
    assert answer.text == (
        f'<?xml version="1.0" encoding="UTF-8"?><OperationOutcome {NS}><issue><severity value="error"/>'
        '<code value="not-found"/><diagnostics value="There is no Patient with the id none."/></issue>'
        "</OperationOutcome>"
    )
    unread = await fhir.send("POST", "Patient", b"{}", accept="application/fhir+xml", content_type="text/plain")
    assert (unread.status_code, _read(unread)["issue"][0]["code"]) == (415, "not-supported")
    laid_out = await fhir.get("Patient/none?_pretty=true", accept="application/fhir+xml")
    assert laid_out.text == (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<OperationOutcome {NS}>\n  <issue>\n    <severity value="error"/>\n'
        '    <code value="not-found"/>\n    <diagnostics value="There is no Patient with the id none."/>\n  </issue>\n'
        "</OperationOutcome>\n"
    )


async def test_head_and_304_in_xml(fhir: Client) -> None:
    await fhir.put(patient("p"))
    got = await fhir.get("Patient/p", accept="application/fhir+xml")
    head = await fhir.send("HEAD", "Patient/p", accept="application/fhir+xml")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content))
    same = await fhir.get("Patient/p", accept="application/fhir+xml", if_none_match='W/"1"')
    assert (same.status_code, same.content) == (304, b"")
    assert "content-type" not in same.headers


async def test_a_binary_in_xml(fhir: Client) -> None:
    document = b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>'
    for media_type in ("text/xml", "application/xml"):  # raw content, whatever it is
        made = await fhir.send("PUT", "Binary/raw", document, content_type=media_type)
        assert made.status_code in (200, 201)
        for accept in ("*/*", "text/xml", "application/xml"):
            raw = await fhir.get("Binary/raw", accept=accept)
            assert (raw.content, raw.headers["content-type"]) == (document, media_type)
        found = _read(await fhir.get("Binary/raw", accept="application/fhir+xml"))
        assert (found["contentType"], base64.b64decode(found["data"])) == (media_type, document)
    resource = f'<Binary {NS}><id value="b"/><contentType value="text/plain"/><data value="aGk="/></Binary>'
    assert (await fhir.send("PUT", "Binary/b", resource.encode(), **IN_XML)).status_code == 201
    assert (await fhir.get("Binary/b")).content == b"hi"
    assert _read(await fhir.get("Binary/b?_format=xml"))["data"] == "aGk="
    other = await fhir.send("PUT", "Binary/b", PATIENT.encode(), **IN_XML)
    assert (other.status_code, _read(other)["issue"][0]["expression"]) == (400, ["Binary.resourceType"])


async def test_raw_content_that_says_it_is_fhir_stays_as_it_is(fhir: Client) -> None:
    content = b"{ not JSON"
    resource = {"resourceType": "Binary", "id": "b", "contentType": "application/fhir+json"}
    await fhir.put(resource | {"data": base64.b64encode(content).decode()})
    raw = await fhir.get("Binary/b?_pretty=true", accept="text/xml")
    assert (raw.status_code, raw.content, raw.headers["content-type"]) == (200, content, "application/fhir+json")
    entry = {"request": {"method": "GET", "url": "Binary/b"}}
    batch = (await fhir.post({"resourceType": "Bundle", "type": "batch", "entry": [entry]}, "")).json()
    assert [sorted(each) for each in batch["entry"]] == [["response"]]


async def test_xml_that_is_not_valid_fhir_is_refused_with_the_places(fhir: Client) -> None:
    body = f'<Patient {NS}><nick value="x"/><active value="yes"/></Patient>'
    answer = await fhir.send("POST", "Patient", body.encode(), content_type="application/fhir+xml")
    assert (answer.status_code, answer.headers["content-type"]) == (400, JSON)
    assert answer.json()["issue"] == [
        {
            "severity": "error",
            "code": "structure",
            "diagnostics": "There is no element `nick` here at line 1, column 38.",
            "expression": ["Patient"],
        },
        {
            "severity": "error",
            "code": "structure",
            "diagnostics": "The value must be true or false at line 1, column 55.",
            "expression": ["Patient.active"],
        },
    ]
    invalid = await fhir.send("POST", "Patient", PATIENT.replace("generated", "made").encode(), **IN_XML)
    assert (invalid.status_code, _read(invalid)["issue"][0]["expression"]) == (400, ["Patient.text.status"])


LAUGHS = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
ATTACKS = {
    "billion laughs": f'<!DOCTYPE x [<!ENTITY a "lol">{LAUGHS}]><Patient {NS}><language value="&i;"/></Patient>',
    "external entity": f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><Patient {NS}>&e;</Patient>',
    "parameter entity": f'<!DOCTYPE x [<!ENTITY % e SYSTEM "file:///etc/hostname">%e;]><Patient {NS}/>',
    "external DTD": f'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><Patient {NS}/>',
    "DTD": f"<!DOCTYPE Patient><Patient {NS}/>",
    "XInclude": f'<Patient {NS}><x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/hostname"/></Patient>',
    "depth": f"<Patient {NS}>" + '<extension url="x">' * 100_000,
    "unknown depth": f"<Patient {NS}>" + "<x>" * 100_000 + "</x>" * 100_000 + "</Patient>",
    "unknown width": f"<Patient {NS}>" + "<x/>" * 100_000 + "</Patient>",
    "many attributes": f"<Patient {NS} " + " ".join(f'a{n}=""' for n in range(100_000)) + "/>",
    "a long name": f"<Patient {NS}><{'x' * 1_000_000}/></Patient>",
    "many namespaces": f"<Patient {NS} "
    + " ".join(f'xmlns:a{n}="urn:{n}"' for n in range(100_000))
    + "><x/></Patient>",
    "instruction": f"<Patient {NS}><?php system('id') ?></Patient>",
    "xml:id": f'<Patient {NS}><name xml:id="x"/></Patient>',
    "script": PATIENT.replace("<p>", "<script>1</script><p>"),
    "script in CDATA": PATIENT.replace("<p>", "<p onclick='1'><![CDATA[<script>1</script>]]>"),
    "a number without end": f'<Patient {NS}><multipleBirthInteger value="{"9" * 1_000_000}"/></Patient>',
    "text": f"<Patient {NS}>{'x' * 1_000_000}</Patient>",
    "comments without end": f"<Patient {NS}>" + "<!-- -->" * 100_000,
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_attacks_are_400_in_short(fhir: Client, name: str) -> None:
    for path in ("Patient", ""):
        answer = await fhir.send("POST", path, ATTACKS[name].encode(), **IN_XML)
        assert answer.status_code == 400
        assert len(answer.content) < 200_000
        assert _read(answer)["issue"]
        assert "root:" not in answer.text
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1", "cp037"])
async def test_other_encodings_are_400(fhir: Client, encoding: str) -> None:
    body = f"<?xml version='1.0' encoding='{encoding}'?>{PATIENT.replace('Surgery', 'Chirurgié')}"
    answer = await fhir.send("POST", "Patient", body.encode(encoding), content_type="application/fhir+xml")
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "invalid")


async def test_limits_are_those_of_json(tmp_path: Path) -> None:
    async with running(tmp_path, max_resource_bytes=2048, max_bundle_bytes=4096) as fhir:
        big = _xml(patient("p", name=[{"text": "x" * 8000}]))
        for path in ("Patient", ""):
            assert (await fhir.send("POST", path, big, **IN_XML)).status_code == 413


async def test_a_large_bundle_is_read_and_written_beside_other_requests(fhir: Client) -> None:
    entries = [
        {"resource": patient(f"p{n}", active=True), "request": {"method": "PUT", "url": f"Patient/p{n}"}}
        for n in range(600)
    ]
    body = _xml({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert len(body) > 64 * 1024
    assert (await fhir.send("POST", "", body, **IN_XML)).status_code == 200
    answer = await fhir.get("Patient?_count=600", accept="application/fhir+xml")
    assert len(answer.content) > 64 * 1024
    assert len(_read(answer)["entry"]) == 600


async def test_nobodys_xml_is_read_before_access_is_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(*_: object, **__: object) -> bytes:
        raise AssertionError("read before the decision")

    monkeypatch.setattr("fhir_server.interactions.incoming_xml.to_json", unread)
    async with running(tmp_path) as fhir:
        assert (await fhir.send("PUT", "AuditEvent/x", PATIENT.encode(), **IN_XML)).status_code == 405
        assert (await fhir.send("POST", "Nonsense", PATIENT.encode(), **IN_XML)).status_code == 404
