"""The whole of the demo data: the same for the same arguments, complete in itself, marked, never in the future."""

import re
from datetime import date, datetime, timedelta
from itertools import islice
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.demo import DEFAULT_RESIDENTS, DEFAULT_SEED, demo_commands, profile, residents
from fhir_server.demo.bundles import example
from fhir_server.demo.records.places import GP_SYSTEM
from fhir_server.model.nhs_number import is_valid
from fhir_server.web.commands import FIRST_RESIDENT, three_commands
from mappers.mapper import resource_id
from tests.demo.written import TODAY, everything, known_to_gp, of_type, records, whole, written

REVIEW_DUE = "9.1"
DAYS = st.dates(date(2024, 1, 1), date(2040, 12, 31))


def test_same_arguments_same_bytes() -> None:
    assert written(7, 25) == written(7, 25)


def test_another_seed_gives_other_people_and_no_common_id() -> None:
    ids = [
        {f"{one['resourceType']}/{one['id']}" for record in records(seed, 25) for one in record} for seed in (1, 2, 11)
    ]
    assert ids[0].isdisjoint(ids[1])
    assert ids[0].isdisjoint(ids[2])
    names = [[of_type(record, "Patient")[0]["name"][0] for record in records(seed, 25)[1:]] for seed in (1, 2)]
    assert names[0] != names[1]


def test_more_residents_change_none() -> None:
    assert written(3, 40)[:13] == written(3, 12)


def test_bundles_are_made_one_at_a_time() -> None:
    many = residents(1, 100_000, TODAY)
    assert [len(bundle["entry"]) > 20 for bundle in islice(many, 3)] == [True, True, True]


def test_every_entry_is_a_put_of_its_own_id_once() -> None:
    seen: set[str] = set()
    for bundle in residents(DEFAULT_SEED, DEFAULT_RESIDENTS, TODAY):
        assert {name: bundle[name] for name in bundle if name != "entry"} == {
            "resourceType": "Bundle",
            "type": "transaction",
        }
        for entry in bundle["entry"]:
            place = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
            assert entry == {"resource": entry["resource"], "request": {"method": "PUT", "url": place}}
            assert re.fullmatch(r"[A-Za-z]+/[A-Za-z0-9\-.]{1,64}", place, re.ASCII)
            assert place not in seen
            seen.add(place)


def test_every_reference_leads_to_this_bundle_or_the_first() -> None:
    first, *people = records()
    shared = {f"{one['resourceType']}/{one['id']}" for one in first}
    known = [[], *known_to_gp()]
    for record, facts in zip([first, *people], known, strict=True):
        from_gp = {f"Condition/{resource_id(GP_SYSTEM, 'Condition', one['id'])}" for one in facts}
        here = shared | from_gp | {f"{one['resourceType']}/{one['id']}" for one in record}
        targets = {part["reference"] for part in everything(record) if "reference" in part}
        assert targets - here == set()


def test_everything_of_a_record_is_about_its_one_person() -> None:
    for record in records()[1:]:
        (patient,) = of_type(record, "Patient")
        about = {
            (one.get("subject") or one.get("patient") or {"reference": f"Patient/{one['id']}"})["reference"]
            for one in record
        }
        assert about == {f"Patient/{patient['id']}"}


def test_everything_is_marked_as_synthetic() -> None:
    for record in records():
        for resource in record:
            assert resource["meta"] == {
                "source": "https://demo.example/synthetic-residents",
                "tag": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                        "code": "HTEST",
                        "display": "test health data",
                    }
                ],
            }


def test_who_is_there() -> None:
    first, *people = records()
    assert {kind: len(of_type(first, kind)) for kind in {one["resourceType"] for one in first}} == {
        "Organization": 4,
        "Location": 4,
        "Practitioner": 11,
        "PractitionerRole": 11,
    }
    roles = {role["code"][0]["text"] for role in of_type(first, "PractitionerRole")}
    assert roles == {
        "General practitioner",
        "Registered manager",
        "Registered nurse",
        "Senior carer",
        "Community matron",
        "Community nurse",
    }
    assert all(one["identifier"][0]["value"].startswith("DEMO") for one in of_type(first, "Organization"))
    assert len(people) == DEFAULT_RESIDENTS == 60


