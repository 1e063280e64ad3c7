"""A short run against a real server, by the command as people type it."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from fhir_server.bench.run import DONE, REFUSED, BenchOptions, run_bench
from fhir_server.bench.server import RunningServer, ServerFailed, command, free_port

pytestmark = pytest.mark.xdist_group("bench")

PAGE = "\n".join(f"<!-- {name}:begin -->\n<!-- {name}:end -->" for name in ("bench-http", "bench-cost", "bench-mapper"))
TITLES = [
    "load generator's ceiling (bare responder)",
    "load of 100 Observations, transactions of 50, 4 clients",
    "static route of the same server",
    "read",
    "search, patient and code, newest 10",
    "history of one Observation, 5 versions",
    "create Observation",
    "update Observation",
    "read while others create",
    "create while others read",
    "transaction of 50 Observations",
]


def _options(folder: Path, page: Path | None = None, url: str | None = None) -> BenchOptions:
    return BenchOptions(
        url=url,
        workers=(1,),
        seconds=0.2,
        warm_up=0.05,
        connections=4,
        patients=10,
        observations=100,
        records=3,
        folder=folder,
        page=page,
    )


def test_every_figure_is_taken_and_written_into_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE, encoding="utf-8")
    assert run_bench(_options(tmp_path, page), "json") == DONE
    report = json.loads(capsys.readouterr().out)
    assert report["mapping"]["records"] == 3
    assert report["mapping"]["resources"] > 150
    file = "load of a file, 100 Observations, command included"
    assert [row["title"] for row in report["rows"]] == [*TITLES, file]
    assert [row["fault"] for row in report["rows"]] == [None] * len(report["rows"])
    assert all(row["rate"] > 0 for row in report["rows"])
    assert [cost["title"] for cost in report["costs"]] == [
        "Patient",
        "Observation, blood pressure",
        "Bundle of 100 Observations",
    ]
    written = page.read_text(encoding="utf-8")
    assert all(f"| {title} |" in written for title in [*TITLES, file])
    assert [path.name for path in tmp_path.iterdir()] == ["performance.md"], "the benchmark left its store behind"


def test_a_running_server_is_measured_at_its_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunningServer(tmp_path / "record.sqlite", 1, tmp_path / "server.log") as server:
        options = _options(tmp_path, url=f"{server.address}/fhir")
        assert run_bench(options, "text") == DONE
    shown = capsys.readouterr().out
    assert "search, patient and code" in shown
    assert "1 worker" not in shown


def test_a_server_that_is_not_there_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    arguments = [str(command()), "bench", "--url", f"http://127.0.0.1:{free_port()}/fhir", "--seconds", "0.2"]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == REFUSED
    assert done.stdout == ""
    assert "Could not measure: [Errno 111] Connection refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "record.sqlite").mkdir()
    server = RunningServer(tmp_path / "record.sqlite", 1, tmp_path / "server.log")
    with pytest.raises(ServerFailed, match="the server did not start"):
        server.start()


def test_a_server_is_started_watched_and_stopped(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "record.sqlite", 2, tmp_path / "server.log")
    server.start()
    assert server.ready_seconds > 0
    assert len(server.memory()) == 3
    _wait_for(f"Listening on {server.address}/", server)
    assert server.stop() == 0
    assert server.memory() == []


def _wait_for(words: str, server: RunningServer) -> None:
    """One worker answers before all of them have started, and only then the server announces itself."""
    until = time.monotonic() + 30
    while words not in server.last_words():
        assert time.monotonic() < until, f"{words!r} was never said:\n{server.last_words()}"
        time.sleep(0.02)
