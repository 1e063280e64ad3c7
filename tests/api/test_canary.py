"""What the log holds: request ids, kinds of fault and places in the code; never a name, a number or a query.

Canaries stand in the data, in the requests and in the messages of faults. None may come up in a log or on stderr.
"""

import logging
from pathlib import Path
from typing import Any

import pytest

from fhir_server.outcome import FhirError, Unavailable
from tests.running import Client, encoded, observation, patient, running

CANARIES = ("Zanzibarova", "9990000018", "LS99", "0113-canary", "tokencanary")
FHIR = {"content_type": "application/fhir+json"}
NHS = "https://fhir.nhs.uk/Id/nhs-number"


def _resident() -> dict[str, Any]:
    return patient(
        "p",
        identifier=[{"system": NHS, "value": "9990000018"}],
        name=[{"family": "Zanzibarova"}],
        address=[{"postalCode": "LS99"}],
        telecom=[{"system": "phone", "value": "0113-canary"}],
    )


async def _use(fhir: Client) -> list[int]:
    """Requests of all kinds that carry canaries, good and bad; their statuses."""
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [
            {"request": {"method": "GET", "url": "Patient?name=Zanzibarova"}},
            {"request": {"method": "PUT", "url": "Patient/p"}, "resource": _resident()},
            {"request": {"method": "GET", "url": "Patient/Zanzibarova"}},
        ],
    }
    patch = [{"op": "test", "path": "/name/0/family", "value": "Zanzibarova"}]
    answers = [
        await fhir.put(_resident()),
        await fhir.get("Patient/p"),
        await fhir.get("Patient/p/_history"),
        await fhir.get(f"Patient?identifier={NHS}|9990000018&name=Zanzibarova"),
        await fhir.get("Patient?address-postalcode=LS99&_sort=birthdate"),
        await fhir.get("Patient?birthdate=Zanzibarova"),
        await fhir.get("Patient/Zanzibarova", authorization="Bearer tokencanary"),
        await fhir.get("Zanzibarova/9990000018"),
        await fhir.get("Patient?_page=tokencanary"),
        await fhir.post(_resident(), if_none_exist="identifier=9990000018"),
        await fhir.post(_resident(), if_none_exist="Zanzibarova=9990000018"),
        await fhir.put(_resident() | {"birthDate": "Zanzibarova"}),
        await fhir.put(_resident() | {"Zanzibarova": 1}),
        await fhir.post(observation("Patient/Zanzibarova")),
        await fhir.send("PATCH", "Patient/p", encoded(patch), content_type="application/json-patch+json"),
        await fhir.send("PUT", "Patient/p", b'{"Zanzibarova', **FHIR),
        await fhir.post(bundle, ""),
        await fhir.post(bundle | {"type": "transaction"}, ""),
        await fhir.send("DELETE", "Patient/p", if_match='W/"9990000018"'),
        await fhir.get("AuditEvent?patient=p"),
    ]
    return [answer.status_code for answer in answers]


def _assert_silent(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    formatter = logging.Formatter()
    # The client of the tests logs the addresses it asks for; it is no part of the server.
    lines = [formatter.format(record) for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    out, err = capfd.readouterr()
    for canary in CANARIES:
        assert [line for line in lines if canary in line] == []
        assert canary not in out
        assert canary not in err


async def test_ordinary_and_refused_requests_log_nothing_of_a_person(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running(tmp_path) as fhir:
        statuses = await _use(fhir)
    assert max(statuses) < 500
    assert min(statuses) == 200
    assert 400 in statuses
    _assert_silent(caplog, capfd)


class _Reading:
    """A fault that tells what it stumbled over, as those of a database or a parser do."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise self.error


PLACES = (
    "fhir_server.store.sqlite.session.read",
    "fhir_server.store.sqlite.session.search_for",
    "fhir_server.store.sqlite.session.History",
    "fhir_server.store.sqlite.session.prepare",
    "fhir_server.store.sqlite.session.search_audit",
    "fhir_server.store.sqlite.commits.transaction.decide",
    "fhir_server.store.sqlite.commits.transaction.Group.write",
    "fhir_server.store.sqlite.audit.worker.links.append",
    "fhir_server.interactions.incoming.resolve",
    "fhir_server.interactions.incoming.body_of",
    "fhir_server.interactions.search_type.parse",
    "fhir_server.api.endpoint.answer_format",
    "fhir_server.api.endpoint.read_body",
    "fhir_server.pipeline.AuditedSession",
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [ValueError, Unavailable], ids=lambda kind: kind.__name__)
async def test_a_fault_of_ours_logs_its_place_and_no_value(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    kind: type[Exception],
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running(tmp_path) as fhir:
        await fhir.put(_resident())
        message = "could not read 'Zanzibarova' (9990000018, LS99)"
        with monkeypatch.context() as broken:
            broken.setattr(place, _Reading(kind(message)))
            statuses = await _use(fhir)
    assert max(statuses) == (503 if issubclass(kind, FhirError) else 500)
    _assert_silent(caplog, capfd)
    if not issubclass(kind, FhirError):
        assert any("ValueError" in record.getMessage() for record in caplog.records)
