"""Two worker processes behind one socket: rivals, page links, and a stop in the middle of the work."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from signal import SIGTERM
from typing import Any
from urllib.parse import urlsplit

import pytest

from fhir_server.bench.server import HOST, RunningServer
from tests.running import encoded, observation, patient
from tests.workers import Answer, Caller, asked, at_once, workers

PATIENCE = 60.0
JSON_PATCH = {"Content-Type": "application/json-patch+json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with two workers."""
    folder = tmp_path_factory.mktemp("two")
    with RunningServer(folder / "store.db", 2, folder / "log") as running:
        for name in ("p", "q"):
            assert asked(running, "PUT", f"/Patient/{name}", patient(name))[0] == 201
        yield running


def test_both_workers_answer(server: RunningServer) -> None:
    """Sooner or later: who takes a connection is whoever is awake, on a busy machine often the same."""
    latest = time.monotonic() + PATIENCE
    while len(workers(server)) < 2 and time.monotonic() < latest:
        assert {status for status, _, _ in at_once(server, 40, lambda call, _: call("GET", "/Patient/p"))} == {200}
    assert len(workers(server)) == 2


@pytest.mark.parametrize("way", ["create", "batch", "transaction"])
def test_sixty_four_conditional_creates_make_one(server: RunningServer, way: str) -> None:
    identifier = {"system": "urn:example", "value": way}
    resource = observation("Patient/p", identifier=[identifier])
    criterion = f"identifier=urn:example|{way}"
    request = {"method": "POST", "url": "Observation", "ifNoneExist": criterion}
    bundle = {"resourceType": "Bundle", "type": way, "entry": [{"resource": resource, "request": request}]}

    def ask(call: Caller, _: int) -> Answer:
        if way == "create":
            return call("POST", "/Observation", resource, If_None_Exist=criterion)
        return call("POST", "/", bundle)

    statuses = Counter(
        str(answer[0]) if way == "create" or answer[0] != 200 else answer[2]["entry"][0]["response"]["status"]
        for answer in at_once(server, 64, ask)
    )
    assert statuses == {"201": 1, "200": 63}
    assert asked(server, "GET", f"/Observation?{criterion}&_summary=count")[2]["total"] == 1


def test_of_a_hundred_updates_of_one_version_one_wins(server: RunningServer) -> None:
    asked(server, "PUT", "/Observation/o", observation("Patient/p", "o"))

    def ask(call: Caller, number: int) -> Answer:
        changed = observation("Patient/p", "o", note=[{"text": str(number)}])
        return call("PUT", "/Observation/o", changed, If_Match='W/"1"')

    answers = at_once(server, 100, ask)
    assert Counter(status for status, _, _ in answers) == {200: 1, 412: 99}
    (won,) = (body for status, _, body in answers if status == 200)
    history = asked(server, "GET", "/Observation/o/_history")[2]
    assert history["total"] == 2
    assert history["entry"][0]["resource"] == won
    assert asked(server, "GET", "/Observation/o")[2] == won


def test_no_patch_of_many_at_once_is_lost(server: RunningServer) -> None:
    asked(server, "PUT", "/Observation/n", observation("Patient/p", "n", note=[{"text": "first"}]))

    def ask(call: Caller, number: int) -> Answer:
        patch = [{"op": "add", "path": "/note/-", "value": {"text": str(number)}}]
        return call("PATCH", "/Observation/n", patch, **JSON_PATCH)

    answers = at_once(server, 40, ask)
    done = sorted(body["note"][-1]["text"] for status, _, body in answers if status == 200)
    assert {status for status, _, _ in answers} <= {200, 409}
    current = asked(server, "GET", "/Observation/n")[2]
    assert sorted(note["text"] for note in current["note"][1:]) == done
    assert len(done) > 20
    assert current["meta"]["versionId"] == str(len(done) + 1)


