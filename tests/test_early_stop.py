"""Stops that come early: while a worker starts, and while its loop pauses between its start and the serving."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest
import uvloop

from fhir_server.bench.server import RunningServer
from fhir_server.serving import heed_stops

HEEDED, WAITED = 0, 3
_PATIENCE = 4.0


def _worker(heeds: bool) -> int:
    """What granian does with a loop, and a SIGTERM between its two runs; whether the loop has seen it."""
    loop = uvloop.new_event_loop()
    seen = asyncio.Event()
    loop.add_signal_handler(SIGTERM, seen.set)

    async def start() -> None:
        if heeds:
            heed_stops(asyncio.get_running_loop())

    async def serve() -> int:
        try:
            await asyncio.wait_for(seen.wait(), _PATIENCE)
        except TimeoutError:
            return WAITED
        return HEEDED

    loop.run_until_complete(start())
    os.kill(os.getpid(), SIGTERM)
    return loop.run_until_complete(serve())


@pytest.mark.parametrize(("how", "outcome"), [("heeds", HEEDED), ("does-not", WAITED)])
def test_a_stop_between_the_two_runs_of_a_loop(how: str, outcome: int) -> None:
    """The second case says that uvloop still needs this; where it fails, `heed_stops` may go."""
    done = subprocess.run([sys.executable, "-m", "tests.test_early_stop", how], check=False, timeout=60)
    assert done.returncode == outcome


def test_a_server_stops_whose_workers_have_just_been_born(tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = RunningServer(tmp_path / "record.sqlite", 2, log)
    server.launch()
    while b"Spawning worker-2" not in log.read_bytes():
        time.sleep(0.002)
    asked = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - asked < 20, "its workers were killed only when their time was up"


def test_a_ctrl_c_stops_it_as_any_other_stop(tmp_path: Path) -> None:
    """A terminal sends a SIGINT to all processes at once: the workers leave it to the parent, and finish."""
    log = tmp_path / "log"
    server = RunningServer(tmp_path / "record.sqlite", 2, log)
    server.start()
    process = server.process
    assert process is not None
    os.killpg(process.pid, SIGINT)
    assert process.wait(20) == 0
    said = log.read_text()
    assert said.index("Shutting down granian") < said.index("Stopping worker-1")
    assert "ERROR" not in said
    assert server.processes() == []


def test_a_ctrl_c_while_all_is_still_being_loaded_is_no_stack_trace(tmp_path: Path) -> None:
    slow = "import os, signal, sys\nclass Slow:\n def find_spec(self, name, *_):\n"
    slow += "  if name == 'fhir_server.app': os.kill(os.getpid(), signal.SIGINT)\nsys.meta_path.insert(0, Slow())\n"
    code = f"{slow}from fhir_server.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


if __name__ == "__main__":
    sys.exit(_worker(sys.argv[1] == "heeds"))
