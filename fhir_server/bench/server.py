"""Starting a real server as a process of its own, waiting until it answers, and stopping it.

The crash tests use it too, so a start and a stop here are those of an operator: the command, a line on standard output,
SIGTERM.
"""

import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.request import urlopen

HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 30.0


class ServerFailed(Exception):
    """The server did not start, ended by itself, or did not stop; the text holds what it wrote last."""


def command() -> Path:
    """The `fhir-server` command of this very installation."""
    return Path(sysconfig.get_path("scripts")) / "fhir-server"


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class RunningServer:
    """`fhir-server serve` on a store, in a session of its own so that all its processes end together.

    `store`: the file of a SQLite store, or the URL of a store. `options` are further command-line options, `settings`
    environment variables. What it writes goes to `log`.
    """

    store: Path | str
    workers: int
    log: Path
    options: Sequence[str] = ()
    settings: tuple[tuple[str, str], ...] = ()
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    ready_seconds: float = 0.0

    @property
    def address(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def store_url(self) -> str:
        """The URL of its store."""
        return self.store if isinstance(self.store, str) else f"sqlite:///{self.store}"

    def start(self) -> None:
        """Start it and wait until it is ready (`ready_seconds` says how long that took). Raises `ServerFailed`."""
        began = time.perf_counter()
        self.launch()
        self.await_ready()
        self.ready_seconds = time.perf_counter() - began

    def await_ready(self) -> None:
        """Wait until it is ready. Raises `ServerFailed` where it ends, or takes too long."""
        began = time.perf_counter()
        while not self._ready():
            if self.process is None or self.process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                self.kill()
                raise ServerFailed(f"the server did not start:\n{self.last_words()}")
            time.sleep(0.02)

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start it without waiting for anything."""
        self.port = self.port or free_port()
        arguments = ["serve", "--store", self.store_url, "--host", HOST, "--port", str(self.port)]
        arguments += ["--workers", str(self.workers), "--auth", "off", *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(command()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **dict(self.settings)},
                start_new_session=True,
            )
        return self.process

    def _ready(self) -> bool:
        try:
            with urlopen(f"{self.address}/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def processes(self) -> list[int]:
        """The ids of its processes that live, that of the parent first, then its workers."""
        if self.process is None:
            return []
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it ended meanwhile
                if os.getsid(int(folder.name)) == self.process.pid:
                    found.append(int(folder.name))
        return sorted(found)

    def memory(self) -> list[float]:
        """The resident memory of each of its processes, in MiB, in the order of `processes`."""
        sizes = []
        for process in self.processes():
            with suppress(OSError, IndexError):
                resident = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
                sizes.append(resident * os.sysconf("SC_PAGE_SIZE") / 2**20)
        return sizes

    def last_words(self) -> str:
        """The end of what it has written."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:] if self.log.exists() else ""

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to all of its processes."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End all of its processes at once, without a chance to finish anything."""
        self.signal_all(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(STOP_SECONDS)

    def stop(self) -> int:
        """Ask it to stop as an operator does, and wait; its exit code. Raises `ServerFailed` where it goes on."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"the server did not stop within {STOP_SECONDS} s:\n{self.last_words()}") from None

    def __enter__(self) -> "RunningServer":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()
