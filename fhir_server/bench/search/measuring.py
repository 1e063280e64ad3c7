"""The figures of one server at one size: every query under load, pages far down, bytes on the disk."""

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from urllib.parse import urlsplit

from fhir_server.bench.measure import generate
from fhir_server.bench.row import Row, row_of
from fhir_server.bench.search.queries import QUERIES, Sample, SearchQuery
from fhir_server.bench.seed import Refused
from fhir_server.bench.traffic import Plan, Stream, http_request

CLIENTS = 8
DEEP = 100
_DEEP_PATH = "/Observation?_sort=-date&_count=50"
_WALKS = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A FHIR base, in parts: address (`http://host:port`) and path."""

    address: str
    path: str

    @staticmethod
    def of(base: str) -> "Place":
        """The parts of a base URL."""
        parts = urlsplit(base)
        return Place(f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"))

    @property
    def host(self) -> str:
        """The value of the Host header."""
        return urlsplit(self.address).netloc


def measured(
    base: str, sample: Sample, seconds: float, warm_up: float, announce: Callable[[str], None]
) -> Iterator[tuple[SearchQuery, Row]]:
    """Every query, from eight clients at once. Raises `LoadFailed`."""
    place = Place.of(base)
    name, _, port = place.host.rpartition(":")
    for query in QUERIES:
        announce(query.code)
        requests = tuple(http_request("GET", place.path + path, place.host) for path in query.paths(sample))
        plan = Plan(name, int(port), (Stream(query.title, CLIENTS, requests),), seconds, warm_up)
        (tally,) = generate(plan)
        yield query, row_of(tally, 0, 1)


@dataclass(frozen=True, slots=True)
class Deep:
    """Milliseconds of the first pages and of those around the hundredth of one search, by its own links."""

    first_ms: float
    last_ms: float
    pages: int


def deep_pages(base: str) -> Deep:
    """Follow `next` a hundred times, several times over. Raises `Refused`, `OSError`."""
    firsts: list[float] = []
    lasts: list[float] = []
    pages = 0
    for _ in range(_WALKS):
        times = list(_walk(base))
        pages = len(times)
        firsts += times[:3]
        lasts += times[-3:]
    return Deep(median(firsts), median(lasts), pages)


def _walk(base: str) -> Iterator[float]:
    place = Place.of(base)
    connection = http.client.HTTPConnection(place.host, timeout=60)
    path: str | None = place.path + _DEEP_PATH
    for _ in range(DEEP):
        if path is None:
            break
        began = perf_counter()
        connection.request("GET", path, headers={"Accept": "application/fhir+json"})
        answer = connection.getresponse()
        body = answer.read()
        yield (perf_counter() - began) * 1000
        if answer.status != 200:
            raise Refused(f"a page was answered with {answer.status}: {body[:300].decode('utf-8', 'replace')}")
        path = next_of(body, place.address)
    connection.close()


def next_of(bundle: bytes, address: str) -> str | None:
    """The path of a Bundle's `next` link on this server; None where it has none."""
    links = json.loads(bundle).get("link", ())
    found: str | None = next((link["url"] for link in links if link["relation"] == "next"), None)
    if found is None:
        return None
    parts = urlsplit(found)
    return parts.path + (f"?{parts.query}" if parts.query else "")
