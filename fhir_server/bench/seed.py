"""Filling a server over HTTP before it is measured: 200 residents, 5,000 blood pressures in transactions of 50.

The same load as the peers in docs/performance.md had: four clients, one transaction at a time each.
"""

import http.client
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlsplit

from fhir_server.bench import records
from fhir_server.bench.row import Row

CLIENTS = 4
PER_TRANSACTION = 50
VERSIONED = 20
VERSIONS = 5
TIMEOUT = 60.0


class Refused(Exception):
    """The server answered a request of the benchmark otherwise than expected; the text holds the answer."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a server holds for the benchmark: references (`Patient/...`), and how fast it took them (resources/s).

    `versioned` are Observations that have several versions.
    """

    patients: tuple[str, ...]
    observations: tuple[str, ...]
    versioned: tuple[str, ...]
    load_rate: float


class Client:
    """One connection to the FHIR base, one request at a time."""

    def __init__(self, base: str) -> None:
        address = urlsplit(base)
        self._path = address.path.rstrip("/")
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=TIMEOUT)

    def send(self, method: str, path: str, resource: records.Resource, expected: Sequence[int]) -> records.Resource:
        """Send a resource and give the one that comes back. Raises `Refused`, `OSError`."""
        headers = {"Content-Type": "application/fhir+json", "Prefer": "return=representation"}
        self._connection.request(method, f"{self._path}{path}", body=records.as_bytes(resource), headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status not in expected:
            text = body[:600].decode("utf-8", "replace")
            raise Refused(f"{method} {self._path}{path} was answered with {answer.status}: {text}")
        parsed: records.Resource = json.loads(body)
        return parsed

    def create_all(self, resources: Sequence[records.Resource]) -> list[str]:
        """Create these in one transaction; their references."""
        bundle = self.send("POST", "", records.transaction(list(resources)), (200,))
        locations = [entry["response"]["location"] for entry in bundle["entry"]]
        return [reference(location) for location in locations]

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def reference(location: str) -> str:
    """`Type/id` of a Location, which may be absolute and name a version."""
    parts = location.split("/_history/")[0].rstrip("/").split("/")
    return "/".join(parts[-2:])


Group = Sequence[records.Resource]


def groups_of(resources: Sequence[records.Resource]) -> list[Group]:
    """The resources in groups of one transaction each."""
    return [resources[place : place + PER_TRANSACTION] for place in range(0, len(resources), PER_TRANSACTION)]


def _spread(base: str, groups: Sequence[Group]) -> list[str]:
    """Send the groups over several clients at once; all references, in the order of the groups."""

    def send(share: Sequence[Group]) -> list[list[str]]:
        with closing(Client(base)) as client:
            return [client.create_all(group) for group in share]

    with ThreadPoolExecutor(CLIENTS) as pool:
        shares = list(pool.map(send, [groups[client::CLIENTS] for client in range(CLIENTS)]))
    by_group = [shares[place % CLIENTS][place // CLIENTS] for place in range(len(groups))]
    return [made for group in by_group for made in group]


def seed(base: str, patients: int, observations: int) -> Seeded:
    """Load the record into the server at `base`. Raises `Refused`, `OSError`."""
    people = [records.patient(number) for number in range(patients)]
    subjects = _spread(base, groups_of(people))
    taken = [records.blood_pressure(number, subjects[number % patients]) for number in range(observations)]
    began = perf_counter()
    made = _spread(base, groups_of(taken))
    rate = observations / (perf_counter() - began)
    versioned = made[:VERSIONED]
    _give_versions(base, versioned, subjects)
    return Seeded(tuple(subjects), tuple(made), tuple(versioned), rate)


def load_row(seeded: Seeded, observations: int, workers: int) -> Row:
    """The row of the table for this load."""
    return Row(
        title=f"load of {observations:,} Observations, transactions of {PER_TRANSACTION}, {CLIENTS} clients",
        workers=workers,
        rate=seeded.load_rate / PER_TRANSACTION,
        resources=seeded.load_rate,
    )


def _give_versions(base: str, observations: Sequence[str], subjects: Sequence[str]) -> None:
    with closing(Client(base)) as client:
        for number, observation in enumerate(observations):
            subject = subjects[number % len(subjects)]
            for version in range(2, VERSIONS + 1):
                changed = records.blood_pressure(number, subject, f"Corrected, version {version}.")
                changed["id"] = observation.split("/")[1]
                client.send("PUT", f"/{observation}", changed, (200,))
