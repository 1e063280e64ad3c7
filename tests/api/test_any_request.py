"""Any method, path, query, headers and body: never a fault of ours, and every refusal is an OperationOutcome."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.running import BASE, Client, observation, patient, running

FULL_URL = "urn:uuid:0d4c4a5e-6f0b-4c6f-8a4e-5a7a0c0a0001"


class Runner:
    """The application on an event loop of its own, so that hypothesis can ask it from ordinary functions."""

    def __init__(self, client: Client, loop: asyncio.Runner) -> None:
        self._client = client
        self._loop = loop

    def ask(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request, within five seconds."""
        return self._loop.run(self._ask(request))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        async with asyncio.timeout(5):
            return await self._client.http.send(request)

    def restore(self) -> None:
        """Bring back what a request may have deleted."""
        for resource in (patient("p", name=[{"family": "Ash"}]), observation("Patient/p", "o")):
            self._loop.run(self._client.put(resource))


@contextmanager
def _started(folder: Path) -> Iterator[Runner]:
    with asyncio.Runner() as loop:
        application = running(folder)
        client = loop.run(application.__aenter__())
        try:
            yield Runner(client, loop)
        finally:
            loop.run(application.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """One application for all examples."""
    with _started(tmp_path_factory.mktemp("any")) as made:
        yield made


# --- requests ----------------------------------------------------------------------------------------------------

WORDS = """
Patient Observation AuditEvent Binary Bundle Parameters p o _history 1 2 _search metadata $everything * w0-1 store-1 -1
%00 %ff %2F . Nonsense
"""
NAMES = """
_id name name:exact name:contains family identifier birthdate gender gender:not active:missing _lastUpdated _sort _count
_total _summary _elements _page _since _at _format _pretty subject patient code value-quantity date status
code-value-quantity component-value-quantity _has:Observation:patient:code _include _filter _text _list _type
subject:Patient.name organization link:identifier _profile _tag _security address phone:not
"""
VALUES = r"""
p Patient/p ge2026 2026-01-01 ap2026-01-01T00:00:00+14:00 gt1 lt5||kg 1e400 true count name -birthdate,_id a|b | \ \, $
a$b % _ * xml html 0 -1 99999999999999999999 5e-324
"""
ELEMENTS = """
resourceType id meta security tag system code text div status identifier value extension url contained subject reference
name family given active birthDate _birthDate valueQuantity type display coding valueString link
"""

word = st.sampled_from(WORDS.split())
segment = word | word | st.text(max_size=8).map(lambda text: quote(text, safe=""))
path = st.lists(segment, max_size=5).map("/".join) | st.sampled_from(
    ["Patient", "Observation", "Patient/p", "Observation/o", "Patient/p/Observation", "Patient/p/_history", "_history"]
    + ["Patient/_search", "AuditEvent", "Binary", "Patient/p/_history/1", ""]
)
names = st.sampled_from(NAMES.split()) | st.text(max_size=12)
values = (
    st.sampled_from(VALUES.split())
    | st.text(max_size=30)
    | st.lists(st.text(max_size=3), max_size=30).map(",".join)
    | st.datetimes().map(lambda moment: moment.isoformat() + "Z")
    | st.floats().map(str)
    | st.integers().map(str)
)
query = st.lists(st.tuples(names, values), max_size=4).map(
    lambda pairs: "&".join(f"{quote(name, safe=':')}={quote(value, safe='')}" for name, value in pairs)
)
HEADERS = {
    "accept": ["*/*", "application/fhir+json", "text/html", ";;", ""],
    "if-match": ['W/"1"', 'W/"9"', "*", '"', 'W/"-1"'],
    "if-none-match": ["*", 'W/"1"', "x"],
    "if-modified-since": ["Mon, 01 Jan 2035 00:00:00 GMT", "Mon, 01 Jan 99999 00:00:00 GMT", "x"],
    "if-none-exist": ["identifier=x", "", "name=%ff", "_count=1", "nonsense=1", "birthdate=x"],
    "prefer": ["return=minimal", "return=OperationOutcome", "handling=strict", ";="],
    "x-security-context": ["Patient/p", "\xe9"],
    "content-encoding": ["identity", "gzip"],
}
header = st.sampled_from(sorted(HEADERS)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(HEADERS[name]) | st.text(st.characters(max_codepoint=255)))
)

