"""The load generator: one process, one thread, epoll, as little work per answer as Python allows.

Runs as `python -m fhir_server.bench.generator`, reads a `Plan` from standard input and writes the `Tally` of each
stream to standard output (MessagePack): neither the progress display nor the measured server shares its interpreter.
Linux only, like the figures.
"""

import gc
import select
import signal
import socket
import sys
from array import array
from collections import Counter
from collections.abc import Callable
from time import perf_counter

import msgspec

from fhir_server.bench.answers import MalformedAnswer, end_of, status_of
from fhir_server.bench.traffic import Plan, Stream, Tally

_READ = 262_144
_GRACE = 10.0
_SAMPLE = 600


class _Measured:
    """What one stream has found so far."""

    __slots__ = ("broken", "expected", "latencies", "next_request", "sample", "statuses", "stream")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.next_request: Callable[[], bytes] = stream.sequence().__next__
        self.expected = frozenset(stream.expected)
        self.latencies = array("d")
        self.statuses: Counter[int] = Counter()
        self.broken = 0
        self.sample = ""

    def tally(self, seconds: float) -> Tally:
        """The figures over the measured seconds; answers with an unexpected status are counted, never measured."""
        ordered = sorted(self.latencies)
        return Tally(
            name=self.stream.name,
            answered=len(ordered),
            seconds=seconds,
            median=ordered[len(ordered) // 2] if ordered else 0.0,
            p99=ordered[len(ordered) * 99 // 100] if ordered else 0.0,
            statuses=dict(self.statuses),
            broken=self.broken,
            sample=self.sample,
        )


class _Connection:
    """One connection: what of the present request is still to be sent, what of its answer has come."""

    __slots__ = ("answer", "measured", "sender", "started", "unsent")

    def __init__(self, measured: _Measured, address: tuple[str, int]) -> None:
        self.measured = measured
        self.sender = socket.create_connection(address, timeout=_GRACE)
        self.sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sender.setblocking(False)
        self.answer = b""
        self.unsent = b""
        self.started = 0.0

    def ask(self) -> bool:
        """Send the next request; True where all of it went out at once."""
        request = self.measured.next_request()
        self.started = perf_counter()
        self.unsent = request
        return self.push()

    def push(self) -> bool:
        """Send what is left; True where nothing is left after it."""
        try:
            sent = self.sender.send(self.unsent)
        except BlockingIOError:
            return False
        self.unsent = self.unsent[sent:] if sent < len(self.unsent) else b""
        return not self.unsent


class _Driver:
    """Keeps every connection of a plan busy until the time is over."""

    def __init__(self, plan: Plan) -> None:
        self.address = (plan.host, plan.port)
        self.measured = [_Measured(stream) for stream in plan.streams]
        self.poll = select.epoll()
        self.connections: dict[int, _Connection] = {}
        self.begin = perf_counter() + plan.warm_up
        self.end = self.begin + plan.seconds
        self.last = self.end + _GRACE

    def run(self) -> list[Tally]:
        """Drive until the end, wait for the last answers, and count."""
        for measured in self.measured:
            for _ in range(measured.stream.connections):
                self._open(measured)
        while self.connections and perf_counter() < self.last:
            for descriptor, event in self.poll.poll(0.1):
                self._serve(descriptor, event)
        for connection in self.connections.values():
            connection.sender.close()
            connection.measured.broken += 1
        return [measured.tally(self.end - self.begin) for measured in self.measured]

    def _open(self, measured: _Measured) -> None:
        connection = _Connection(measured, self.address)
        descriptor = connection.sender.fileno()
        self.connections[descriptor] = connection
        whole = connection.ask()
        self.poll.register(descriptor, select.EPOLLIN if whole else select.EPOLLIN | select.EPOLLOUT)

    def _serve(self, descriptor: int, event: int) -> None:
        connection = self.connections[descriptor]
        if event & select.EPOLLOUT and connection.push():
            self.poll.modify(descriptor, select.EPOLLIN)
        if event & ~select.EPOLLOUT:
            try:
                self._receive(descriptor, connection)
            except (OSError, MalformedAnswer) as fault:
                connection.measured.sample = connection.measured.sample or str(fault)
                self._replace(descriptor, connection)

    def _receive(self, descriptor: int, connection: _Connection) -> None:
        data = connection.sender.recv(_READ)
        if not data:
            self._replace(descriptor, connection)
            return
        answer = connection.answer + data if connection.answer else data
        size = end_of(answer)
        if size is None or len(answer) < size:
            connection.answer = answer
            return
        connection.answer = b""
        now = perf_counter()
        self._extend(now)
        if self.begin <= now <= self.end:
            self._count(connection, answer, now)
        if now >= self.end:
            self._close(descriptor, connection)
        elif not connection.ask():
            self.poll.modify(descriptor, select.EPOLLIN | select.EPOLLOUT)

    def _extend(self, now: float) -> None:
        """A window too short for a slow machine goes on until every stream had an answer: nothing is no figure."""
        if self.end < now < self.last and not all(measured.statuses for measured in self.measured):
            self.end = now

    @staticmethod
    def _count(connection: _Connection, answer: bytes, now: float) -> None:
        measured = connection.measured
        status = status_of(answer)
        measured.statuses[status] += 1
        if status in measured.expected:
            measured.latencies.append(now - connection.started)
        elif not measured.sample:
            measured.sample = answer[:_SAMPLE].decode("utf-8", "replace")

    def _close(self, descriptor: int, connection: _Connection) -> None:
        self.poll.unregister(descriptor)
        del self.connections[descriptor]
        connection.sender.close()

    def _replace(self, descriptor: int, connection: _Connection) -> None:
        """A connection that ended without an answer is counted and opened again."""
        self._close(descriptor, connection)
        connection.measured.broken += 1
        if perf_counter() < self.end:
            self._open(connection.measured)


def drive(plan: Plan) -> list[Tally]:
    """Carry out a plan in this process. Raises `OSError` where the server cannot be reached."""
    return _Driver(plan).run()


def main() -> None:
    """Read a plan, carry it out, write the tallies. Ctrl-C is left to the parent, which ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.stdout.buffer.write(msgspec.msgpack.encode(drive(plan)))


if __name__ == "__main__":
    main()
