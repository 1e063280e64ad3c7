"""Formats, headers and limits through HTTP."""

import base64
from pathlib import Path

import pytest

from tests.running import BASE, Client, encoded, patient, running

FHIR = "application/fhir+json; fhirVersion=4.0; charset=utf-8"
XML = "application/fhir+xml; fhirVersion=4.0; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "status", "made"),
    [
        ("*/*", 200, FHIR),
        ("application/fhir+json", 200, FHIR),
        ("application/json", 200, FHIR),
        ("application/fhir+xml", 200, XML),
        ("application/xml", 200, XML),
        ("text/xml", 200, XML),
        ("Application/FHIR+XML ; q=0.9", 200, XML),
        ("application/fhir+xml, application/fhir+json;q=0.5", 200, XML),
        ("application/fhir+xml;q=0.4, application/fhir+json;q=0.5", 200, FHIR),
        ("application/fhir+xml, application/fhir+json", 200, XML),
        ("application/fhir+json, application/fhir+xml", 200, FHIR),
        ("application/fhir+xml, */*", 200, XML),
        ("application/fhir+xml;q=0.1, */*;q=0.2", 200, FHIR),
        ("application/fhir+json;q=0, */*", 200, XML),
        ("application/fhir+json; fhirVersion=5.0, application/xml;q=0.1", 200, XML),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 200, FHIR),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 200, XML),
        ("application/fhir+json; fhirVersion=4.0", 200, FHIR),
        ("application/fhir+json; fhirVersion=5.0", 406, FHIR),
        ("application/fhir+xml; fhirVersion=3.0", 406, FHIR),
        ("application/fhir+json;q=0", 406, FHIR),
        ("application/fhir+xml;q=often", 406, FHIR),
        ("application/fhir+xml;q=nan", 406, FHIR),
        ("text/turtle", 406, FHIR),
    ],
)
async def test_accept(fhir: Client, accept: str, status: int, made: str) -> None:
    await fhir.put(patient("p"))
    answer = await fhir.get("Patient/p", accept=accept)
    assert answer.status_code == status
    assert answer.headers["content-type"] == made


@pytest.mark.parametrize(
    ("asked", "status", "made"),
    [
        ("json", 200, FHIR),
        ("application/fhir+json", 200, FHIR),
        ("application/fhir%2Bjson", 200, FHIR),
        ("xml", 200, XML),
        ("text/xml", 200, XML),
        ("application/xml", 200, XML),
        ("application/fhir+xml", 200, XML),
        ("application/fhir%2Bxml", 200, XML),
        ("ttl", 406, FHIR),
    ],
)
async def test_format_wins_over_accept(fhir: Client, asked: str, status: int, made: str) -> None:
    await fhir.put(patient("p"))
    answer = await fhir.get(f"Patient/p?_format={asked}", accept="text/turtle")
    assert (answer.status_code, answer.headers["content-type"]) == (status, made)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/fhir+json", 201),
        ("application/json; charset=UTF-8", 201),
        ("application/fhir+json; fhirVersion=4.0", 201),
        ("application/fhir+json; fhirVersion=3.0", 415),
        ("application/fhir+json; charset=latin-1", 415),
        ("application/fhir+xml", 400),
        ("application/fhir+xml; charset=latin-1", 415),
        ("application/fhir+xml; fhirVersion=3.0", 415),
        ("application/fhir+turtle", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
async def test_content_type(fhir: Client, content_type: str, status: int) -> None:
    answer = await fhir.send("POST", "Patient", encoded(patient("x")), content_type=content_type)
    assert answer.status_code == status
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == (1 if status == 201 else 0)


async def test_an_unacceptable_post_writes_nothing(fhir: Client) -> None:
    answer = await fhir.post(patient("x"), accept="text/turtle")
    assert answer.status_code == 406
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == 0


async def test_compressed_bodies_are_refused(fhir: Client) -> None:
    assert (await fhir.post(patient("x"), content_encoding="gzip")).status_code == 415


async def test_pretty(fhir: Client) -> None:
    plain = (await fhir.put(patient("p"))).content
    laid_out = (await fhir.get("Patient/p?_pretty=true")).content
    assert b'\n  "resourceType": "Patient"' in laid_out
    assert (await fhir.get("Patient/p")).content == plain
    assert (await fhir.get("Patient/p?_pretty=perhaps")).status_code == 400


async def test_head_is_a_get_without_a_body(fhir: Client) -> None:
    await fhir.put(patient("p"))
    got, head = await fhir.get("Patient/p"), await fhir.send("HEAD", "Patient/p")
    assert (head.status_code, head.content) == (200, b"")
    same = ("etag", "last-modified", "content-type", "content-length")
    assert [head.headers[name] for name in same] == [got.headers[name] for name in same]


async def test_ids_of_requests_come_back_and_are_audited(fhir: Client) -> None:
    answer = await fhir.get("Patient/none", x_request_id="abc-1", x_correlation_id="corr.2")
    assert (answer.headers["x-request-id"], answer.headers["x-correlation-id"]) == ("abc-1", "corr.2")
    event = (await fhir.get("AuditEvent?_count=1")).json()["entry"][0]["resource"]
    values = [e["what"]["identifier"]["value"] for e in event["entity"] if "identifier" in e.get("what", {})]
    assert values == ["abc-1", "corr.2"]
    strange = await fhir.get("Patient/none", x_request_id="a b\tc")
    assert strange.headers["x-request-id"] != "a b\tc"


async def test_conditional_read(fhir: Client) -> None:
    stored = await fhir.put(patient("p"))
    same = await fhir.get("Patient/p", if_none_match=stored.headers["etag"])
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", 'W/"1"')
    assert (await fhir.get("Patient/p", if_none_match='W/"9"')).status_code == 200
    since = stored.headers["last-modified"]
    assert (await fhir.get("Patient/p", if_modified_since=since)).status_code == 304
    assert (await fhir.get("Patient/p", if_modified_since="Mon, 01 Jan 2001 00:00:00 GMT")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "Nonsense/1", 404),
        ("GET", "Parameters/1", 404),
        ("GET", "Patient/1/2/3/4/5", 404),
        ("GET", "Patient/$everything", 404),
        ("GET", "Patient/not valid", 400),
        ("PUT", f"Patient/{'x' * 65}", 400),
        ("PUT", "Patient", 400),
        ("DELETE", "Patient", 400),
        ("PATCH", "Patient", 400),
        ("DELETE", "metadata", 405),
        ("PUT", "AuditEvent/1", 405),
        ("POST", "AuditEvent", 405),
        ("OPTIONS", "Patient/1", 405),
    ],
)
async def test_addresses_and_methods(fhir: Client, method: str, path: str, status: int) -> None:
    answer = await fhir.send(method, path, b"{}", content_type="application/fhir+json")
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert ("allow" in answer.headers) == (status == 405)


