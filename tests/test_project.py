"""The files that install, test and ship the project say the same thing."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from fhir_server.web.commands import three_commands

ROOT = Path(__file__).resolve().parent.parent
TESTS = "make test ARGS=--stores-must-agree"
TARGETS = {"help", "demo", "test", "check", "fmt", "bench", "crash", "definitions", "lock"}


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _pinned() -> dict[str, Version]:
    lines = [line for line in _text("constraints.txt").splitlines() if line and not line.startswith("#")]
    pairs = [line.split("==") for line in lines]
    return {re.sub(r"[-_.]+", "-", name).lower(): Version(version) for name, version in pairs}


def _required() -> list[Requirement]:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    return [Requirement(line) for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]]


def test_every_dependency_has_a_lower_bound_and_one_exact_version() -> None:
    pinned = _pinned()
    for requirement in _required():
        assert [specifier.operator for specifier in requirement.specifier] == [">="], requirement
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert name in pinned, f"{name} is not in constraints.txt: make lock"
        assert requirement.specifier.contains(pinned[name]), f"{name}: make lock"


def test_help_names_every_target() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--no-print-directory", "help"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make ([a-z]+) +\S", answer.stdout, flags=re.M)) >= TARGETS


def test_ci_runs_the_tests_the_checks_and_the_first_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    lines = script.read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines
    assert [line for line in lines if line in {TESTS, "make check", "prove_first_command"}] == [
        TESTS,
        "make check",
        "prove_first_command",
    ]


def test_the_readme_prints_the_three_commands_of_the_demo() -> None:
    """CI runs them as they are printed there."""
    marked = re.search(r"<!-- three-commands -->\s*```\w*\n(.*?)```", _text("README.md"), flags=re.S)
    assert marked
    printed = [line for line in marked[1].splitlines() if line and not line.startswith("#")]
    commands = three_commands("http://127.0.0.1:8080/fhir")
    assert "\n".join(printed) == "\n".join(command.line for command in commands)
    assert [command.line.split()[0] for command in commands] == ["curl", "curl", "curl"]


def test_the_image_runs_without_rights_and_is_watched() -> None:
    text = _text("Dockerfile")
    stages = re.findall(r"^FROM \S+ AS (\w+)$", text, flags=re.M)
    assert stages == ["build", "run"]
    run = text[text.index(" AS run") :]
    assert re.search(r"^USER fhir$", run, flags=re.M)
    assert re.search(r"^VOLUME /data$", run, flags=re.M)
    assert re.search(r"^STOPSIGNAL SIGTERM$", run, flags=re.M)
    assert re.search(r'^HEALTHCHECK .*\\\n +CMD \["python", .*/health/ready', run, flags=re.M)
    assert re.search(r'^ENTRYPOINT \["fhir-server"\]\nCMD \["serve"\]$', run, flags=re.M)
    assert "--constraint constraints.txt" in text


def test_the_licence_is_whole() -> None:
    text = _text("LICENSE")
    assert "Apache License" in text[:200]
    assert "END OF TERMS AND CONDITIONS" in text
