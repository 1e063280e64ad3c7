"""What is measured, in its order. To add a measurement: a declared `Scenario`, and a line in `SCENARIOS`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from fhir_server.bench import records
from fhir_server.bench.seed import PER_TRANSACTION, Seeded
from fhir_server.bench.traffic import COUNTER, Stream, http_request

VARIETY = 400
"""How many different requests a scenario sends in turn."""
BUNDLES = 20


@dataclass(frozen=True, slots=True)
class Target:
    """The server under measurement: its address, the path of its FHIR base, and what was seeded."""

    address: str
    path: str
    seeded: Seeded
    connections: int

    @property
    def host(self) -> str:
        """The value of the Host header."""
        return urlsplit(self.address).netloc

    def get(self, path: str) -> bytes:
        """The bytes of a GET below the FHIR base."""
        return http_request("GET", f"{self.path}{path}", self.host)

    def send(self, method: str, path: str, resource: records.Resource) -> bytes:
        """The bytes of a request with a resource below the FHIR base."""
        return http_request(method, f"{self.path}{path}", self.host, records.as_bytes(resource))

    def stream(self, name: str, requests: Sequence[bytes], expected: int = 200, connections: int = 0) -> Stream:
        """A stream over all connections, or over so many."""
        return Stream(name, connections or self.connections, tuple(requests), (expected,))


@dataclass(frozen=True, slots=True)
class Scenario:
    """One measurement. Its streams run at the same time; each becomes a row of the table, named by the stream.

    `resources` is how many resources one answer of it stands for.
    """

    code: str
    streams: Callable[[Target], tuple[Stream, ...]]
    resources: int = 1


def _static(target: Target) -> tuple[Stream, ...]:
    return (target.stream("static route of the same server", [http_request("GET", "/health/live", target.host)]),)


def _reads(target: Target) -> list[bytes]:
    return [target.get(f"/{observation}") for observation in target.seeded.observations[:VARIETY]]


def _read(target: Target) -> tuple[Stream, ...]:
    return (target.stream("read", _reads(target)),)


def _search(target: Target) -> tuple[Stream, ...]:
    query = f"code={quote(records.CODE, safe='')}&_sort=-date&_count=10"
    requests = [
        target.get(f"/Observation?patient={patient.split('/')[1]}&{query}") for patient in target.seeded.patients
    ]
    return (target.stream("search, patient and code, newest 10", requests),)


def _history(target: Target) -> tuple[Stream, ...]:
    requests = [target.get(f"/{observation}/_history") for observation in target.seeded.versioned]
    return (target.stream("history of one Observation, 5 versions", requests),)


def _creates(target: Target) -> list[bytes]:
    patients = target.seeded.patients
    made = [
        records.blood_pressure(number, patients[number % len(patients)], f"Measurement {COUNTER.decode()}.")
        for number in range(VARIETY)
    ]
    return [target.send("POST", "/Observation", observation) for observation in made]


def _create(target: Target) -> tuple[Stream, ...]:
    return (target.stream("create Observation", _creates(target), 201),)


def _update(target: Target) -> tuple[Stream, ...]:
    requests = []
    patients, later = target.seeded.patients, target.seeded.observations[len(target.seeded.versioned) :]
    for number, observation in enumerate(later[:VARIETY], len(target.seeded.versioned)):
        changed = records.blood_pressure(number, patients[number % len(patients)], f"Corrected {COUNTER.decode()}.")
        changed["id"] = observation.split("/")[1]
        requests.append(target.send("PUT", f"/{observation}", changed))
    return (target.stream("update Observation", requests),)


def _transaction(target: Target) -> tuple[Stream, ...]:
    patients = target.seeded.patients
    requests = []
    for bundle in range(BUNDLES):
        numbers = range(bundle * PER_TRANSACTION, (bundle + 1) * PER_TRANSACTION)
        made = [records.blood_pressure(number, patients[number % len(patients)]) for number in numbers]
        requests.append(target.send("POST", "", records.transaction(made)))
    return (target.stream("transaction of 50 Observations", requests, connections=8),)


def _read_while_writing(target: Target) -> tuple[Stream, ...]:
    half = max(1, target.connections // 2)
    return (
        target.stream("read while others create", _reads(target), connections=half),
        target.stream("create while others read", _creates(target), 201, connections=half),
    )


SCENARIOS = (
    Scenario("static", _static),
    Scenario("read", _read),
    Scenario("search", _search),
    Scenario("history", _history),
    Scenario("create", _create),
    Scenario("update", _update),
    Scenario("mixed", _read_while_writing),
    Scenario("transaction", _transaction, resources=PER_TRANSACTION),
)