def test_a_page_link_works_at_every_worker_and_after_a_restart(server: RunningServer) -> None:
    for number in range(6):
        asked(server, "PUT", f"/Condition/c{number}", _condition(f"c{number}"))
    page = asked(server, "GET", "/Condition?_count=2&_sort=_id")[2]
    link = next(link["url"] for link in page["link"] if link["relation"] == "next")
    following = f"{urlsplit(link).path.removeprefix('/fhir')}?{urlsplit(link).query}"
    asked(server, "PUT", "/Condition/b0", _condition("b0"))
    asked(server, "DELETE", "/Condition/c5")
    pages = at_once(server, 20, lambda call, _: call("GET", following))
    shown = [[entry["resource"]["id"] for entry in body["entry"]] for _, _, body in pages]
    assert shown == [["c2", "c3"]] * 20
    assert len(workers(server)) == 2
    assert server.stop() == 0
    server.start()
    status, _, body = asked(server, "GET", following)
    assert (status, [entry["resource"]["id"] for entry in body["entry"]]) == (200, ["c2", "c3"])
    altered = following[:-2] + ("AA" if following[-2:] != "AA" else "BB")
    assert asked(server, "GET", altered)[0] == 404


def _condition(name: str) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": name, "subject": {"reference": "Patient/q"}}


# --- a stop in the middle ----------------------------------------------------------------------------------------


class Writing(threading.Thread):
    """Creates one resource after another until the server goes away; notes what was acknowledged."""

    def __init__(self, server: RunningServer, number: int) -> None:
        super().__init__()
        self.server = server
        self.number = number
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self.unanswered = 0
        self.last = 0.0

    def run(self) -> None:
        """Write."""
        made = 0
        try:
            with Caller(self.server) as call:
                while True:
                    made += 1
                    resource = observation("Patient/p", identifier=[{"value": f"{self.number}-{made}"}])
                    status, headers, _ = call("POST", "/Observation", resource)
                    if status != 201:
                        self.refused.append(status)
                        return
                    self.acknowledged.append(headers["location"])
                    self.last = time.monotonic()
        except (OSError, HTTPException):
            self.unanswered += 1


def _readiness(server: RunningServer) -> int:
    connection = HTTPConnection(HOST, server.port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_stop_in_the_middle_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    settings = (("FHIR_DRAIN_SECONDS", "3"),)
    with RunningServer(tmp_path / "store.db", 2, tmp_path / "log", settings=settings) as server:
        assert asked(server, "PUT", "/Patient/p", patient("p"))[0] == 201
        writers = [Writing(server, number) for number in range(6)]
        for writer in writers:
            writer.start()
        time.sleep(0.5)
        signalled = _stop_asked(server)
        # While it drains it says that it is not ready, and still takes requests.
        while _readiness(server) != 503:
            assert time.monotonic() < signalled + 3
        assert asked(server, "GET", "/Patient/p")[0] == 200
        stopped = _stopped(server)
        for writer in writers:
            writer.join()
        assert 3.0 <= stopped - signalled < 20
        assert min(writer.last for writer in writers) > signalled + 0.5
        server.start()
        acknowledged = [location for writer in writers for location in writer.acknowledged]
        history = _all_created(server)
        assert [location for location in acknowledged if location.split("/fhir/")[1] not in history] == []
        assert len(history) - len(acknowledged) <= sum(writer.unanswered for writer in writers)
        assert [status for writer in writers for status in writer.refused if status != 503] == []
        assert server.stop() == 0
        assert "Traceback" not in server.last_words()


def test_a_request_that_is_half_sent_at_the_stop_is_finished(tmp_path: Path) -> None:
    body = encoded(patient("late"))
    head = f"PUT /fhir/Patient/late HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/fhir+json\r\n"
    with RunningServer(tmp_path / "store.db", 2, tmp_path / "log") as server:
        with socket.create_connection((HOST, server.port), timeout=20) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
            time.sleep(0.2)
            _stop_asked(server)
            time.sleep(0.5)
            connection.sendall(body[10:])
            assert connection.recv(1000).startswith(b"HTTP/1.1 201 Created")
        _stopped(server)
        server.start()
        assert asked(server, "GET", "/Patient/late")[0] == 200


def _stop_asked(server: RunningServer) -> float:
    assert server.process is not None
    server.process.send_signal(SIGTERM)
    return time.monotonic()


def _stopped(server: RunningServer) -> float:
    assert server.process is not None
    assert server.process.wait(20) == 0
    return time.monotonic()


def _all_created(server: RunningServer) -> set[str]:
    path, found = "/Observation/_history?_count=1000", set[str]()
    while path:
        bundle = asked(server, "GET", path)[2]
        for entry in bundle.get("entry", ()):
            found.add(f"Observation/{entry['resource']['id']}/_history/{entry['resource']['meta']['versionId']}")
        link = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
        path = f"/Observation/_history?{urlsplit(link).query}" if link else ""
    return found