async def test_limits_are_kept_without_reading_it_all(tmp_path: Path) -> None:
    async with running(tmp_path, max_resource_bytes=2048, max_bundle_bytes=4096, max_binary_bytes=1024) as fhir:
        big = patient("p", name=[{"text": "x" * 3000}])
        assert (await fhir.put(big)).status_code == 413
        entries = [{"resource": patient("q"), "request": {"method": "PUT", "url": "Patient/q"}}] * 60
        body = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        assert (await fhir.post(body, "")).status_code == 413
        assert (await fhir.send("POST", "Binary", b"x" * 1025, content_type="text/plain")).status_code == 413
        inside = {"resource": big, "request": {"method": "PUT", "url": "Patient/p"}}
        answer = await fhir.post({"resourceType": "Bundle", "type": "transaction", "entry": [inside]}, "")
        assert answer.status_code == 413
        declared = await fhir.send("POST", "Patient", b"{}", content_type="application/json", content_length="999999")
        assert declared.status_code == 413
        assert (await fhir.get("Patient?_summary=count")).json()["total"] == 0


async def test_binary_in_and_out(fhir: Client) -> None:
    await fhir.put(patient("p"))
    content = bytes(range(256)) * 3
    made = await fhir.send("POST", "Binary", content, content_type="application/pdf", x_security_context="Patient/p")
    assert made.status_code == 201
    place = made.headers["location"].removeprefix(BASE + "/").partition("/_history")[0]
    raw = await fhir.get(place)
    assert (raw.content, raw.headers["content-type"]) == (content, "application/pdf")
    assert raw.headers["content-disposition"] == "attachment"
    assert raw.headers["x-content-type-options"] == "nosniff"
    assert raw.headers["content-security-policy"].startswith("sandbox")
    resource = (await fhir.get(place, accept="application/fhir+json")).json()
    assert resource["securityContext"] == {"reference": "Patient/p"}
    assert base64.b64decode(resource["data"]) == content


async def test_every_answer_is_kept_from_caches_and_sniffers(fhir: Client) -> None:
    for path in ("metadata", "Patient", "Patient/none", "Nonsense"):
        headers = (await fhir.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_links_come_from_the_settings_never_from_the_request(tmp_path: Path) -> None:
    async with running(tmp_path, base_url="https://record.example.nhs.uk/fhir") as fhir:
        answer = await fhir.post(patient("x"), x_forwarded_host="evil.example", x_forwarded_proto="ftp")
        assert answer.headers["location"].startswith("https://record.example.nhs.uk/fhir/Patient/")
        assert "evil" not in (await fhir.get("Patient", x_forwarded_host="evil.example")).text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost:8080", 200),
        ("[::1]:8080", 200),
        ("record.example.nhs.uk", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("user@127.0.0.1", 403),
        ("", 403),
    ],
)
async def test_without_sign_in_other_names_for_this_machine_are_refused(tmp_path: Path, host: str, status: int) -> None:
    async with running(tmp_path, base_url="https://record.example.nhs.uk/fhir") as fhir:
        assert (await fhir.get("Patient", host=host)).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"resourceType":"Patient","resourceType":"Patient"}',
        b'{"resourceType":"Observation","valueQuantity":{"value":NaN}}',
        b'{"resourceType":"Patient","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"resourceType":"Patient","id":"\xff"}',
        b'{"resourceType":"Patient","gender":"\\ud800"}',
        b'{"resourceType":"Patient","gender":"a\\u0000b"}',
        b'{"resourceType":"Patient","multipleBirthInteger":1' + b"0" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        b'{"resourceType":5}',
    ],
)
async def test_malformed_bodies_are_400_with_an_outcome(fhir: Client, body: bytes) -> None:
    answer = await fhir.send("POST", "Patient", body, content_type="application/fhir+json")
    assert answer.status_code == 400
    issue = answer.json()["issue"][0]
    assert issue["severity"] in ("error", "fatal")
    assert issue["diagnostics"]
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == 0
