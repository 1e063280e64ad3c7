"""The HTTP server around the application: granian, one process per worker.

granian cuts clients that trickle their headers; the application itself limits bodies. A stop first says `not ready`,
then takes no more requests, then lets those in flight finish.
"""

import asyncio
import gc
import mmap
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer
from granian.server.mp import WorkerProcess

from fhir_server.app import create_app
from fhir_server.settings import Settings
from fhir_server.web.commands import Command

_DRAINING, _STARTED = 0, 1
_COLLECT_AFTER = (10_000, 20, 20)
_STOPS = (signal.SIGINT, signal.SIGTERM)
_LOOK_SECONDS = 0.1
_HEED_SECONDS = (0.1, 1.0, 5.0)

LOGGING: dict[str, Any] = {
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s", "datefmt": "%Y-%m-%dT%H:%M:%S%z"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    "loggers": {
        name: {"handlers": ["console"], "level": "INFO", "propagate": False} for name in ("_granian", "fhir_server")
    },
}
"""Everything that is logged goes to stderr; stdout is for what a command says."""


class Shared:
    """A few bytes that the parent process and its workers share: is it draining, which workers have started."""

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, _STARTED + workers)
        self._workers = workers

    def drain(self) -> None:
        """From now on the workers are not ready."""
        self._memory[_DRAINING] = 1

    def draining(self) -> bool:
        """Whether the server is stopping."""
        return bool(self._memory[_DRAINING])

    def started(self, worker: int) -> bool:
        """Note that a worker (from 0) has started; whether it was the last of them, for the first time."""
        before = self._all_started()
        self._memory[_STARTED + worker] = 1
        return not before and self._all_started()

    def _all_started(self) -> bool:
        return all(self._memory[_STARTED + number] for number in range(self._workers))


class Interrupt:
    """Something has come up for the parent process: an event that a signal handler may set.

    `threading.Event` must not be set in one: its lock may be held by the very thread that the handler interrupts, and
    the parent would wait for itself.
    """

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """Something has come up."""
        self._is_set = True

    def clear(self) -> None:
        """It is dealt with."""
        self._is_set = False

    def wait(self) -> None:
        """Wait until something comes up, for less than `_LOOK_SECONDS` longer than needed."""
        while not self._is_set:
            time.sleep(_LOOK_SECONDS)


class DrainingServer(MPServer):
    """granian's server, which says `not ready` for a while before it stops, and stops workers that still start."""

    def __init__(self, shared: Shared, drain_seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self.main_loop_interrupt = Interrupt()  # type: ignore[assignment]
        self._shared = shared
        self._drain_seconds = drain_seconds

    def shutdown(self, exit_code: int = 0) -> None:
        """Drain, then stop the workers."""
        self._shared.drain()
        time.sleep(self._drain_seconds)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]

    def _spawn_worker(self, idx: int, **options: Any) -> WorkerProcess:  # type: ignore[override]
        """A worker that is born with its stops held back, until it can heed them (`heed_stops`): what it inherits would
        take them for stops of the parent, and forget them."""
        worker: WorkerProcess = super()._spawn_worker(idx=idx, **options)
        start = worker.inner.start

        def start_held_back() -> None:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
            try:
                start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)

        worker.inner.start = start_held_back
        return worker


class Loader:
    """Makes the application in a worker process; called by granian after the fork."""

    def __init__(
        self, settings: Settings, shared: Shared, *, demo: tuple[Command, ...] | None, announce: Callable[[], None]
    ) -> None:
        self.settings = settings
        self.shared = shared
        self.demo = demo
        self.announce = announce
        self._announcing: asyncio.Task[None] | None = None

    def __call__(self, *_: Any) -> Any:
        """The ASGI application of this worker."""
        worker = int(multiprocessing.current_process()._identity[0]) - 1

        def started() -> None:
            _settle()
            heed_stops(asyncio.get_running_loop())
            if self.shared.started(worker % self.settings.workers):
                self._announcing = asyncio.get_running_loop().create_task(self._announce())

        return create_app(self.settings, demo=self.demo, started=started, draining=self.shared.draining)

    async def _announce(self) -> None:
        """Announce as soon as a connection is taken: granian listens only after the application has started."""
        while True:
            try:
                _, writer = await asyncio.open_connection(self.settings.host, self.settings.port)
            except OSError:
                await asyncio.sleep(0.005)
            else:
                writer.close()
                self.announce()
                return


def _settle() -> None:
    """What the start has made, the definitions above all, stays as long as the process: the garbage collector need not
    look through it again and again. Documents come and go by the thousand, so it also looks less often for cycles. How
    much of a load's processor time that saves differs from run to run: up to a fifth, in some runs nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def heed_stops(loop: asyncio.AbstractEventLoop) -> None:
    """Let the stops be heeded that came while this worker started, and those that come before it serves.

    A SIGINT stays held back: a Ctrl-C reaches all processes of a terminal, but only the parent knows how to stop. It
    drains, and then sends each worker a SIGTERM.

    uvloop notes a signal that comes while it does not run, but looks at its notes only when the next one comes
    (`loop.pyx`, `_invoke_signals`): the worker would serve until it is killed. granian's loop pauses between the start
    of the application and the serving, so it soon gets another signal that nobody minds.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
    loop.add_signal_handler(signal.SIGURG, lambda: None)
    for seconds in _HEED_SECONDS:
        loop.call_later(seconds, signal.raise_signal, signal.SIGURG)


def free_port(host: str, port: int = 0) -> int:
    """This port of this host, or for 0 one that nobody listens on. Raises `ValueError` for one that is taken.

    granian shares a port with whoever is on it already; two servers with different records must never answer there.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            taken = f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port"
            raise ValueError(taken) from error
        return int(probe.getsockname()[1])


def run(settings: Settings, *, demo: tuple[Command, ...] | None, announce: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM. `announce` is called once, when every worker can answer.

    Returns at a clean stop; raises SystemExit where a worker could not start.
    """
    # The workers are forked: they share the modules that are loaded, and the bytes of `Shared`.
    multiprocessing.set_start_method("fork", force=True)
    shared = Shared(settings.workers)
    server = DrainingServer(
        shared,
        settings.drain_seconds,
        target="fhir_server.app:create_app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        # HTTP/1 alone: granian's time limit for headers is for that.
        http=HTTPModes.http1,
        workers=settings.workers,
        loop=Loops.uvloop,
        http1_settings=HTTP1Settings(header_read_timeout=settings.header_seconds * 1000),
        workers_kill_timeout=settings.stop_seconds,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        log_level=LogLevels(settings.log_level),
        log_dictconfig=LOGGING,
        log_access=False,
        websockets=False,
    )
    server.serve(target_loader=Loader(settings, shared, demo=demo, announce=announce), wrap_loader=False)
