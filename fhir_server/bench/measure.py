"""Running the load generator beside a server, and what came of it as rows."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from fhir_server.bench.row import Row, row_of
from fhir_server.bench.scenarios import SCENARIOS, Target
from fhir_server.bench.server import HOST
from fhir_server.bench.traffic import Plan, Stream, Tally, http_request

ANSWER_BYTES = 2000


class LoadFailed(Exception):
    """The load generator could not do its work; the text says why."""


def generate(plan: Plan) -> list[Tally]:
    """Carry out a plan in a process of its own. Raises `LoadFailed`; an interrupt ends that process too."""
    command = [sys.executable, "-m", "fhir_server.bench.generator"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            found, complaints = process.communicate(msgspec.msgpack.encode(plan))
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise LoadFailed(
            (complaints.decode("utf-8", "replace").strip().splitlines() or ["it ended without a word"])[-1]
        )
    return msgspec.msgpack.decode(found, type=list[Tally])


@contextmanager
def bare_responder() -> Iterator[int]:
    """A process that answers every request with the same 2 kB; its port."""
    command = [sys.executable, "-m", "fhir_server.bench.responder", str(ANSWER_BYTES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None:
                raise LoadFailed("the responder has no output")
            yield int(process.stdout.readline())
        finally:
            process.kill()


def ceiling(connections: int, seconds: float, warm_up: float) -> Row:
    """What the load generator itself can do, against something that does nothing."""
    with bare_responder() as port:
        request = http_request("GET", "/", f"{HOST}:{port}")
        stream = Stream("load generator's ceiling (bare responder)", connections, (request,))
        (tally,) = generate(Plan(HOST, port, (stream,), seconds, warm_up))
    return row_of(tally, workers=1, resources=1)


def measure(
    target: Target, workers: int, seconds: float, warm_up: float, announce: Callable[[str], None]
) -> Iterator[Row]:
    """Every scenario on this server, one after the other. Raises `LoadFailed`."""
    name, _, port = target.host.rpartition(":")
    for scenario in SCENARIOS:
        announce(scenario.code)
        plan = Plan(name, int(port), scenario.streams(target), seconds, warm_up)
        for tally in generate(plan):
            yield row_of(tally, workers, scenario.resources)
