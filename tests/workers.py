"""A real server with several worker processes, asked by many connections at once."""

import json
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

from fhir_server.bench.server import HOST, RunningServer
from tests.running import encoded

FHIR = {"Content-Type": "application/fhir+json"}
Answer = tuple[int, dict[str, str], Any]


class Caller:
    """One connection to a server."""

    def __init__(self, server: RunningServer) -> None:
        self._connection = HTTPConnection(HOST, server.port, timeout=60)
        self._connection.connect()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Status, headers (lower case) and JSON of an answer. Raises OSError where the server has gone."""
        fields = ({} if body is None else FHIR) | {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if body is None else encoded(body)
        self._connection.request(method, f"/fhir{path}", content, fields)
        answer = self._connection.getresponse()
        text = answer.read()
        parsed = json.loads(text) if text else None
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, parsed

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def asked(server: RunningServer, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """The answer to one request on a connection of its own."""
    with Caller(server) as call:
        return call(method, path, body, **headers)


def at_once(server: RunningServer, count: int, ask: Callable[[Caller, int], Answer]) -> list[Answer]:
    """The answers to requests that go off together, each on a connection of its own, by number."""
    gate = threading.Barrier(count)
    answers: dict[int, Answer] = {}

    def run(number: int) -> None:
        with Caller(server) as call:
            gate.wait()
            answers[number] = ask(call, number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == count
    return [answers[number] for number in range(count)]


def workers(server: RunningServer) -> set[str]:
    """The workers that have answered: each writes an audit chain of reads of its own."""
    entries = asked(server, "GET", "/AuditEvent?_count=1000")[2]["entry"]
    chains = {entry["resource"]["id"].partition("-")[0] for entry in entries}
    return {chain for chain in chains if chain[0] in "rw"}
