"""fhir-server demo: fills its folder once, says what to try, and those commands work as printed."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import fhir_server


def _start(folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FHIR_")}
    command = [sys.executable, "-c", "from fhir_server.cli import main; main()", "demo", "--port", "0", *arguments]
    return subprocess.Popen(command, cwd=folder, env=clean, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _told(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    lines: list[str] = []
    for raw in process.stdout:
        lines.append(raw.decode())
        if lines[-1].startswith("Ctrl-C"):
            break
    return "".join(lines)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stdout is not None
    process.stdout.close()


def test_the_three_commands_work_as_printed(tmp_path: Path) -> None:
    process = _start(tmp_path)
    try:
        told = _told(process)
        commands = re.findall(r"^curl .*$", told.replace("\\\n", " "), flags=re.M)
        assert len(commands) == 3
        answers = [
            subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True).stdout
            for command in commands
        ]
        assert '"resourceType": "Patient"' in answers[0]
        assert '"versionId": "1"' in answers[1]
        assert answers[2].count('"resourceType": "Observation"') == 3
        assert '"value": 36.80' in answers[2].partition('"search"')[0]
    finally:
        _stop(process)
    again = _start(tmp_path)
    try:
        assert "Listening on" in _told(again)
    finally:
        _stop(again)


def test_reset_deletes_only_demo_data(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "letter.txt").write_text("keep me")
    done = fhir_server("demo", "--reset", "--data", precious, folder=tmp_path)
    assert done.returncode == 1
    assert "no demo data" in done.stderr
    assert (precious / "letter.txt").read_text() == "keep me"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5"])
def test_the_demo_listens_on_loopback_only(tmp_path: Path, host: str) -> None:
    done = fhir_server("demo", "--host", host, folder=tmp_path)
    assert done.returncode == 3
    assert list(tmp_path.iterdir()) == []
