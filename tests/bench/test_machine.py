from pathlib import Path

from fhir_server.bench.machine import look


def test_the_machine_is_described(tmp_path: Path) -> None:
    machine = look(tmp_path)
    assert machine.cores >= 1
    assert machine.fdatasync > 0
    assert machine.sqlite.startswith("3.")
    assert f"SQLite {machine.sqlite}" in machine.describe()
    assert list(tmp_path.iterdir()) == []
