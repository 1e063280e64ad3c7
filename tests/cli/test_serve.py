"""fhir-server serve: what stops a start, and a start and a stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.cli.commands import fhir_server


@pytest.mark.parametrize(
    ("arguments", "environment", "part"),
    [
        ((), {}, "sign-in is not part of this version"),
        (("--auth", "off", "--host", "0.0.0.0"), {}, "loopback only"),
        (("--auth", "off"), {"FHIR_COLOUR": "blue"}, "there is no such setting"),
        (("--auth", "off"), {"FHIR_PORT": "many", "FHIR_WORKERS": "0"}, "workers"),
        (("--auth", "off", "--store", "mysql://x"), {}, "sqlite:///PATH"),
    ],
)
def test_unsafe_or_broken_settings_stop_the_start(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], part: str
) -> None:
    done = fhir_server("serve", *arguments, folder=tmp_path, **environment)
    assert (done.returncode, done.stdout) == (3, "")
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_never_shared(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = fhir_server("serve", "--auth", "off", "--port", str(other.getsockname()[1]), folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "choose another --port" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_use_is_2(tmp_path: Path) -> None:
    assert fhir_server("serve", "--nonsense", folder=tmp_path).returncode == 2
    assert fhir_server("nonsense", folder=tmp_path).returncode == 2


def test_help_teaches(tmp_path: Path) -> None:
    done = fhir_server("--help", folder=tmp_path)
    assert done.returncode == 0
    for command in ("demo", "serve", "load", "package", "audit", "index", "backup", "restore", "migrate", "bench"):
        assert command in done.stdout


def test_a_server_starts_answers_and_stops(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from fhir_server.cli import main; main()",
        "serve",
        "--auth",
        "off",
        "--port",
        "0",
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FHIR_")}
    with subprocess.Popen(command, cwd=tmp_path, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert line.startswith("Listening on http://127.0.0.1:")
        address = line.removeprefix("Listening on ").strip()
        try:
            with urllib.request.urlopen(f"{address}health/ready", timeout=5) as answer:
                assert answer.read() == b"ready\n"
            with urllib.request.urlopen(f"{address}fhir/metadata", timeout=5) as answer:
                assert json.load(answer)["implementation"]["url"] == f"{address}fhir"
        finally:
            process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert process.wait(20) == 0
        assert time.monotonic() - started < 10
