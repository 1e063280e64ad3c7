"""Rivals by the same criteria, sixty-four at once, on three worker processes: one resource, however each of them asks.

Nobody is sent away to try again: a rival looks again at most once for each other one that got ahead.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from fhir_server.bench.server import RunningServer
from tests import stores
from tests.running import observation, patient
from tests.workers import Answer, Caller, asked, at_once, workers

RIVALS = 64
LOINC = "http://loinc.org"
Resource = dict[str, Any]


@pytest.fixture(autouse=True)
def _stores() -> None:
    """The server is on one kind of store after the other."""


@pytest.fixture(scope="module")
def server(module_on_both_stores: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with three workers and a patient."""
    with stores.server_on(tmp_path_factory.mktemp("three"), 3) as running:
        assert asked(running, "PUT", "/Patient/p", patient("p"))[0] == 201
        yield running


def bundle(kind: str, *entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(method: str, url: str, resource: Resource, **request: str) -> Resource:
    return {"resource": resource, "request": {"method": method, "url": url, **request}}


Outcome = tuple[int, str]
"""The status of what a rival asked for, and the id of the resource that it was told of"""


def by_create(call: Caller, resource: Resource, criteria: str) -> Outcome:
    status, headers, body = call("POST", f"/{resource['resourceType']}", resource, If_None_Exist=criteria)
    return _told(status, headers.get("location"), body)


def by_update(call: Caller, resource: Resource, criteria: str) -> Outcome:
    status, headers, body = call("PUT", f"/{resource['resourceType']}?{_sendable(criteria)}", resource)
    return _told(status, headers.get("location"), body)


def by_transaction(call: Caller, resource: Resource, criteria: str) -> Outcome:
    created = entry("POST", resource["resourceType"], resource, ifNoneExist=criteria)
    return _of_entry(call("POST", "/", bundle("transaction", created)))


def by_batch(call: Caller, resource: Resource, criteria: str) -> Outcome:
    created = entry("POST", resource["resourceType"], resource, ifNoneExist=criteria)
    return _of_entry(call("POST", "/", bundle("batch", created)))


def by_update_in_transaction(call: Caller, resource: Resource, criteria: str) -> Outcome:
    url = f"{resource['resourceType']}?{_sendable(criteria)}"
    return _of_entry(call("POST", "/", bundle("transaction", entry("PUT", url, resource))))


def _told(status: int, location: str | None, body: Any) -> Outcome:
    assert status in (200, 201), body
    assert location is None or location.split("/")[-4:] == [body["resourceType"], body["id"], "_history", "1"]
    return status, body["id"]


def _of_entry(answer: Answer) -> Outcome:
    status, _, body = answer
    assert status == 200, body
    response = body["entry"][0]["response"]
    return int(response["status"]), response["location"].split("/")[-3]


def _sendable(criteria: str) -> str:
    """In a URL as it goes over the wire, what is encoded already left as it is."""
    return quote(criteria, safe="%=&:/|,$+")


WAYS = (by_create, by_update, by_transaction, by_batch, by_update_in_transaction)
SPELLINGS = {
    "identifier": (
        patient("", identifier=[{"system": "urn:rival", "value": "WAY"}], active=True),
        ("identifier=urn:rival|WAY", "identifier=urn%3Arival%7CWAY", "identifier=WAY", "identifier=urn:rival%7c%57AY")
        + ("active=true&identifier=urn:rival|WAY", "identifier=urn:rival|WAY&active=true"),
    ),
    "token-reference-date": (
        observation("Patient/p", effectiveDateTime="2026-03-01T10:00:00Z", method={"coding": [{"code": "WAY"}]}),
        (f"code={LOINC}|8867-4&subject=Patient/p&date=2026-03-01&method=WAY",)
        + (f"date=2026-03-01&method=WAY&subject=Patient/p&code={LOINC}|8867-4",)
        + (f"subject=Patient%2Fp&date=eq2026-03-01&code={quote(LOINC, safe='')}%7C8867-4&method=%57AY",)
        + (f"method=WAY&code={LOINC}|8867-4&%64ate=2026-03-01&subject=Patient/p&method=WAY",),
    ),
    "string": (
        patient("", name=[{"family": "Rival WAY", "given": ["Ann", "Bea"]}], birthDate="1941-07-05"),
        ("family=rival WAY&given=Ann,Zoe&birthdate=1941-07-05", "given=Zoe,ann&birthdate=1941-07-05&family=RIVAL+WAY")
        + ("birthdate=1941-07-05&given=Ann%2CZoe&family=RIVAL%20WAY",),
    ),
    "chain": (
        observation("Patient/p", method={"coding": [{"code": "WAY"}]}, status="final"),
        ("subject:Patient._id=p&method=WAY", "method=WAY&subject:Patient._id=p", "method=WAY&subject%3APatient._id=p"),
    ),
    "filter": (
        observation("Patient/p", method={"coding": [{"code": "WAY"}]}, status="final"),
        ("_filter=method eq WAY and status eq final", "_filter=status+eq+final+and+method+eq+WAY")
        + ("status=final&method=WAY",),
    ),
}


def _of(value: Any, word: str) -> Any:
    """The same with this word where WAY stands, and without an empty id."""
    if isinstance(value, dict):
        return {name: _of(item, word) for name, item in value.items() if (name, item) != ("id", "")}
    if isinstance(value, list):
        return [_of(item, word) for item in value]
    return value.replace("%57AY", word).replace("WAY", word) if isinstance(value, str) else value


def _found(server: RunningServer, resource: Resource, criteria: str) -> list[str]:
    status, _, body = asked(server, "GET", f"/{resource['resourceType']}?{_sendable(criteria)}")
    assert status == 200, body
    return [entry["resource"]["id"] for entry in body.get("entry", ())]


def _one_of_all(server: RunningServer, word: str, kind: str, ways: tuple[Any, ...]) -> None:
    resource, spellings = _of(SPELLINGS[kind][0], word), [_of(each, word) for each in SPELLINGS[kind][1]]
    told: dict[int, Outcome] = {}

    def ask(call: Caller, number: int) -> Answer:
        way, criteria = ways[number % len(ways)], spellings[number // len(ways) % len(spellings)]
        told[number] = way(call, resource, criteria)
        return told[number][0], {}, None

    answers = at_once(server, RIVALS, ask)
    assert Counter(status for status, _, _ in answers) == {201: 1, 200: RIVALS - 1}
    (made,) = {name for _, name in told.values()}
    for criteria in spellings:
        assert _found(server, resource, criteria) == [made]
    history = asked(server, "GET", f"/{resource['resourceType']}/{made}/_history")[2]
    assert history["total"] == 1


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_one_way(server: RunningServer, way: Any) -> None:
    _one_of_all(server, way.__name__.replace("_", ""), "identifier", (way,))


@pytest.mark.parametrize("kind", SPELLINGS)
def test_all_ways_at_once_by_criteria_in_every_spelling(server: RunningServer, kind: str) -> None:
    _one_of_all(server, kind.replace("-", ""), kind, WAYS)


def test_a_conditional_reference_means_what_the_same_transactions_make(server: RunningServer) -> None:
    known = {"system": "urn:rival", "value": "referred"}
    criteria = "identifier=urn:rival|referred"
    about = observation(f"Patient?{criteria}", method={"coding": [{"code": "referred"}]})
    sent = bundle(
        "transaction",
        entry("POST", "Observation", about),
        entry("POST", "Patient", _of(patient("", identifier=[known]), ""), ifNoneExist=criteria),
    )
    answers = at_once(server, RIVALS, lambda call, _: call("POST", "/", sent))
    assert Counter(status for status, _, _ in answers) == {200: RIVALS}
    told = [[each["response"] for each in body["entry"]] for _, _, body in answers]
    assert Counter(owner["status"] for _, owner in told) == {"201": 1, "200": RIVALS - 1}
    (made,) = {owner["location"].split("/")[-3] for _, owner in told}
    assert _found(server, patient(made), criteria) == [made]
    found = asked(server, "GET", "/Observation?method=referred&_count=1000")[2]["entry"]
    assert {each["resource"]["subject"]["reference"] for each in found} == {f"Patient/{made}"}
    assert {each["resource"]["id"] for each in found} == {own["location"].split("/")[-3] for own, _ in told}
    assert len(found) == RIVALS


def test_a_conditional_reference_is_of_a_time_when_there_was_one(server: RunningServer) -> None:
    """A second one comes and goes meanwhile: the history tells how many there were when each reference was written."""
    known = {"identifier": [{"system": "urn:rival", "value": "twin"}]}
    asked(server, "PUT", "/Patient/twin-0", patient("twin-0", **known))
    about = observation("Patient?identifier=urn:rival|twin", method={"coding": [{"code": "twin"}]})
    sent = bundle("transaction", entry("POST", "Observation", about))
    statuses: Counter[int] = Counter()

    def ask(call: Caller, number: int) -> Answer:
        for _ in range(6):
            if number:
                statuses[call("POST", "/", sent)[0]] += 1
            else:
                call("PUT", "/Patient/twin-1", patient("twin-1", **known))
                call("DELETE", "/Patient/twin-1")
        return 0, {}, None

    at_once(server, 16, ask)
    assert set(statuses) <= {200, 412}
    history = asked(server, "GET", "/_history?_count=1000")[2]["entry"]
    there: set[str] = set()
    written = 0
    for each in reversed(history):
        resource, request = each.get("resource", {}), each["request"]
        if resource.get("identifier") == known["identifier"]:
            there.add(f"Patient/{resource['id']}")
        elif request["method"] == "DELETE":
            there.discard(request["url"])
        elif resource.get("method") == about["method"]:
            written += 1
            assert there == {resource["subject"]["reference"]} == {"Patient/twin-0"}
    assert written == statuses[200]


def test_updates_by_the_same_criteria_are_versions_of_one(server: RunningServer) -> None:
    def ask(call: Caller, number: int) -> Answer:
        known = {"system": "urn:rival", "value": "versions"}
        sent = patient("", identifier=[known], name=[{"text": str(number)}])
        return call("PUT", "/Patient?identifier=urn:rival|versions", _of(sent, ""))

    answers = at_once(server, RIVALS, ask)
    assert Counter(status for status, _, _ in answers) == {201: 1, 200: RIVALS - 1}
    (made,) = {body["id"] for _, _, body in answers}
    history = asked(server, "GET", f"/Patient/{made}/_history?_count=1000")[2]
    assert [each["resource"]["meta"]["versionId"] for each in history["entry"]] == [
        str(number) for number in range(RIVALS, 0, -1)
    ]
    by_version = {each["resource"]["meta"]["versionId"]: each["resource"] for each in history["entry"]}
    for number, (_, _, body) in enumerate(answers):
        assert body["name"] == [{"text": str(number)}]
        assert by_version[body["meta"]["versionId"]] == body


def test_deletes_by_the_same_criteria_delete_once(server: RunningServer) -> None:
    known = {"system": "urn:rival", "value": "deleted"}
    made = asked(server, "POST", "/Patient", _of(patient("", identifier=[known]), ""))[2]["id"]
    answers = at_once(server, RIVALS, lambda call, _: call("DELETE", "/Patient?identifier=urn:rival|deleted"))
    assert Counter(status for status, _, _ in answers) == {204: RIVALS}
    assert asked(server, "GET", f"/Patient/{made}/_history")[2]["total"] == 2


def test_every_worker_took_part(server: RunningServer) -> None:
    at_once(server, RIVALS, lambda call, _: call("GET", "/Patient/p"))
    assert len(workers(server)) == 3
