import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fhir_server.bench.generator import drive
from fhir_server.bench.measure import ceiling, generate
from fhir_server.bench.responder import answer, respond
from fhir_server.bench.traffic import Plan, Stream, http_request

LARGE = 700_000
GET = http_request("GET", "/", "127.0.0.1")


@contextmanager
def _server(*answers: bytes, close_after: int = 0) -> Iterator[int]:
    """Answers on each connection in turn; ends a connection after so many."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            for number in range(close_after or 1_000_000):
                if not connection.recv(65_536):
                    return
                connection.sendall(answers[number % len(answers)])

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_quietly, args=(serve, connection), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def _quietly(serve: object, connection: socket.socket) -> None:
    try:
        serve(connection)  # type: ignore[operator]
    except OSError:  # the generator has left
        return


def test_answers_are_counted_and_timed() -> None:
    with _server(answer(2000)) as port:
        (tally,) = drive(Plan("127.0.0.1", port, (Stream("read", 4, (GET,)),), seconds=0.3, warm_up=0.1))
    assert tally.statuses == {200: tally.answered}
    assert tally.answered > 50
    assert 0 < tally.median <= tally.p99
    assert (tally.name, tally.broken, tally.seconds, tally.sample) == ("read", 0, tally.seconds, "")
    assert abs(tally.seconds - 0.3) < 1e-6


def test_a_wrong_status_is_counted_but_not_measured() -> None:
    refusal = b"HTTP/1.1 422 Unprocessable\r\nContent-Length: 6\r\n\r\nreason"
    with _server(answer(10), refusal) as port:
        (tally,) = drive(Plan("127.0.0.1", port, (Stream("create", 1, (GET,)),), seconds=0.2, warm_up=0.0))
    assert set(tally.statuses) == {200, 422}
    assert tally.answered == tally.statuses[200]
    assert tally.sample == refusal.decode()


def test_a_connection_that_ends_is_counted_and_opened_again() -> None:
    with _server(answer(10), close_after=5) as port:
        (tally,) = drive(Plan("127.0.0.1", port, (Stream("read", 1, (GET,)),), seconds=1.0, warm_up=0.0))
    assert tally.broken > 1
    assert tally.answered > 5 * (tally.broken - 2)


def test_large_answers_and_large_requests_are_whole() -> None:
    body = b"x" * LARGE
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while True:
                left = len(http_request("POST", "/", "a", body))
                while left:
                    received = connection.recv(min(left, 65_536))
                    if not received:
                        return
                    left -= len(received)
                connection.sendall(answer(LARGE))

    serving = threading.Thread(target=serve)
    serving.start()
    stream = Stream("transaction", 1, (http_request("POST", "/", "a", body),))
    (tally,) = drive(Plan("127.0.0.1", listener.getsockname()[1], (stream,), seconds=0.3, warm_up=0.0))
    serving.join()
    listener.close()
    assert tally.answered > 3
    assert tally.statuses == {200: tally.answered}


def test_streams_run_side_by_side() -> None:
    with _server(answer(10)) as port:
        streams = (Stream("read", 2, (GET,)), Stream("create", 2, (GET,), expected=(201,)))
        read, create = drive(Plan("127.0.0.1", port, streams, seconds=0.2, warm_up=0.0))
    assert (read.name, create.name) == ("read", "create")
    assert read.answered > 0
    assert create.answered == 0
    assert create.statuses[200] > 0


def test_the_generator_runs_in_a_process_of_its_own() -> None:
    with _server(answer(10)) as port:
        (tally,) = generate(Plan("127.0.0.1", port, (Stream("read", 2, (GET,)),), seconds=0.2, warm_up=0.0))
    assert tally.answered > 0


def test_the_ceiling_is_taken_against_the_bare_responder() -> None:
    row = ceiling(connections=8, seconds=0.3, warm_up=0.1)
    assert row.fault is None
    assert row.rate > 1000


def test_the_responder_answers_every_request_on_a_connection() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=respond, args=(listener, answer(3)), daemon=True).start()
    with socket.create_connection(listener.getsockname()) as connection:
        for _ in range(3):
            connection.sendall(GET)
            assert connection.recv(1000) == answer(3)
