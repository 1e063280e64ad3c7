"""An index of an older program is built anew by the server that starts on it, and by the command."""

import asyncio
import json
from pathlib import Path

import apsw

from tests.cli.commands import fhir_server
from tests.running import observation, patient, running


async def filled(folder: Path) -> None:
    """A store with a record whose subject was given by NHS number, as if an older program had left it."""
    number = {
        "system": "https://fhir.nhs.uk/Id/nhs-number",
        "value": "9449305552",
        "extension": [
            {
                "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
                "valueCodeableConcept": {"coding": [{"code": "01"}]},
            }
        ],
    }
    async with running(folder) as fhir:
        await fhir.put(patient("a", identifier=[number], name=[{"family": "Oak"}]))
        logical = {"subject": {"identifier": {"system": number["system"], "value": number["value"]}}}
        assert (await fhir.put(observation("", "o") | logical)).status_code == 201
    connection = apsw.Connection(str(folder / "store.db"))
    connection.execute("UPDATE meta SET value='0.0' WHERE key='index'")
    connection.close()


async def test_a_server_that_starts_builds_it(tmp_path: Path) -> None:
    await filled(tmp_path)
    async with running(tmp_path) as fhir:
        async with asyncio.timeout(60):
            while (answer := await fhir.get("Observation?patient=a")).status_code == 503:
                await asyncio.sleep(0.02)
        assert [entry["resource"]["id"] for entry in answer.json()["entry"]] == ["o"]


def test_the_command_builds_it(tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path))
    store = f"sqlite:///{tmp_path / 'store.db'}"
    for expected in ({"indexed": 2, "busy": False}, {"indexed": 0, "busy": False}):
        done = fhir_server("index", "build", "--store", store, "--format", "json", folder=tmp_path)
        assert (done.returncode, json.loads(done.stdout)) == (0, expected)
    verified = fhir_server("index", "verify", "--store", store, folder=tmp_path)
    assert (verified.returncode, verified.stdout) == (0, "The index equals what the resources say.\n")
