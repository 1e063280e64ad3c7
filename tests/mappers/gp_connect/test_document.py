"""Reading a document: what is refused whole and where, how entries are known, whose record it is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.model.json import dump
from fhir_server.model.nhs_number import is_valid
from mappers.gp_connect import GP_CONNECT
from mappers.gp_connect.document import read_document
from mappers.mapper import Json, Person, ReadOptions, Unmappable
from tests.mappers.gp_connect.documents import (
    NHS_NUMBER,
    PRACTICE,
    SOURCE,
    VERIFIED,
    document,
    mapped,
    observation,
    patient,
    read,
)


def _refused(data: Json | bytes, **options: Any) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(Unmappable) as refusal:
        read(data, **options)
    issue = refusal.value.issues[0]
    assert issue.severity == "error"
    return issue.diagnostics, issue.expression


def test_what_is_not_json_is_refused_with_its_place() -> None:
    broken = dump(document()).replace(b'"type":"collection"', b'"type":"collection",\n  ,')
    said, _ = _refused(broken)
    assert "line 2" in said
    assert "column 3" in said


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (document(resourceType="Parameters"), "Bundle.type"),
        (document(type="transaction"), "Bundle.type"),
        (document(entry={}), "Bundle.entry"),
        (document(entry=["text"]), "Bundle.entry"),
        (document(entry=[{"resource": PRACTICE}]), "Bundle.entry"),
        (document(patient(id="person-2")), "Bundle.entry"),
    ],
)
def test_what_is_no_record_of_one_person_is_refused_whole(data: Json, place: str) -> None:
    assert _refused(data)[1] == (place,)


def test_a_document_over_the_limit_is_refused() -> None:
    assert "limit" in _refused(document(), max_bytes=100)[0]


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/person-2"},
        {"reference": "Patient/practice"},
        {"reference": "https://gp.example/STU3/Patient/person-2"},
        {"reference": 7},
        {"identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000026"}},
        "Patient/person-1",
        [],
    ],
)
def test_an_entry_about_somebody_else_is_set_aside(subject: Any) -> None:
    wrong, right = observation(subject=subject), observation("obs-2")
    found = mapped(document(wrong, right))
    assert [(one.place, one.type, one.text) for one in found.aside] == [
        ("Bundle.entry[2].resource", "Observation", dump(wrong))
    ]
    assert [report.outcome for report in found.reports] == ["mapped", "mapped", "aside", "mapped"]
    assert b"obs-1" not in dump(found.bundle())


def test_a_record_that_is_mostly_about_somebody_else_is_refused_whole() -> None:
    said, place = _refused(document(observation(subject={"reference": "Patient/person-2"})))
    assert place == ("Bundle.entry[2].resource.subject",)
    assert "another patient" in said


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/person-1"},
        {"reference": "https://gp.example/STU3/Patient/person-1/_history/3"},
        {"identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NHS_NUMBER}},
        {"display": "the patient"},
        None,
    ],
)
def test_an_entry_about_the_person_is_taken(subject: Any) -> None:
    assert read(document(observation(subject=subject))).source == SOURCE


def test_the_source_system_is_the_practice_unless_it_is_said() -> None:
    assert read(document()).source == SOURCE
    assert read(document(practice=None), source="urn:example:gp").source == "urn:example:gp"
    assert _refused(document(practice=None))[1] == ("Bundle.entry[0].resource.managingOrganization",)


def test_organizations_are_found_by_ods_code() -> None:
    assert dict(read(document()).organizations) == {"Z99999": "practice"}


def test_the_person_is_read_for_identity() -> None:
    old = {"use": "old", "family": "Trelawny"}
    official = {"use": "official", "family": "Penhallow", "given": ["Morwenna", "Jane"]}
    assert read(document(of=patient(name=[old, official]))).person == Person(
        key="person-1",
        nhs_number=NHS_NUMBER,
        birth_date="1938-02-11",
        gender="female",
        names=(("Penhallow", "Morwenna"), ("Trelawny", "")),
        postcode="ZZ999ZZ",
    )


@pytest.mark.parametrize(
    "identifier",
    [
        {"extension": [VERIFIED], "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "1234567890"},
        {"extension": [VERIFIED], "system": "https://fhir.nhs.uk/Id/nhs-number", "value": 9990000018},
        {"extension": [VERIFIED], "system": "https://example.org/number", "value": NHS_NUMBER},
        {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NHS_NUMBER},
        {"extension": "01", "system": "https://fhir.nhs.uk/Id/nhs-number", "value": NHS_NUMBER},
    ],
)
def test_a_number_that_is_not_valid_and_verified_joins_nobody(identifier: Json) -> None:
    assert read(document(of=patient(identifier=[identifier]))).person.nhs_number is None


@given(st.integers(0, 999_999_999))
def test_one_wrong_digit_is_always_found(nine: int) -> None:
    valid = [number for check in range(10) if is_valid(number := f"{nine:09d}{check}")]
    assert len(valid) <= 1


def _keys(*resources: Json) -> list[str]:
    raw = dump(document(*resources))
    return [entry.key for entry in read_document(raw, ReadOptions()).entries[2:]]


def test_an_entry_without_an_id_keeps_its_key_when_its_content_changes() -> None:
    first: Json = {
        "resourceType": "List",
        "code": {"coding": [{"code": "1"}]},
        "title": "Medications",
        "entry": [],
    }
    other = first | {"title": "Problems"}
    grown = first | {"entry": [{"item": {"reference": "Observation/1"}}], "date": "2024-05-05"}
    keys = _keys(first, other, first)
    assert len(set(keys)) == 3
    assert _keys(grown, other, first) == keys
    assert _keys(other, grown) == [keys[1], keys[0]]


def test_two_people_of_a_practice_do_not_share_an_entry_without_an_id() -> None:
    medications: Json = {"resourceType": "List", "code": {"coding": [{"code": "1"}]}, "title": "Medications"}
    keys = {
        read_document(dump(document(medications, of=patient(id=id))), ReadOptions()).entries[2].key
        for id in ("person-1", "person-2")
    }
    assert len(keys) == 2


def test_two_entries_with_one_id_and_other_content_are_rivals() -> None:
    raw = dump(document(observation(), observation(), observation(status="amended")))
    entries = read_document(raw, ReadOptions()).entries[2:]
    assert [entry.rival for entry in entries] == [False, False, True]
    assert entries[0].key == entries[1].key == "obs-1"
    assert entries[2].key.startswith("obs-1#")


def test_the_mapper_recognises_its_documents() -> None:
    assert GP_CONNECT.recognises(dump(document()))
    assert GP_CONNECT.recognises(json.dumps(document(), indent=2).encode() + b"broken")
    assert not GP_CONNECT.recognises(dump({"resourceType": "Bundle", "type": "collection", "entry": []}))
