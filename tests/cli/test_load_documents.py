"""fhir-server load of GP Connect records: recognised, taken in, summed up."""

import json
from pathlib import Path

from tests.cli.commands import fhir_server
from tests.mappers.gp_connect.documents import document, observation, patient
from tests.running import encoded
from tests.running import patient as resource

STORE = ("--store", "sqlite:///store.db")


def _write(folder: Path) -> None:
    records = folder / "records"
    (records / "more").mkdir(parents=True)
    second = patient(id="person-2", identifier=None, birthDate="1950-05-05")
    stranger = patient(birthDate="1911-01-01", gender="male", identifier=None)
    (records / "1.json").write_bytes(encoded(document(observation())))
    (records / "2.json").write_bytes(encoded(document(of=second)))
    (records / "3.json").write_bytes(encoded(document(of=stranger)))
    (records / "4.json").write_bytes(b'{"resourceType": "Bundle",\n  oops}')
    (records / "more" / "plain.json").write_bytes(encoded(resource("plain")))
    (records / "notes.txt").write_text("not loaded")


def test_a_folder_of_records_is_taken_in_and_summed_up(tmp_path: Path) -> None:
    _write(tmp_path)
    first = fhir_server("load", "records", *STORE, "--exported", "2026-01-01T09:00:00Z", folder=tmp_path)
    assert first.returncode == 1
    lines = [line.split() for line in first.stdout.splitlines() if line.startswith(" ")]
    rows = {line[0]: line[1:] for line in lines if line}
    # received, mapped, kept as received, duplicate, set aside, created, updated, unchanged, kept as here
    assert rows["Patient"] == ["2", "2", "0", "0", "0", "3", "0", "0", "0"]
    assert rows["Organization"] == ["2", "2", "0", "0", "0", "1", "0", "1", "0"]
    assert rows["All"] == ["5", "5", "0", "0", "0", "7", "0", "1", "0"]
    assert "Records: 2\nRefused: 2\n" in first.stdout
    assert "4.json: The body is not valid JSON at line 2, column 3" in first.stderr
    assert "3.json: The record is of somebody else than Patient/" in first.stderr
    assert "These differ: birthDate, gender. Nothing was written; the record is kept for review: Task/" in first.stderr
    assert "Traceback" not in first.stderr
    again = fhir_server("load", "records", *STORE, "--exported", "2026-01-01T09:00:00Z", folder=tmp_path)
    assert again.returncode == 1
    assert "Refused: 2\nNothing changed.\n" in again.stdout


def test_the_summary_for_scripts(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_bytes(encoded(document(observation(), observation())))
    done = fhir_server("load", "record.json", *STORE, "--format", "json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    issues = report.pop("issues")
    types = report.pop("types")
    assert report == {
        "created": 4,
        "updated": 0,
        "unchanged": 0,
        "deleted": 0,
        "received": 4,
        "mapped": 3,
        "kept": 0,
        "duplicate": 1,
        "aside": 0,
        "retained": 0,
        "documents": 1,
        "refused": 0,
        "refusals": [],
    }
    assert sorted(types) == ["Observation", "Organization", "Patient", "Provenance"]
    assert types["Observation"] == {
        "received": 2,
        "mapped": 1,
        "kept": 0,
        "duplicate": 1,
        "aside": 0,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "retained": 0,
    }
    assert all(set(issue) == {"severity", "diagnostics", "count"} for issue in issues)


def test_a_source_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_bytes(encoded(document(practice=None)))
    assert fhir_server("load", "record.json", *STORE, folder=tmp_path).returncode == 1
    done = fhir_server("load", "record.json", *STORE, "--source", "urn:example:practice", folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_wrong_use_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_bytes(encoded(document()))
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.iterdir())
    for arguments, said in (
        (("record.json", "--exported", "yesterday"), "--exported is not an instant"),
        (("record.json", "--exported", "2999-01-01T00:00:00Z"), "--exported lies in the future"),
        (("record.json", "--source", "practice"), "--source is not an absolute URI"),
        (("empty",), "no .json file in empty"),
        (("record.json", "absent"), "no such file: absent"),
    ):
        done = fhir_server("load", *arguments, *STORE, folder=tmp_path)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert sorted(tmp_path.iterdir()) == before
