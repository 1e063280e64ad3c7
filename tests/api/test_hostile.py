"""A client that means harm: whatever it sends, the answer is an OperationOutcome, soon, and nothing of ours breaks."""

import asyncio
import base64
import json
import tracemalloc
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.running import Client, encoded, observation, patient, running

FHIR = {"content_type": "application/fhir+json"}
JSON_PATCH = {"content_type": "application/json-patch+json"}
MEGABYTE = 1024 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """One application for all tests that change nothing; in it is the Patient p."""
    async with running(tmp_path_factory.mktemp("hostile")) as client:
        await client.put(patient("p", name=[{"family": "Ash"}], gender="male", birthDate="1931-01-01"))
        yield client


once_for_all = pytest.mark.asyncio(loop_scope="module")


def _outcome(answer: Any) -> dict[str, Any]:
    """The OperationOutcome of an answer, which is one and nothing else."""
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    outcome: dict[str, Any] = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert all(issue["diagnostics"] for issue in outcome["issue"])
    for part in ("Traceback", "site-packages", ".py", "apsw", "msgspec", "sqlite"):
        assert part not in answer.text
    return outcome


# --- bodies, at the level of ASGI --------------------------------------------------------------------------------


Chunks = AsyncIterator[tuple[bytes, bool]]
"""What comes of a body: each with whether more of it follows."""


