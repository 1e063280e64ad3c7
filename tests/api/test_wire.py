"""Bytes on a real socket: what the HTTP server and the application make together of requests that are none."""

import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from fhir_server.bench.server import HOST, RunningServer
from tests.running import encoded, patient

JSON_BODY = b"Host: 127.0.0.1\r\nContent-Type: application/fhir+json\r\n"
OWN = b"Host: 127.0.0.1\r\n"
CLOSE = b"Connection: close\r\n\r\n"
TOO_LARGE = (413, 414, 431)
SECRET = b"GET /fhir/metadata HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with one worker."""
    folder = tmp_path_factory.mktemp("wire")
    with RunningServer(folder / "store.db", 1, folder / "log") as running:
        yield running


def _statuses(server: RunningServer, sent: bytes) -> list[int]:
    """The statuses of all answers on one connection, until the server closes it."""
    with socket.create_connection((HOST, server.port), timeout=5) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(sent)
        received = b""
        with suppress(ConnectionResetError):
            while chunk := connection.recv(65_536):
                received += chunk
    assert b"Traceback" not in received
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (b"GET /fhir/metadata HTTP/1.1\r\n" + OWN + CLOSE, [200]),
        (b"GET /fhir/metadata HTTP/1.1\r\n" + OWN + OWN + CLOSE, [403]),
        (b"GET /fhir/metadata HTTP/1.1\r\n" + OWN + b"Host: evil.example\r\n" + CLOSE, [403]),
        (b"GET /fhir/metadata HTTP/1.1\r\nHost: evil.example\r\n" + CLOSE, [403]),
        (b"GET http://evil.example/fhir/metadata HTTP/1.1\r\nHost: evil.example\r\n" + CLOSE, [403]),
        (b"GET /fhir/metadata\r\n\r\n", [400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", [400]),
        (b"GET /fhir/Patient/\xff HTTP/1.1\r\n" + OWN + CLOSE, [400]),
        (b"GET /fhir/Patient/%ff%fe HTTP/1.1\r\n" + OWN + CLOSE, [400]),
        (b"GET /fhir/Patient/%00 HTTP/1.1\r\n" + OWN + CLOSE, [400]),
        (b"GET /fhir/../health/ready HTTP/1.1\r\n" + OWN + CLOSE, [404]),
        (b"GET /fhir/Patient?name=" + b"a" * 60_000 + b" HTTP/1.1\r\n" + OWN + CLOSE, [400]),
        (b"GET /fhir/Patient?name=" + b"a" * 200_000 + b" HTTP/1.1\r\n" + OWN + CLOSE, [414]),
        (b"GET /fhir/metadata HTTP/1.1\r\n" + OWN + b"X: " + b"a" * 1_000_000 + b"\r\n" + CLOSE, [431]),
        (b"GET /fhir/metadata HTTP/1.1\r\n" + OWN + b"X: 1\r\n" * 1000 + CLOSE, [431]),
        (b"GET /fhir/metadata HTTP/1.1\r\n" + OWN + b"Accept: text/html\r\n ,application/json\r\n" + CLOSE, [400]),
        (b"GET /fhir/metadata HTTP/1.1\r\n" + OWN + b"Accept : application/json\r\n" + CLOSE, [400]),
        (b"GET /fhir/metadata HTTP/1.1\r\n" + OWN + b"X-Request-Id: a\x00b\r\n" + CLOSE, [400]),
        (b"GET /fhir/metadata HTTP/1.1\r\n" + OWN + b"If-None-Match: \xff\xfe\r\n" + CLOSE, [200]),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_requests_that_are_none(server: RunningServer, sent: bytes, statuses: list[int]) -> None:
    answered = _statuses(server, sent)
    # Who still sends when he is cut off may miss what is said to him.
    assert answered == statuses or (answered == [] and statuses[0] in TOO_LARGE)


def test_no_request_is_smuggled_in_a_body(server: RunningServer) -> None:
    post = b"POST /fhir/Patient HTTP/1.1\r\n" + JSON_BODY
    # The chunked body ends at once; what follows must not be answered as a request of its own.
    both = post + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(SECRET)) + SECRET
    assert _statuses(server, both) == [400]
    assert _statuses(server, post + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n12345" + SECRET) == [400]
    assert _statuses(server, post + b"Transfer-Encoding: xchunked\r\n\r\n" + SECRET) == [400]
    # A body that nobody reads is part of its own request all the same.
    unread = b"GET /fhir/Patient/x HTTP/1.1\r\n" + OWN + b"Content-Length: %d\r\n\r\n" % len(SECRET) + SECRET
    assert _statuses(server, unread + b"GET /fhir/Patient/x HTTP/1.1\r\n" + OWN + CLOSE) == [404, 404]
    refused = b"POST /fhir/Patient HTTP/1.1\r\n" + OWN + b"Content-Type: text/plain\r\n"
    refused += b"Content-Length: %d\r\n\r\n" % len(SECRET) + SECRET
    assert _statuses(server, refused + b"GET /fhir/Patient/x HTTP/1.1\r\n" + OWN + CLOSE) == [415, 404]


def test_a_broken_body_writes_nothing(server: RunningServer) -> None:
    body = encoded(patient("x"))
    put = b"PUT /fhir/Patient/x HTTP/1.1\r\n" + JSON_BODY
    chunked = put + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body)
    assert _statuses(server, chunked + b"ZZ\r\n") == [400]
    assert _statuses(server, put + b"Content-Length: 99999999999\r\n\r\n" + b" " * 100_000) in ([413], [])
    with socket.create_connection((HOST, server.port), timeout=5) as connection:
        connection.sendall(put + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body)
    assert _statuses(server, b"GET /fhir/Patient/x HTTP/1.1\r\n" + OWN + CLOSE) == [404]


def test_pipelined_requests_are_all_answered_in_order(server: RunningServer) -> None:
    one = b"GET /fhir/metadata HTTP/1.1\r\n" + OWN + b"\r\n"
    other = b"GET /fhir/Patient/none HTTP/1.1\r\n" + OWN + b"\r\n"
    assert _statuses(server, (one + other) * 50 + SECRET) == [200, 404] * 50 + [200]


def test_nothing_of_all_this_is_logged_as_a_fault(server: RunningServer) -> None:
    assert _statuses(server, SECRET) == [200]
    words = server.log.read_text()
    for part in ("Traceback", "ERROR", "Error", "evil", "failed"):
        assert part not in words