def test_profile_counts_what_is_there() -> None:
    counts: dict[str, int] = {}
    for record in records():
        for resource in record:
            counts[resource["resourceType"]] = counts.get(resource["resourceType"], 0) + 1
    assert profile(1, 60, TODAY) == counts
    assert list(profile(1, 1, TODAY)) == sorted(profile(1, 1, TODAY))
    assert 5_000 < sum(counts.values()) < 15_000


def _times(resource: dict[str, Any]) -> list[str]:
    """Every date and time, but the day on which a plan is to be looked at again."""
    parts = [part for part in everything(resource) if part.get("linkId") != REVIEW_DUE]
    due = [answer for part in everything(resource) if part.get("linkId") == REVIEW_DUE for answer in part["answer"]]
    texts = [text for part in parts if part not in due for text in part.values() if isinstance(text, str)]
    return [text for text in texts if re.match(r"\d{4}-\d\d-\d\d(T|$)", text, re.ASCII)]


@given(today=DAYS, seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_nothing_lies_in_the_future(today: date, seed: int) -> None:
    for bundle in residents(seed, 20, today):
        for text in _times(bundle):
            assert text[:10] < today.isoformat(), text


def test_nothing_is_observed_after_a_death_and_everything_then_ends() -> None:
    died = [record for record in whole() if any("deceasedDateTime" in one for one in record)]
    assert len(died) == 3
    for record in died:
        end = of_type(record, "Patient")[0]["deceasedDateTime"]
        assert max(text[:10] for one in record for text in _times(one)) == end[:10]
        observed = [datetime.fromisoformat(one["effectiveDateTime"]) for one in of_type(record, "Observation")]
        assert max(observed) < datetime.fromisoformat(end) - timedelta(hours=12)
        assert {one["status"] for one in of_type(record, "EpisodeOfCare")} == {"finished"}
        assert {one["status"] for one in of_type(record, "CarePlan")} == {"completed"}
        assert {one["status"] for one in of_type(record, "MedicationRequest")} == {"stopped"}
        assert {one["status"] for one in of_type(record, "Flag")} <= {"inactive"}


@given(today=DAYS, seed=st.integers(0, 10_000), index=st.integers(1, 100_000))
@settings(max_examples=100, deadline=None)
def test_everybody_is_of_an_age_for_a_care_home(today: date, seed: int, index: int) -> None:
    from fhir_server.demo.facts.people import age
    from fhir_server.demo.facts.residents import resident

    who = resident(seed, index, today)
    assert 68 <= age(who.person.birth_date, today) <= 101
    assert is_valid(who.person.nhs_number)
    later = date(today.year, 12, 31)
    assert resident(seed, index, later).person == who.person


def test_times_have_the_offset_of_london() -> None:
    for resource in records()[1]:
        for text in _times(resource):
            if "T" in text:
                time = datetime.fromisoformat(text)
                summer = date(2025, 3, 30) <= time.date() < date(2025, 10, 26) or time.date() >= date(2026, 3, 29)
                assert time.utcoffset() == timedelta(hours=1 if summer else 0), text


@pytest.mark.parametrize(("seed", "count"), [(-1, 60), (1, 0), (1, 100_001)])
def test_what_cannot_be_generated_is_refused(seed: int, count: int) -> None:
    with pytest.raises(ValueError, match="seed is 0 or more|number of residents is 1 to 100,000"):
        residents(seed, count, TODAY)


def test_the_commands_are_about_the_first_resident() -> None:
    (patient,) = of_type(records()[1], "Patient")
    assert (FIRST_RESIDENT.patient, FIRST_RESIDENT.nhs_number) == (patient["id"], patient["identifier"][0]["value"])
    assert example(DEFAULT_SEED) == FIRST_RESIDENT
    assert demo_commands("http://127.0.0.1:8080/fhir") == three_commands("http://127.0.0.1:8080/fhir")
    (other,) = of_type(records(2, 1)[1], "Patient")
    assert example(2).patient == other["id"]
    assert other["identifier"][0]["value"] in demo_commands("http://127.0.0.1:8080/fhir", 2)[0].line


def test_generating_is_much_faster_than_loading() -> None:
    """The aim is 10,000 resources a second; half of that here, so that a busy machine does not fail the test."""
    start = process_time()
    made = sum(len(bundle["entry"]) for bundle in residents(1, 120, TODAY))
    assert made / (process_time() - start) > 5_000