async def _raw(
    fhir: Client, method: str, path: str, headers: list[tuple[bytes, bytes]], body: Chunks
) -> list[MutableMapping[str, Any]]:
    """What the application sends for a request whose body comes like this; after the last chunk the client is gone."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": f"/fhir/{path}",
        "query_string": query.encode(),
        "headers": headers,
        "client": ("127.0.0.1", 1),
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        async for chunk, more in body:
            return {"type": "http.request", "body": chunk, "more_body": more}
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await fhir.app(scope, receive, send)
    return sent


async def _whole(*chunks: bytes) -> Chunks:
    for number, chunk in enumerate(chunks, 1):
        yield chunk, number < len(chunks)


async def _endless(chunk: bytes, seconds: float = 0.0) -> Chunks:
    while True:
        await asyncio.sleep(seconds)
        yield chunk, True


JSON_HEADER = [(b"content-type", b"application/fhir+json")]


@pytest.mark.parametrize(
    ("path", "limit"), [("Patient", 1024 + 4096), ("", 8192), ("Binary", 2048), ("Patient/_search", 32 * 1024)]
)
async def test_an_endless_body_ends_at_the_limit(tmp_path: Path, path: str, limit: int) -> None:
    kind = {"Binary": b"application/pdf", "Patient/_search": b"application/x-www-form-urlencoded"}
    headers = [(b"content-type", kind.get(path, b"application/fhir+json"))]
    limits = {"max_resource_bytes": 1024, "max_bundle_bytes": 8192, "max_binary_bytes": 2048}
    async with running(tmp_path, **limits) as fhir:
        taken = 0

        async def chunks() -> Chunks:
            nonlocal taken
            while True:
                await asyncio.sleep(0)
                taken += 100
                yield b" " * 100, True

        body = chunks()
        start, content = await _raw(fhir, "POST", path, [*headers, (b"transfer-encoding", b"chunked")], body)
        assert start["status"] == 413
        assert json.loads(content["body"])["issue"][0]["code"] == "too-long"
        assert limit < taken <= limit + 200


async def test_a_body_of_single_bytes_costs_no_more_than_its_bytes(tmp_path: Path) -> None:
    async with running(tmp_path, max_resource_bytes=100_000) as fhir:
        await _raw(fhir, "GET", "metadata", [], _whole())
        tracemalloc.start()
        start, _ = await _raw(fhir, "POST", "Patient", JSON_HEADER, _endless(b"\xf0\x9f"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert start["status"] == 413
        assert peak < 600_000


@pytest.mark.parametrize(("chunk", "pause"), [(b" ", 0.01), (b"", 0.0), (b"", 0.01)])
async def test_a_body_that_never_ends_is_cut_off(tmp_path: Path, chunk: bytes, pause: float) -> None:
    async with running(tmp_path, body_seconds=0.1) as fhir:
        start, content = await _raw(fhir, "POST", "Patient", JSON_HEADER, _endless(chunk, pause))
        assert start["status"] == 408
        assert json.loads(content["body"])["issue"][0]["code"] == "timeout"


@pytest.mark.parametrize(
    ("declared", "status"),
    [(b"99999999999", 413), (b"9" * 5000, 413), (b"-1", 400), (b"1e3", 400), (b"\xb2", 400), (b"", 400), (b"5 ", 400)],
)
async def test_a_false_content_length(fhir: Client, declared: bytes, status: int) -> None:
    headers = [*JSON_HEADER, (b"content-length", declared)]
    start, content = await _raw(fhir, "POST", "Patient", headers, _endless(b" "))
    assert start["status"] == status
    assert json.loads(content["body"])["resourceType"] == "OperationOutcome"


async def test_a_body_that_breaks_off_writes_nothing_and_is_recorded(fhir: Client) -> None:
    body = encoded(patient("p"))

    async def broken_off() -> Chunks:
        yield body, True

    start, content = await _raw(fhir, "PUT", "Patient/p", JSON_HEADER, broken_off())
    assert start["status"] == 400
    assert json.loads(content["body"])["issue"][0]["diagnostics"] == "The body broke off before it was whole."
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == 0
    events = (await fhir.get("AuditEvent")).json()["entry"]
    assert [event["resource"]["outcomeDesc"] for event in events] == ["HTTP 200", "HTTP 400"]


@pytest.mark.parametrize(
    ("method", "path", "header", "values", "status"),
    [
        ("GET", "Patient/p", b"host", [b"127.0.0.1", b"127.0.0.1"], 403),
        ("GET", "Patient/p", b"host", [b"127.0.0.1", b"evil.example"], 403),
        ("PUT", "Patient/p", b"if-match", [b'W/"2"', b'W/"1"'], 400),
        ("PUT", "Patient/p", b"content-type", [b"text/xml", b"application/fhir+json"], 415),
        ("PUT", "Patient/p", b"content-length", [b"5", b"2"], 400),
        ("GET", "Patient/p", b"x-request-id", [b"a", b"b"], 200),
    ],
)
async def test_of_a_header_sent_twice_none_decides_alone(
    fhir: Client, method: str, path: str, header: bytes, values: list[bytes], status: int
) -> None:
    await fhir.put(patient("p"))
    others = [] if header == b"content-type" or method == "GET" else JSON_HEADER
    headers = [*others, *((header, value) for value in values)]
    body = encoded(patient("p", active=True))

    start, _ = await _raw(fhir, method, path, headers, _whole(body))
    assert start["status"] == status
    assert (await fhir.get("Patient/p")).json()["meta"]["versionId"] == "1"
    assert dict(start["headers"])[b"x-request-id"] not in (b"a", b"b", b"a, b")


# --- bodies that cost more than they weigh -----------------------------------------------------------------------


def _nested(inner: str, opening: str, closing: str, times: int) -> bytes:
    return (opening * times + inner + closing * times).encode()


@once_for_all
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", b'{"resourceType":"Bundle","type":"batch","entry":[' + b",".join([b"{}"] * 100_000) + b"]}", 413),
        ("", b'{"resourceType":"Bundle","type":"transaction","entry":[' + b",".join([b"{}"] * 49_000) + b"]}", 400),
        ("Patient", b'{"resourceType":"Patient","x":' + b"[" * 5 * MEGABYTE, 400),
        ("Patient", b'{"resourceType":"Patient","x":' + b'{"a":' * MEGABYTE, 400),
        (
            "Patient",
            b'{"resourceType":"Patient",' + _nested("1", '"extension":[{"url":"x",', "}]", 500)[:-1] + b"}",
            400,
        ),
        (
            "QuestionnaireResponse",
            b'{"resourceType":"QuestionnaireResponse","status":"completed",'
            + _nested('"item":[{"linkId":"x"}]', '"item":[{"linkId":"x",', "}]", 500)
            + b"}",
            400,
        ),
        ("Patient", b'{"resourceType":"Patient","multipleBirthInteger":' + b"1" * 5 * MEGABYTE + b"}", 400),
        ("Binary", b'{"resourceType":"Binary","contentType":"a/b","data":"' + b"aaaa " * MEGABYTE + b'!"}', 400),
        ("Binary", b'{"resourceType":"Binary","contentType":"a/b","data":"' + b"a" * 108 + b'!"}', 400),
        ("Patient", b'{"resourceType":"Patient","language":"' + b" a" * MEGABYTE + b'"}', 400),
        ("Patient", b'{"resourceType":"Patient",' + b",".join(b'"k%d":1' % n for n in range(100_000)) + b"}", 400),
        ("Patient", b'{"resourceType":"Patient",' + b",".join([b'"k":1'] * 100_000) + b"}", 400),
    ],
    ids=lambda value: str(len(value)) if isinstance(value, bytes) else str(value),
)
async def test_costly_bodies_are_refused_soon(there: Client, path: str, body: bytes, status: int) -> None:
    async with asyncio.timeout(5):
        answer = await there.send("POST", path, body, **FHIR)
    assert answer.status_code == status
    assert len(answer.content) < 100_000
    _outcome(answer)


def _copies(times: int) -> list[dict[str, Any]]:
    """Each doubles what is there: a body of a kilobyte that asks for terabytes."""
    start = {"op": "add", "path": "/contact", "value": [{"gender": "male"}]}
    return [start, *({"op": "copy", "from": "/contact", "path": f"/contact/0/x{n}"} for n in range(times))]


def _deep(steps: int) -> list[dict[str, Any]]:
    """Each adds forty levels below the last one."""
    operations: list[dict[str, Any]] = [{"op": "add", "path": "/x", "value": {}}]
    path = "/x"
    for _ in range(steps):
        value: dict[str, Any] = {}
        for _ in range(40):
            value = {"a": [value]}
        operations.append({"op": "add", "path": f"{path}/y", "value": value})
        path += "/y" + "/a/0" * 40
    return operations


@once_for_all
@pytest.mark.parametrize(
    ("operations", "status"),
    [
        (_copies(40), 413),
        (_copies(900), 413),
        (_deep(60), 400),
        ([*_deep(60), {"op": "copy", "from": "/x", "path": "/z"}], 400),
        ([*_deep(7), {"op": "copy", "from": "/x", "path": "/z"}], 400),
        ([{"op": "test", "path": "/active", "value": True}] * 1001, 400),
        ([{"op": "replace", "path": "", "value": 5}, {"op": "copy", "from": "/a", "path": "/b"}], 422),
        ([{"op": "copy", "from": "/contact/-", "path": "/b"}], 422),
        ([{"op": "copy", "from": 5, "path": "/b"}], 400),
        ([{"op": "copy", "path": "/b"}], 400),
    ],
    ids=lambda value: f"{len(value)}" if isinstance(value, list) else str(value),
)
async def test_a_patch_cannot_fill_the_memory(there: Client, operations: list[dict[str, Any]], status: int) -> None:
    async with asyncio.timeout(5):
        answer = await there.send("PATCH", "Patient/p", encoded(operations), **JSON_PATCH)
    assert answer.status_code == status
    _outcome(answer)
    assert (await there.get("Patient/p")).json()["meta"]["versionId"] == "1"


# --- queries -----------------------------------------------------------------------------------------------------

METACHARACTERS = (
    "'; DROP TABLE version; --",
    '" OR "1"="1',
    "' UNION SELECT bytes FROM body --",
    "NEAR(a b)",
    'a" AND "b',
    "a*",
    "^a",
    "col:a",
    "-a",
    "%",
    "_",
    "%a%",
    "\\",
    "\\,",
    "[a-z]",
    "*",
    "?",
    "{$gt:''}",
    "$where",
    "\r\nSet-Cookie: x=1",
    "\x1b[31m",
    "\u202eabc",
)
SEARCHES = (
    *("name", "name:contains", "name:exact", "name:missing", "identifier", "gender", "birthdate", "organization"),
    *("link", "_id", "_security", "_profile", "_lastUpdated", "address-city", "_sort", "_elements", "phone"),
)


@once_for_all
@pytest.mark.parametrize("value", METACHARACTERS)
async def test_no_metacharacter_widens_a_search(there: Client, value: str) -> None:
    for name in SEARCHES:
        answer = await there.http.get("Patient", params={name: value})
        assert answer.status_code in (200, 400), (name, value)
        assert "set-cookie" not in answer.headers
        if answer.status_code == 400:
            _outcome(answer)
        else:
            # What looks like a pattern finds nothing; a prefix search for what folds to nothing would find all.
            found = [entry for entry in answer.json().get("entry", ()) if entry["search"]["mode"] == "match"]
            assert found == [] or name == "_elements", (name, value)
    assert (await there.get("Patient/p")).status_code == 200


@once_for_all
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("a" * 40_000, 400),
        ("&".join(["_id=p"] * 501), 400),
        ("&".join(["_id=p"] * 200), 413),
        ("name=" + ",".join(["x"] * 1000), 413),
        ("name=" + "x" * 30_000, 400),
        ("_count=" + "9" * 5000, 200),
        ("_count=1000000000", 200),
        ("_count=-1", 400),
        ("_sort=" + ",".join(["_id"] * 100), 413),
        ("&".join(["_include=*"] * 10), 200),
        ("_has:Observation:patient:_has:Observation:patient:code=x", 400),
        ("birthdate=" + "1" * 5000, 400),
        ("_lastUpdated=ge0001-01-01T00:00:00%2B14:00", 200),
        ("_lastUpdated=ap9999-12-31T23:59:59-14:00", 200),
        ("_page=" + "A" * 20_000, 404),
        ("%ff=%fe", 400),
        ("%", 200),
        ("name=%00", 400),
        ("name=%ed%a0%80", 400),
        ("=", 200),
        ("&&&&;;;;", 200),
    ],
)
async def test_odd_queries(there: Client, query: str, status: int) -> None:
    async with asyncio.timeout(5):
        answer = await there.get(f"Patient?{query}")
    assert answer.status_code == status
    if status != 200:
        _outcome(answer)


@once_for_all
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("Patient/p/_history?_since=0001-01-01T00:00:00%2B14:00", {}, 200),
        ("Patient/p/_history?_since=9999-12-31T23:59:59-14:00", {}, 200),
        ("Patient/p/_history?_since=2026-02-30T00:00:00Z", {}, 400),
        ("Patient/p/_history?_at=0001-01-01T00:00:00%2B14:00", {}, 200),
        ("Patient/p/_history/99999999999999999999", {}, 404),
        ("Patient/p/_history/%D9%A1", {}, 404),
        ("Patient/p/_history/-1", {}, 404),
        ("Patient/p/_history/01", {}, 200),
        ("Patient/p", {"if_modified_since": "Mon, 01 Jan 99999 00:00:00 GMT"}, 200),
        ("Patient/p", {"if_modified_since": "Mon, 31 Feb 2026 25:61:61 GMT"}, 200),
        ("Patient/p", {"if_modified_since": "Mon, 01 Jan 2026 00:00:00 +9999999999999"}, 200),
        ("Patient/p", {"if_modified_since": "Mon, 01 Jan 0001 00:00:00 +1400"}, 200),
        ("Patient/p", {"if_none_match": 'W/"' + "1" * 5000 + '"'}, 200),
        ("Patient/p", {"accept": ";q=,,;"}, 406),
        ("Patient/p", {"range": "bytes=0-,0-,0-"}, 200),
        ("Patient/p", {"x_http_method_override": "DELETE"}, 200),
        ("Patient/p;x=1", {}, 400),
        ("Patient//p", {}, 200),
        ("Patient/p/", {}, 200),
        ("Patient%2fp", {}, 200),
        ("Patient/p%00", {}, 400),
        ("Patient/%2e%2e%2f%2e%2e%2fetc%2fpasswd", {}, 404),
        ("Patient/" + "p" * 65, {}, 400),
        ("Patient/P", {}, 404),
        ("patient/p", {}, 404),
        ("%D0%A0atient/p", {}, 404),
        ("Patient/%EF%BD%90", {}, 400),
        ("Patient/%F0%9F%98%80", {}, 400),
        ("Patient/p%0d%0aSet-Cookie:x", {}, 400),
        ("Patient/p/$everything/../x", {}, 404),
        ("%24graphql", {}, 404),
    ],
)
async def test_odd_addresses_and_headers(there: Client, path: str, headers: dict[str, str], status: int) -> None:
    answer = await there.get(path, **headers)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    if status != 200:
        _outcome(answer)


# --- what is said back -------------------------------------------------------------------------------------------

LONG = "Qz9" * 300


@once_for_all
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{LONG}/1", None),
        ("GET", f"Patient/{LONG}", None),
        ("GET", f"Patient/p/_history/{LONG}", None),
        ("GET", f"Patient/p/_history?{LONG}=1", None),
        ("GET", f"AuditEvent?{LONG}=1", None),
        ("GET", f"AuditEvent?date={LONG}", None),
        ("GET", f"Patient?{LONG}=1", None),
        ("GET", f"Patient?birthdate={LONG}", None),
        ("GET", f"Patient?name:{LONG}=1", None),
        ("GET", f"Patient?_count={LONG}", None),
        ("GET", f"Patient?_summary={LONG}", None),
        ("GET", f"Patient/p?_format={LONG}", None),
        ("GET", f"Patient/p?_pretty={LONG}", None),
        ("GET", f"Patient/p?_summary={LONG}", None),
        ("GET", f"Patient?_page={LONG}", None),
        ("GET", f"Patient/${LONG}", None),
        (LONG, "Patient/p", None),
        ("PUT", "Patient/p", patient(LONG)),
        ("PUT", "Patient/p", patient("p", gender=LONG)),
        ("PUT", "Patient/p", patient("p", birthDate=LONG)),
        ("PUT", "Patient/p", patient("p", **{LONG: 1})),
        ("PUT", "Patient/p", patient("p", active=LONG)),
        ("PUT", "Patient/p", patient("p", extension=[{"url": LONG}])),
        ("PUT", "Patient/p", patient("p", text={"status": "generated", "div": f"<{LONG}/>"})),
        ("PUT", "Patient/p", {"resourceType": LONG, "id": "p"}),
        ("PUT", "Patient/p", {"resourceType": "Observation", "id": "p"}),
        ("POST", "Observation", observation(f"Patient/{LONG}")),
        ("POST", "Observation", observation(LONG)),
        ("POST", "", {"resourceType": "Bundle", "type": LONG}),
        ("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": LONG, "url": "x"}}]}),
        (
            "POST",
            "",
            {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": LONG}}]},
        ),
        ("PATCH", "Patient/p", [{"op": "test", "path": "/active", "value": LONG}]),
        ("PATCH", "Patient/p", [{"op": "remove", "path": f"/{LONG}"}]),
        ("PATCH", "Patient/p", [{"op": LONG, "path": "/x"}]),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_no_more_than_a_short_name_is_said_back(there: Client, method: str, path: str, body: Any) -> None:
    headers = {"PATCH": JSON_PATCH, "PUT": FHIR, "POST": FHIR}.get(method, {})
    answer = await there.send(method, path, b"" if body is None else encoded(body), **headers)
    assert answer.status_code >= 400 or method in ("GET", "POST")
    assert LONG[:240] not in answer.text
    for value in answer.headers.values():
        assert LONG[:100] not in value


@once_for_all
@pytest.mark.parametrize("script", ["<script>alert(1)</script>", "javascript:alert(1)", "\"'><img src=x onerror=x>"])
async def test_an_answer_is_never_a_page(there: Client, script: str) -> None:
    for answer in (
        await there.http.get(script),
        await there.http.get("Patient", params={script: "x", "birthdate": script}),
        await there.http.get("Patient", params={"_format": "html"}, headers={"accept": "text/html"}),
        await there.http.get("Patient", params={"_format": script}),
    ):
        assert answer.status_code in (400, 404, 406)
        _outcome(answer)


@pytest.mark.parametrize(
    ("kind", "sent_as"),
    [
        ("text/html", "text/html"),
        ("image/svg+xml", "image/svg+xml"),
        ("text/html;charset=utf-8", "text/html;charset=utf-8"),
        ("text/plain;\u00e9\u4e2d", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
    ],
)
async def test_content_that_a_browser_would_run_is_a_download(fhir: Client, kind: str, sent_as: str) -> None:
    script = base64.b64encode(b"<script>alert(1)</script>").decode()
    await fhir.put({"resourceType": "Binary", "id": "b", "contentType": kind, "data": script})
    answer = await fhir.get("Binary/b")
    assert answer.status_code == 200
    headers = answer.headers
    assert headers["content-type"] == sent_as
    assert headers["content-disposition"] == "attachment"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


# --- Bundles -----------------------------------------------------------------------------------------------------


def _entry(method: str, url: str, resource: Any = None, **more: Any) -> dict[str, Any]:
    request = {"method": method, "url": url}
    return {"request": request, **({} if resource is None else {"resource": resource}), **more}


MALFORMED: tuple[Any, ...] = (
    {"resourceType": "Patient", "identifier": "x"},
    {"resourceType": "Patient", "identifier": [5]},
    {
        "resourceType": "Patient",
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "1", "extension": 5}],
    },
    {"resourceType": "Patient", "meta": 5},
    {"resourceType": "Patient", "meta": {"security": 5, "tag": [5]}},
    {"resourceType": "Patient", "contained": [[[]]]},
    {"resourceType": "Patient", "text": {"div": 5}},
    {"resourceType": "Patient", "name": [{"extension": [{"url": {}, "valueReference": {"reference": 7}}]}]},
    {"resourceType": "Observation", "subject": "x"},
    {"resourceType": 5},
    {},
    5,
    [],
    "x",
)


@once_for_all
@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize("resource", MALFORMED, ids=lambda value: json.dumps(value)[:40])
async def test_a_malformed_resource_in_a_bundle(there: Client, kind: str, resource: Any) -> None:
    resource_type = resource.get("resourceType") if isinstance(resource, dict) else None
    url = resource_type if isinstance(resource_type, str) else "Patient"
    full_url = "urn:uuid:0d4c4a5e-6f0b-4c6f-8a4e-5a7a0c0a0001"
    body = {"resourceType": "Bundle", "type": kind, "entry": [_entry("POST", url, resource, fullUrl=full_url)]}
    answer = await there.post(body, "")
    if kind == "batch" and answer.status_code == 200:
        assert answer.json()["entry"][0]["response"]["status"] == "400"
    else:
        assert answer.status_code == 400
        _outcome(answer)
    assert (await there.get("_history?_count=1")).json()["total"] == 1


@once_for_all
@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/fhir/Patient/p",
        "//evil.example/Patient/p",
        "http://127.0.0.1:8080/fhirevil/Patient/p",
        "http://127.0.0.1:8080/other/Patient/p",
        "../Patient/p",
        "urn:uuid:0d4c4a5e-6f0b-4c6f-8a4e-5a7a0c0a0001",
        "Patient%2Fp",
        "Patient/p%00",
        "metadata/../Patient/p",
        "",
        "/",
        "Patient/p?" + "a" * 40_000,
    ],
)
async def test_an_entry_reaches_nothing_but_this_server(there: Client, url: str) -> None:
    answer = await there.post({"resourceType": "Bundle", "type": "batch", "entry": [_entry("GET", url)]}, "")
    assert "Ash" not in answer.text
    status = answer.status_code if answer.status_code != 200 else int(answer.json()["entry"][0]["response"]["status"])
    assert status in (400, 404)


@once_for_all
async def test_a_nested_bundle_is_not_carried_out(there: Client) -> None:
    inner = {"resourceType": "Bundle", "type": "batch", "entry": [_entry("PUT", "Patient/x", patient("x"))]}
    for url in ("/", "http://127.0.0.1:8080/fhir/"):
        for kind in ("batch", "transaction"):
            await there.post({"resourceType": "Bundle", "type": kind, "entry": [_entry("POST", url, inner)]}, "")
    assert (await there.get("_history?_count=1")).json()["total"] == 1
