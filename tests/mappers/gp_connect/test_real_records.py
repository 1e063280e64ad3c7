"""The real records: every entry is accounted for, what comes out is R4 and about the one person; counts only."""

from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.model.json import dump
from fhir_server.search.index import Indexer
from fhir_server.validation import Validator
from mappers.mapper import Mapped, Unmappable
from tests.mappers.gp_connect.documents import read
from tests.mappers.gp_connect.real import NOT_JSON, outcomes, received, records
from tests.public_data import folder

RECORDS = records()
VALIDATOR = Validator(r4())


@pytest.fixture(scope="module", params=RECORDS, ids=lambda path: path.name[:24])
def record(request: pytest.FixtureRequest) -> tuple[bytes, Mapped]:
    path: Path = request.param
    raw = path.read_bytes()
    return raw, read(raw).mapped({})


def test_every_entry_is_mapped_kept_or_a_duplicate(record: tuple[bytes, Mapped]) -> None:
    raw, mapped = record
    accounted: Counter[str] = Counter()
    for (type, _), count in outcomes(mapped).items():
        accounted[type] += count
    assert accounted == received(raw)
    came_out = Counter(resource.resource["resourceType"] for resource in mapped.resources)
    became = Counter(report.to[0] for report in mapped.reports if report.to is not None)
    assert came_out == became


def test_what_comes_out_is_valid(record: tuple[bytes, Mapped]) -> None:
    _, mapped = record
    assert [issue for one in mapped.resources for issue in VALIDATOR.validate(one.resource)] == []
    assert VALIDATOR.validate(mapped.bundle(), entries=False) == []


def test_everything_is_about_the_one_person(record: tuple[bytes, Mapped]) -> None:
    _, mapped = record
    indexer = Indexer(r4(), base_url="http://fhir.example/fhir", timezone=ZoneInfo("Europe/London"))
    own = f"Patient/{mapped.patient_id}"
    for one in mapped.resources:
        people = {link.reference.get("reference") for link in indexer.patient_links(one.resource)}
        assert people - {None} <= {own}
        if not one.shared and one.resource["resourceType"] != "Patient":
            assert own in people
    assert mapped.resources[0].resource["id"] == mapped.patient_id


def test_each_resource_comes_once_with_its_label_and_its_origin(record: tuple[bytes, Mapped]) -> None:
    _, mapped = record
    names = [(one.resource["resourceType"], one.resource["id"]) for one in mapped.resources]
    assert len(set(names)) == len(names)
    for one in mapped.resources:
        meta = one.resource["meta"]
        assert meta["source"] == mapped.source
        assert "direct-care-only" in [label["code"] for label in meta["security"]]
        assert "profile" not in meta


def test_the_same_bytes_give_the_same_resources(record: tuple[bytes, Mapped]) -> None:
    raw, mapped = record
    assert dump(read(raw).mapped({}).bundle()) == dump(mapped.bundle())


def test_references_lead_to_what_is_there(record: tuple[bytes, Mapped]) -> None:
    _, mapped = record
    there = {f"{one.resource['resourceType']}/{one.resource['id']}" for one in mapped.resources}
    for one in mapped.resources:
        for reference in _literals(one.resource):
            assert reference in there


def test_the_sample_that_is_not_json_is_refused_with_the_place() -> None:
    raw = (folder("gp-connect") / "suppliers" / NOT_JSON).read_bytes()
    with pytest.raises(Unmappable) as refusal:
        read(raw)
    assert "line 104" in refusal.value.issues[0].diagnostics
    assert "column 17" in refusal.value.issues[0].diagnostics


def _literals(value: object) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in _literals(item)]
    if not isinstance(value, dict):
        return []
    own = [value["reference"]] if isinstance(value.get("reference"), str) else []
    return [found for found in own if not found.startswith("#")] + [
        found for item in value.values() for found in _literals(item)
    ]
