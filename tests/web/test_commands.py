"""The three commands as a POSIX shell understands them."""

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fhir_server.web.commands import FIRST_RESIDENT, Example, three_commands

BASE = "http://127.0.0.1:8080/fhir"
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def curl_arguments(tmp_path: Path) -> Path:
    """A folder with a curl that prints its arguments, one a line, and fetches nothing."""
    curl = tmp_path / "curl"
    curl.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", "utf-8")
    curl.chmod(0o755)
    return tmp_path


def typed(line: str, folder: Path) -> list[str]:
    """What curl gets when this line is typed into a shell."""
    environment = {"PATH": f"{folder}:/usr/bin:/bin"}
    done = subprocess.run(["sh", "-euc", line], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_find_by_nhs_number(curl_arguments: Path) -> None:
    command = three_commands(BASE, Example("demo9-0001", "9991234566"))[0]
    assert command.sentence == "Find a resident by NHS number."
    assert typed(command.line, curl_arguments) == [
        f"{BASE}/Patient?identifier=https://fhir.nhs.uk/Id/nhs-number%7C9991234566&_pretty=true"
    ]


def test_record_a_temperature_of_now(curl_arguments: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    address, option, header, data, body = typed(three_commands(BASE)[1].line, curl_arguments)
    assert (address, option, header, data) == (
        f"{BASE}/Observation?_pretty=true",
        "-H",
        "Content-Type: application/fhir+json",
        "-d",
    )
    observation = json.loads(body, parse_float=str)
    taken = observation.pop("effectiveDateTime")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", taken, re.ASCII)
    assert before <= datetime.fromisoformat(taken) <= datetime.now(UTC)
    assert observation == {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5", "display": "Body temperature"}]},
        "subject": {"reference": f"Patient/{FIRST_RESIDENT.patient}"},
        "valueQuantity": {
            "value": "36.80",
            "unit": "degree Celsius",
            "system": "http://unitsofmeasure.org",
            "code": "Cel",
        },
    }


def test_read_the_latest(curl_arguments: Path) -> None:
    command = three_commands(BASE)[2]
    assert typed(command.line, curl_arguments) == [
        f"{BASE}/Observation?patient={FIRST_RESIDENT.patient}&_sort=-date&_count=3&_pretty=true"
    ]


def test_the_readme_prints_these_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    marked = re.search(r"<!-- three-commands -->\s*```\w*\n(.*?)```", readme, re.DOTALL)
    assert marked
    assert marked[1] == "".join(f"{command.line}\n" for command in three_commands(BASE))
