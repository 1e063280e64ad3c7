"""Clients that trickle their headers or bodies are cut, and the honest are served meanwhile."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from fhir_server.bench.server import HOST, RunningServer

pytestmark = pytest.mark.xdist_group("slow-clients")

HEADER_SECONDS, BODY_SECONDS = 2, 2
LATEST = 6.0
"""Seconds after which a trickling client must have been cut: the limit, and what a busy machine adds."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("slow")
    settings = (("FHIR_HEADER_SECONDS", str(HEADER_SECONDS)), ("FHIR_BODY_SECONDS", str(BODY_SECONDS)))
    with RunningServer(folder / "record.sqlite", 1, folder / "server.log", settings=settings) as running:
        yield running


def _head(server: RunningServer, line: str, *headers: str) -> bytes:
    """The beginning of a request, up to where its next header would stand."""
    lines = [f"{line} HTTP/1.1", f"Host: {HOST}:{server.port}", "Content-Type: application/fhir+json", *headers, ""]
    return "\r\n".join(lines).encode()


def _trickle(connection: socket.socket, begin: bytes, drop: bytes) -> tuple[float, bytes]:
    """Send the beginning, then a drop five times a second until the server answers or cuts; when, and what it said."""
    connection.sendall(begin)
    connection.settimeout(0.2)
    started = time.monotonic()
    said = b""
    while time.monotonic() - started < 30:
        try:
            connection.sendall(drop)
            received = connection.recv(65_536)
        except TimeoutError:
            continue
        except OSError:
            break
        if not received:
            break
        said += received
        if b"\r\n\r\n" in said:
            break
    return time.monotonic() - started, said


def test_trickled_headers_are_cut(server: RunningServer) -> None:
    with socket.create_connection((HOST, server.port)) as connection:
        seconds, said = _trickle(connection, _head(server, "GET /fhir/metadata") + b"X-Slow: ", b"x")
    assert HEADER_SECONDS - 0.5 <= seconds <= LATEST
    assert said == b"" or said.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400"))


def test_a_trickled_body_is_answered_with_408_and_cut(server: RunningServer) -> None:
    begin = _head(server, "POST /fhir/Patient", "Content-Length: 1000") + b'\r\n{"resourceType":"Patient"'
    count = f"{server.address}/fhir/Patient?_summary=count"
    before = httpx.get(count).json()["total"]
    with socket.create_connection((HOST, server.port)) as connection:
        seconds, said = _trickle(connection, begin, b" ")
    assert BODY_SECONDS - 0.5 <= seconds <= LATEST
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert json.loads(body) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "timeout",
                "diagnostics": f"The body did not arrive within {BODY_SECONDS} seconds.",
            }
        ],
    }
    assert httpx.get(count).json()["total"] == before


def test_a_body_that_is_declared_too_large_is_refused_before_it_comes(server: RunningServer) -> None:
    begin = _head(server, "POST /fhir/Patient", "Content-Length: 300000000") + b"\r\n{"
    with socket.create_connection((HOST, server.port)) as connection:
        connection.settimeout(10)
        connection.sendall(begin)
        said = connection.recv(65_536)
    assert said.startswith(b"HTTP/1.1 413")  # and not 408, which is what waiting for it would have come to


def test_huge_headers_are_refused(server: RunningServer) -> None:
    with socket.create_connection((HOST, server.port)) as connection:
        connection.settimeout(10)
        try:
            connection.sendall(_head(server, "GET /fhir/metadata") + b"X-Huge: " + b"x" * 2_000_000 + b"\r\n\r\n")
            said = connection.recv(65_536)
        except ConnectionError:
            said = b""
    assert said == b"" or said.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


def test_the_honest_are_served_while_two_hundred_trickle(server: RunningServer) -> None:
    patient = {"resourceType": "Patient", "id": "honest", "gender": "female"}
    with httpx.Client(base_url=f"{server.address}/fhir", timeout=10) as honest:
        assert honest.put("/Patient/honest", json=patient).status_code in (200, 201)
        slow = [socket.create_connection((HOST, server.port)) for _ in range(200)]
        stop = threading.Event()
        trickling = threading.Thread(target=_trickle_all, args=(server, slow, stop))
        trickling.start()
        times = []
        try:
            for _ in range(300):
                began = time.perf_counter()
                answer = honest.get("/Patient/honest")
                times.append(time.perf_counter() - began)
                assert (answer.status_code, answer.json()["gender"]) == (200, "female")
        finally:
            stop.set()
            trickling.join()
            for connection in slow:
                connection.close()
    assert sorted(times)[285] < 0.5


def _trickle_all(server: RunningServer, connections: list[socket.socket], stop: threading.Event) -> None:
    body = _head(server, "POST /fhir/Patient", "Content-Length: 9999") + b"\r\n{"
    head = _head(server, "GET /fhir/metadata") + b"X-Slow: "
    for number, connection in enumerate(connections):
        connection.sendall(head if number % 2 else body)
    while not stop.wait(0.1):
        for connection in connections:
            with suppress(OSError):
                connection.sendall(b" ")


def test_a_stop_is_clean_while_clients_trickle_or_say_nothing(tmp_path: Path) -> None:
    settings = (("FHIR_HEADER_SECONDS", str(HEADER_SECONDS)),)
    running = RunningServer(tmp_path / "record.sqlite", 1, tmp_path / "server.log", settings=settings)
    running.start()
    silent = [socket.create_connection((HOST, running.port)) for _ in range(200)]
    with socket.create_connection((HOST, running.port)) as slow:
        slow.sendall(_head(running, "GET /fhir/metadata") + b"X-Slow: ")
        assert httpx.get(f"{running.address}/health/ready").status_code == 200
        started = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - started < LATEST
    for connection in silent:
        connection.close()
