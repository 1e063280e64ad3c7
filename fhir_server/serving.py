"""The HTTP server around the application: granian, one process per worker.

granian cuts clients that trickle their headers; the application itself limits bodies. A stop first says `not ready`,
then takes no more requests, then lets those in flight finish.
"""

import asyncio
import gc
import mmap
import multiprocessing
import socket
import time
from collections.abc import Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

from fhir_server.app import create_app
from fhir_server.settings import Settings
from fhir_server.web.commands import Command

_DRAINING, _STARTED = 0, 1
_COLLECT_AFTER = (10_000, 20, 20)

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


class DrainingServer(MPServer):
    """granian's server, which says `not ready` for a while before it stops."""

    def __init__(self, shared: Shared, drain_seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self._shared = shared
        self._drain_seconds = drain_seconds

    def shutdown(self, exit_code: int = 0) -> None:
        """Drain, then stop the workers."""
        self._shared.drain()
        time.sleep(self._drain_seconds)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]


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
    look through it again and again. Documents come and go by the thousand, so it also looks less often for cycles: it
    took a fifth of a load's processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


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
