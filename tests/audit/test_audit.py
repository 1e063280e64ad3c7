"""Every request leaves exactly one audit entry, shown as an AuditEvent."""

import base64
from typing import Any

from tests.running import BASE, Client, encoded, observation, patient
from tests.stores import session_class


async def _events(fhir: Client, query: str = "_count=500") -> list[dict[str, Any]]:
    found = (await fhir.get(f"AuditEvent?{query}")).json()
    return [entry["resource"] for entry in found.get("entry", ())]


def _request(event: dict[str, Any]) -> str:
    return base64.b64decode(next(e["query"] for e in event["entity"] if "query" in e)).decode()


async def test_an_event_says_who_what_when_and_how_it_ended(fhir: Client) -> None:
    await fhir.put(patient("p"))
    await fhir.post(observation("Patient/p", "o"), x_request_id="req-1")
    event = (await _events(fhir, "_count=1"))[0]
    written = next(e["what"]["reference"] for e in event["entity"] if e.get("role", {}).get("code") == "4")
    assert event == {
        "resourceType": "AuditEvent",
        "id": event["id"],
        "meta": {"versionId": "1", "lastUpdated": event["recorded"]},
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "code": "rest",
            "display": "RESTful Operation",
        },
        "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": "create"}],
        "action": "C",
        "recorded": event["recorded"],
        "outcome": "0",
        "outcomeDesc": "HTTP 201",
        "purposeOfEvent": event["purposeOfEvent"],
        "agent": event["agent"],
        "source": event["source"],
        "entity": event["entity"],
    }
    assert written.startswith("Observation/")
    assert written.endswith("/_history/1")
    assert [e["what"]["reference"] for e in event["entity"] if e.get("role", {}).get("code") == "1"] == ["Patient/p"]
    assert _request(event) == "POST Observation"
    assert (await fhir.get(f"AuditEvent/{event['id']}")).json() == event


async def test_the_server_accepts_its_own_audit_events(fhir: Client) -> None:
    from fhir_server.definitions.definitions import r4
    from fhir_server.validation import Validator

    await fhir.put(patient("p"))
    await fhir.get("Patient/none")
    await fhir.get("Patient?name=x", x_correlation_id="c")
    for event in await _events(fhir):
        assert Validator(r4()).validate(event) == []


async def test_one_entry_for_every_request_refused_or_not(fhir: Client) -> None:
    requests: list[tuple[str, str, bytes, int, str]] = [
        ("PUT", "Patient/p", encoded(patient("p")), 201, "update"),
        ("PUT", "Patient/p", encoded(patient("p")), 200, "update"),
        ("GET", "Patient/p", b"", 200, "read"),
        ("HEAD", "Patient/p", b"", 200, "read"),
        ("GET", "Patient/none", b"", 404, "read"),
        ("GET", "Patient/p/_history/1", b"", 200, "vread"),
        ("GET", "Patient/p/_history", b"", 200, "history-instance"),
        ("GET", "Patient?_id=p", b"", 200, "search-type"),
        ("GET", "Patient/p/Observation", b"", 200, "search-compartment"),
        ("GET", "metadata", b"", 200, "capabilities"),
        ("PUT", "Patient/p", b"{", 400, "update"),
        ("POST", "Observation", encoded(observation("Patient/none")), 422, "create"),
        ("DELETE", "Patient/p", b"", 204, "delete"),
        ("GET", "Nonsense", b"", 404, "unknown"),
        ("PUT", "Patient/p", b"x" * 13_000_000, 413, "unknown"),
    ]
    for method, path, body, status, _ in requests:
        answer = await fhir.send(method, path, body, content_type="application/fhir+json")
        assert answer.status_code == status, (method, path)
    events = await _events(fhir)
    shown = [(e["subtype"][0]["code"], int(e["outcomeDesc"].removeprefix("HTTP "))) for e in reversed(events)]
    assert shown == [(code, status) for _, _, _, status, code in requests]


async def test_patients_disclosed_are_named(fhir: Client) -> None:
    for name in ("a", "b", "c"):
        await fhir.put(patient(name))
        await fhir.put(observation(f"Patient/{name}", f"o-{name}"))
    await fhir.get("Observation?_id=o-a,o-b", x_request_id="looked")
    about = [event for event in await _events(fhir, "patient=a") if _request(event).startswith("GET Observation")]
    assert len(about) == 1
    named = {e["what"]["reference"] for e in about[0]["entity"] if e.get("role", {}).get("code") == "1"}
    assert named == {"Patient/a", "Patient/b"}
    assert [e for e in await _events(fhir, "patient=Patient/c") if _request(e).startswith("GET Observation")] == []


async def test_audit_events_are_paged_and_searched_by_date(fhir: Client) -> None:
    for number in range(7):
        await fhir.get(f"Patient/none{number}")
    page = (await fhir.get("AuditEvent?_count=3")).json()
    seen = [entry["resource"]["id"] for entry in page["entry"]]
    while any(link["relation"] == "next" for link in page["link"]):
        following = next(link["url"] for link in page["link"] if link["relation"] == "next")
        page = (await fhir.get(following)).json()
        seen += [entry["resource"]["id"] for entry in page["entry"]]
    assert len(seen) == len(set(seen)) == 7
    assert (await _events(fhir, "date=lt2001-01-01")) == []
    assert len(await _events(fhir, "date=ge2001-01-01")) >= 7
    assert (await fhir.get("AuditEvent?agent=x")).status_code == 400


async def test_nothing_secret_or_unexpected_in_an_answer_to_a_fault(fhir: Client, monkeypatch: Any) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("Mrs Secret, 999 000 0018")

    monkeypatch.setattr(session_class(), "read", broken)
    answer = await fhir.get("Patient/p", x_request_id="fault-1")
    assert answer.status_code == 500
    assert answer.json()["issue"] == [
        {
            "severity": "fatal",
            "code": "exception",
            "diagnostics": "The server failed on this request; it is logged under fault-1.",
        }
    ]
    assert BASE not in answer.text
