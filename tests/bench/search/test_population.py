"""The population: the same in every run, each entry a PUT of an id, nothing about anybody else."""

import json
from pathlib import Path
from typing import Any

from fhir_server.bench.search.population import PEOPLE, bundles_of, part_file, people_of


def entries(file: Path) -> list[dict[str, Any]]:
    return [entry for bundle, _ in bundles_of(file) for entry in json.loads(bundle)["entry"]]


def test_a_part_is_the_same_in_every_run_and_kept(tmp_path: Path) -> None:
    one, two = part_file(tmp_path / "one", 3), part_file(tmp_path / "two", 3)
    assert one.read_bytes() == two.read_bytes()
    one.write_bytes(b"kept")
    assert part_file(tmp_path / "one", 3).read_bytes() == b"kept"


def test_every_entry_puts_an_id_once_and_is_counted(tmp_path: Path) -> None:
    for number in range(3):
        file = part_file(tmp_path, number)
        found = entries(file)
        places = [entry["request"]["url"] for entry in found]
        assert places == [f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in found]
        assert len(set(places)) == len(places) == sum(count for _, count in bundles_of(file))
        assert {entry["request"]["method"] for entry in found} == {"PUT"}


def test_home_and_practice_speak_of_the_same_people(tmp_path: Path) -> None:
    found = entries(part_file(tmp_path, 2))
    people = {f"Patient/demo1-{index:04d}" for index in people_of(2)}
    assert len(people) == PEOPLE
    assert {entry["request"]["url"] for entry in found if entry["resource"]["resourceType"] == "Patient"} == people
    subjects = {
        entry["resource"]["subject"]["reference"]
        for entry in found
        if "reference" in entry["resource"].get("subject", {})
    }
    assert subjects == people
