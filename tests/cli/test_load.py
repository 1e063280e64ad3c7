"""fhir-server load, audit verify, index verify, backup and restore, on one store."""

import json
from pathlib import Path

from tests.cli.commands import fhir_server
from tests.running import encoded, observation, patient

STORE = ("--store", "sqlite:///store.db")


def _write(folder: Path) -> list[str]:
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": patient("t"), "request": {"method": "PUT", "url": "Patient/t"}}],
    }
    collection = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient("c")}]}
    lines = [observation("Patient/late", "o1"), patient("late"), observation("Patient/t", "o2")]
    (folder / "transaction.json").write_bytes(encoded(bundle))
    (folder / "collection.json").write_bytes(encoded(collection))
    (folder / "lines.ndjson").write_bytes(b"\n".join(encoded(line) for line in lines) + b"\n\n")
    (folder / "single.json").write_bytes(encoded(patient("s")))
    return ["transaction.json", "collection.json", "lines.ndjson", "single.json"]


def test_files_of_every_form_are_loaded_once(tmp_path: Path) -> None:
    files = _write(tmp_path)
    first = fhir_server("load", *files, *STORE, "--format", "json", folder=tmp_path)
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report == {"created": 6, "updated": 0, "unchanged": 0, "deleted": 0, "refused": 0, "refusals": []}
    again = json.loads(fhir_server("load", *files, *STORE, "--format", "json", folder=tmp_path).stdout)
    assert again == {"created": 0, "updated": 0, "unchanged": 6, "deleted": 0, "refused": 0, "refusals": []}


def test_what_is_refused_is_named_and_the_rest_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "lines.ndjson").write_bytes(
        encoded(patient("ok"))
        + b"\n{broken\n"
        + encoded(patient("bad", gender="robot"))
        + b"\n"
        + encoded(observation("Patient/nobody", "o"))
        + b"\n"
    )
    done = fhir_server("load", "lines.ndjson", *STORE, folder=tmp_path)
    assert done.returncode == 1
    assert "Refused: 3" in done.stdout
    for part in ("lines.ndjson:2", "lines.ndjson:3", "Patient.gender", "lines.ndjson:4", "Observation.subject"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    done = fhir_server("load", "absent.json", *STORE, folder=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])


def test_the_record_verifies_and_survives_backup_and_restore(tmp_path: Path) -> None:
    assert fhir_server("load", *_write(tmp_path), *STORE, folder=tmp_path).returncode == 0
    audit = fhir_server("audit", "verify", *STORE, "--format", "json", folder=tmp_path)
    assert audit.returncode == 0, audit.stderr
    assert all(chain["fault"] is None for chain in json.loads(audit.stdout)["chains"])
    index = fhir_server("index", "verify", *STORE, "--format", "json", folder=tmp_path)
    assert (index.returncode, json.loads(index.stdout)) == (0, {"differences": []}), index.stderr
    assert fhir_server("backup", "copy", *STORE, folder=tmp_path).returncode == 0
    again = fhir_server("backup", "copy", *STORE, folder=tmp_path)
    assert again.returncode == 1
    assert "Traceback" not in again.stderr
    restored = fhir_server("restore", "copy", "--store", "sqlite:///other/store.db", folder=tmp_path)
    assert restored.returncode == 0, restored.stderr
    assert fhir_server("restore", "copy", *STORE, folder=tmp_path).returncode == 1
    reload = fhir_server(
        "load", *_write(tmp_path), "--store", "sqlite:///other/store.db", "--format", "json", folder=tmp_path
    )
    assert json.loads(reload.stdout)["unchanged"] == 6


def test_a_tampered_audit_is_named(tmp_path: Path) -> None:
    import apsw

    assert fhir_server("load", *_write(tmp_path), *STORE, folder=tmp_path).returncode == 0
    database = apsw.Connection(str(tmp_path / "store.db"))
    table = next(
        str(name)
        for (name,) in database.execute("select name from sqlite_master where type = 'table' and name = 'audit'")
    )
    database.execute(f"update {table} set body = replace(body, 'local', 'other') where seq = 2")  # who did it
    database.close()
    done = fhir_server("audit", "verify", *STORE, folder=tmp_path)
    assert done.returncode == 1
    assert "BROKEN at store-2" in done.stdout


def test_a_faulty_package_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "package.tgz").write_bytes(b"not a package")
    done = fhir_server("package", "compile", "package.tgz", "--to", "out", folder=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
