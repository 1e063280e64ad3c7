"""Sending the population to a server, several transactions at a time; a load that was stopped goes on where it was.

A part is noted as loaded when every one of its Bundles was acknowledged. What was sent of the next one is sent again,
and changes nothing: its entries are PUTs of what is there.
"""

import http.client
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from urllib.parse import urlsplit

from fhir_server.bench.search.population import bundles_of, part_file
from fhir_server.bench.seed import Refused

CLIENTS = 6
WRITERS = 2
TIMEOUT = 300.0
_HEADERS = {"Content-Type": "application/fhir+json", "Prefer": "return=minimal"}

Progress = Callable[[str, int, int], None]
"""What is done, how many resources of it, of how many"""


@dataclass(frozen=True, slots=True)
class Slice:
    """A piece of the load: from how many resources to how many, and the seconds that it took."""

    first: int
    last: int
    seconds: float

    @property
    def rate(self) -> float:
        """Resources a second."""
        return (self.last - self.first) / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class Loaded:
    """How far a server has been loaded: whole parts, and the resources in them."""

    parts: int = 0
    resources: int = 0

    @staticmethod
    def of(file: Path) -> "Loaded":
        """As a file says; nothing where there is none."""
        return Loaded(**json.loads(file.read_text(encoding="ascii"))) if file.exists() else Loaded()

    def note(self, file: Path) -> None:
        """Write it down."""
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({"parts": self.parts, "resources": self.resources}), encoding="ascii")
        unfinished.rename(file)


def write_parts(folder: Path, resources: int, progress: Progress) -> int:
    """Write the files of as many parts as hold so many resources, in several processes; how many parts that are."""
    counts: dict[int, int] = {}
    with ProcessPoolExecutor(WRITERS) as pool:
        number = 0
        while sum(counts.values()) < resources:
            wanted = range(number, number + 4 * WRITERS)
            for made, count in pool.map(_written, [folder] * len(wanted), wanted):
                counts[made] = count
            number = wanted.stop
            progress("writing the population", min(sum(counts.values()), resources), resources)
    total = parts = 0
    while total < resources:
        total += counts[parts]
        parts += 1
    return parts


def _written(folder: Path, number: int) -> tuple[int, int]:
    file = part_file(folder, number)
    note = file.with_suffix(".count")
    if not note.exists():
        note.write_text(str(sum(count for _, count in bundles_of(file))), encoding="ascii")
    return number, int(note.read_text(encoding="ascii"))


def load(base: str, folder: Path, state: Path, resources: int, progress: Progress) -> list[Slice]:
    """Load parts into the server at `base` until it holds at least so many resources; the slices of this call.

    Raises `Refused` where a transaction is not done, `OSError`.
    """
    loaded = Loaded.of(state)
    if loaded.resources >= resources:
        return []
    parts = write_parts(folder, resources, progress)
    slices = []
    began = perf_counter()
    with closing(_Lanes(base)) as lanes:
        for number, count in _sent(lanes, folder, range(loaded.parts, parts)):
            before, now = loaded.resources, perf_counter()
            loaded.resources += count
            loaded.parts = number + 1
            slices.append(Slice(before, loaded.resources, now - began))
            began = now
            loaded.note(state)
            progress("loading", min(loaded.resources, resources), resources)
    return slices


def _sent(lanes: "_Lanes", folder: Path, numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Send these parts: each with its resources when it was acknowledged whole. The next one is on its way by then, so
    that no lane waits for the last Bundle of another."""
    under_way: deque[tuple[int, int, list[Future[None]]]] = deque()
    for number in numbers:
        bundles = bundles_of(part_file(folder, number))
        # The first part is what the others refer to. Else pairs stay in order: a home's record, the GP's of the person.
        step = len(bundles) if number == 0 else 2
        pairs = [bundles[place : place + step] for place in range(0, len(bundles), step)]
        under_way.append((number, sum(count for _, count in bundles), [lanes.submit(pair) for pair in pairs]))
        if number == 0 or len(under_way) > 1:
            yield _acknowledged(*under_way.popleft())
    while under_way:
        yield _acknowledged(*under_way.popleft())


def _acknowledged(number: int, count: int, sending: Sequence[Future[None]]) -> tuple[int, int]:
    for each in sending:
        each.result()
    return number, count


class _Lanes:
    """Connections that send at a time."""

    def __init__(self, base: str) -> None:
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._free: SimpleQueue[_Lane] = SimpleQueue()
        for _ in range(CLIENTS):
            self._free.put(_Lane(base))

    def submit(self, bundles: Sequence[tuple[bytes, int]]) -> Future[None]:
        """Send these Bundles one after the other, as soon as a lane is free."""
        return self._pool.submit(self._send, bundles)

    def _send(self, bundles: Sequence[tuple[bytes, int]]) -> None:
        lane = self._free.get()
        try:
            for bundle, _ in bundles:
                lane.send(bundle)
        finally:
            self._free.put(lane)

    def close(self) -> None:
        """What is under way is waited for; the rest is not sent."""
        self._pool.shutdown(cancel_futures=True)
        for _ in range(CLIENTS):
            self._free.get().close()


class _Lane:
    """One connection, one transaction at a time."""

    def __init__(self, base: str) -> None:
        address = urlsplit(base)
        self._path = address.path.rstrip("/") or "/"
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=TIMEOUT)

    def send(self, bundle: bytes) -> None:
        """Once more where the server has closed the connection while it was not used: a Bundle makes nothing twice."""
        try:
            self._send(bundle)
        except ConnectionError:
            self._connection.close()
            self._send(bundle)

    def _send(self, bundle: bytes) -> None:
        self._connection.request("POST", self._path, body=bundle, headers=_HEADERS)
        with closing(self._connection.getresponse()) as answer:
            text = answer.read()
            if answer.status != 200:
                raise Refused(
                    f"a transaction was answered with {answer.status}: {text[:600].decode('utf-8', 'replace')}"
                )

    def close(self) -> None:
        self._connection.close()


def rates(slices: Sequence[Slice], every: int) -> list[tuple[int, float]]:
    """Resources a second in each stretch of so many resources: (where the stretch ends, the rate)."""
    found: list[tuple[int, float]] = []
    stretch: list[Slice] = []
    for piece in slices:
        stretch.append(piece)
        if piece.last // every > stretch[0].first // every or piece is slices[-1]:
            seconds = sum(each.seconds for each in stretch)
            found.append((piece.last, (piece.last - stretch[0].first) / seconds))
            stretch = []
    return found