scalar = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["Patient", "Patient/p", FULL_URL, "2026-01-01", "final", "#x", "http://x", "generated"])
)
tree = st.recursive(
    scalar,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(ELEMENTS.split()) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=12,
)
resource = st.tuples(
    st.sampled_from(["Patient", "Observation", "Binary", "Bundle", "AuditEvent", "Parameters", "Nonsense"]),
    st.sampled_from(["p", "o", "x", "..", "\x01", None]),
    st.dictionaries(st.sampled_from(ELEMENTS.split()), tree, max_size=5),
).map(lambda parts: {"resourceType": parts[0], "id": parts[1], **parts[2]} | ({} if parts[1] else {"id": "x"}))
good = st.sampled_from([patient("p", active=True), patient("new"), observation("Patient/p", "o", note=[{"text": "x"}])])
operation = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"])},
    optional={
        "path": st.sampled_from(["", "/", "/name/0", "/name/-", "/id", "/meta/security", "/~2", "/name/1e5", "/a"])
        | tree,
        "from": st.sampled_from(["", "/name", "/id"]) | tree,
        "value": tree,
    },
)
request = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
        "url": st.sampled_from(
            ["Patient", "Patient/p", "Observation/o", "Patient/new", "Observation?date=x", "/", "http://x/Patient/p"]
            + [BASE + "/Patient/p", "Binary", "AuditEvent", "Patient/%00", "Patient/p/_history", "metadata", FULL_URL]
        ),
    },
    optional={
        "ifNoneExist": st.sampled_from(["identifier=x", "", "name=a&b", "birthdate=x"]),
        "ifMatch": st.sampled_from(['W/"1"', "x", 'W/"\u0661"']),
        "ifModifiedSince": st.sampled_from(["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]),
        "ifNoneMatch": st.sampled_from(["*", 'W/"1"']),
    },
)
entry = st.fixed_dictionaries(
    {"request": request},
    optional={"resource": good | resource | tree, "fullUrl": st.sampled_from([FULL_URL, "http://x/Patient/p", "x"])},
)
bundle = st.fixed_dictionaries(
    {
        "resourceType": st.just("Bundle"),
        "type": st.sampled_from(["batch", "transaction", "transaction", "collection"]),
        "entry": st.lists(entry, min_size=1, max_size=4),
    }
)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _send(runner: Runner, method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes) -> None:
    fields = [(b"host", b"127.0.0.1"), *((name.encode(), value.encode("latin-1")) for name, value in headers)]
    url = httpx.URL(f"{BASE}/").copy_with(raw_path=f"/fhir/{path}{'?' if query else ''}{query}".encode())
    answer = runner.ask(httpx.Request(method, url, headers=fields, content=body))
    assert answer.status_code < 500, answer.text
    assert "x-request-id" in answer.headers
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert answer.json()["issue"]
    if path == "" and method == "POST" and answer.status_code == 200:
        statuses = [entry["response"]["status"] for entry in answer.json().get("entry", ())]
        assert all(int(status) < 500 for status in statuses), answer.text


LIMITS = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@LIMITS
@given(
    st.sampled_from(["GET", "GET", "GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "FOO"]),
    path,
    query,
    st.lists(header, max_size=2),
)
def test_any_request_without_a_body(
    runner: Runner, method: str, path: str, query: str, headers: list[tuple[str, str]]
) -> None:
    runner.restore()
    _send(runner, method, path, query, headers, b"")


@LIMITS
@given(st.sampled_from(["Patient", "Observation", "AuditEvent", "Encounter"]), query)
def test_any_search(runner: Runner, resource_type: str, query: str) -> None:
    _send(runner, "GET", resource_type, query, [], b"")
    form = [("content-type", "application/x-www-form-urlencoded")]
    _send(runner, "POST", f"{resource_type}/_search", "", form, query.encode())


@LIMITS
@given(
    st.sampled_from(["POST", "PUT", "PATCH"]),
    path,
    st.lists(header, max_size=2),
    st.binary(max_size=60) | (tree | resource | good | st.lists(operation, max_size=3)).map(_dumped),
    st.sampled_from(["application/fhir+json", "application/json-patch+json", "text/plain", "a/b; charset=x"]),
)
def test_any_body(
    runner: Runner, method: str, path: str, headers: list[tuple[str, str]], body: bytes, kind: str
) -> None:
    _send(runner, method, path, "", [*headers, ("content-type", kind)], body)


@LIMITS
@given(st.sampled_from(["Patient/p", "Observation/o", "Patient/none"]), st.lists(operation, max_size=4))
def test_any_patch(runner: Runner, path: str, operations: list[Any]) -> None:
    runner.restore()
    _send(runner, "PATCH", path, "", [("content-type", "application/json-patch+json")], _dumped(operations))


@LIMITS
@given(st.sampled_from(["Patient", "Observation"]), resource)
def test_any_resource(runner: Runner, resource_type: str, made: dict[str, Any]) -> None:
    place = f"{resource_type}/x"
    body = _dumped({**made, "resourceType": resource_type, "id": "x"})
    _send(runner, "PUT", place, "", [("content-type", "application/fhir+json")], body)


@LIMITS
@given(bundle, st.lists(header, max_size=1))
def test_any_bundle(runner: Runner, made: dict[str, Any], headers: list[tuple[str, str]]) -> None:
    runner.restore()
    _send(runner, "POST", "", "", [*headers, ("content-type", "application/fhir+json")], _dumped(made))
