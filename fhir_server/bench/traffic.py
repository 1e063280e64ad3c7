"""What a load generator is asked to send, and what it found: plain values that travel between processes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, cycle

COUNTER = b"@@COUNTER@"
"""In a request it is replaced by a number of the same width, another one each time: so every body is a new one."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Requests that are sent in turn over several connections, each of which waits for its answer.

    `expected` are the statuses that count as answered.
    """

    name: str
    connections: int
    requests: tuple[bytes, ...]
    expected: tuple[int, ...] = (200,)

    def sequence(self) -> Iterator[bytes]:
        """The requests without end, each with its number where it asks for one."""
        if not any(COUNTER in request for request in self.requests):
            return cycle(self.requests)
        numbers = count(1)
        return (request.replace(COUNTER, b"%010d" % next(numbers)) for request in cycle(self.requests))


@dataclass(frozen=True, slots=True)
class Plan:
    """What one generator does: its streams at the same time, for `warm_up` and then `seconds`, measuring the latter."""

    host: str
    port: int
    streams: tuple[Stream, ...]
    seconds: float
    warm_up: float


@dataclass(frozen=True, slots=True)
class Tally:
    """What one stream found. Times are seconds; `statuses` counts answers by status, wrong ones included; `broken`
    counts connections that ended without an answer."""

    name: str
    answered: int
    seconds: float
    median: float
    p99: float
    statuses: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    sample: str = ""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


def http_request(method: str, target: str, host: str, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of one HTTP/1.1 request on a connection that is kept. A header `if_match` is sent as `If-Match`."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/fhir+json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
