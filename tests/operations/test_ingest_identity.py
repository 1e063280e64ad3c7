"""Who a record is about: joined, refused, kept for review; no resource ever changes its subject; races."""

import asyncio
import json
from base64 import b64decode
from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.model.json import dump
from fhir_server.model.nhs_number import NHS_NUMBER as NHS_SYSTEM
from fhir_server.operations.stamp import JOINED
from fhir_server.validation import Validator
from mappers.mapper import Json, resource_id
from tests.mappers.gp_connect.documents import NHS_NUMBER, PRACTICE, SOURCE, VERIFIED, document, observation, patient
from tests.operations.ingesting import history_of, how_many, ingest, ingested, only
from tests.running import Client

JANUARY, FEBRUARY = "2026-01-01T09:00:00Z", "2026-02-01T09:00:00Z"
PERSON = resource_id(SOURCE, "Patient", "person-1")
OTHER_PRACTICE: Json = {
    **PRACTICE,
    "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Z88888"}],
}
OTHER_SOURCE = SOURCE.replace("Z99999", "Z88888")
CARE_HOME_LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
STATUS = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"


def _here(**changed: Any) -> Json:
    """The person as a care home knows them."""
    verified = {"url": STATUS, "valueCodeableConcept": VERIFIED["valueCodeableConcept"]}
    whole: Json = {
        "resourceType": "Patient",
        "id": "resident",
        "meta": {"security": [CARE_HOME_LABEL]},
        "identifier": [{"extension": [verified], "system": NHS_SYSTEM, "value": NHS_NUMBER}],
        "name": [{"family": "PENHALLOW", "given": ["Morwenna"]}],
        "gender": "female",
        "birthDate": "1938-02-11",
        "telecom": [{"system": "phone", "value": "room 7"}],
    }
    return {name: value for name, value in (whole | changed).items() if value is not None}


async def test_a_valid_nhs_number_joins_where_demographics_agree(fhir: Client) -> None:
    await fhir.put(_here())
    report = await ingested(fhir, document(observation()), exported=JANUARY)
    assert report.patient == "resident"
    assert report.counts["Patient"] == {"received": 1, "mapped": 1, "updated": 1}
    now = (await fhir.get("Patient/resident")).json()
    added = now["identifier"].pop()
    assert (added["system"], added["value"], added["extension"][0]["url"]) == (SOURCE, "Patient/person-1", JOINED)
    meta = now.pop("meta")
    assert meta["security"] == [CARE_HOME_LABEL]
    assert now == {name: value for name, value in _here().items() if name != "meta"}
    weight = await only(fhir, "Patient/resident/Observation")
    assert weight["id"] == resource_id(SOURCE, "Observation", "obs-1")
    assert await how_many(fhir, "Patient") == 1
    before = await history_of(fhir)
    again = await ingested(fhir, document(observation()), exported=JANUARY)
    assert (again.patient, again.written) == ("resident", 0)
    assert await history_of(fhir) == before


@pytest.mark.parametrize(
    "here",
    [
        _here(identifier=[{"system": NHS_SYSTEM, "value": NHS_NUMBER}]),
        _here(identifier=[{**_here()["identifier"][0], "value": "9990000026"}]),
    ],
    ids=["not verified here", "another number"],
)
async def test_without_the_number_on_both_sides_it_is_a_new_person(fhir: Client, here: Json) -> None:
    await fhir.put(here)
    assert (await ingested(fhir, document())).patient == PERSON
    assert await how_many(fhir, "Patient") == 2


async def test_where_demographics_do_not_agree_the_record_is_refused_and_kept(fhir: Client) -> None:
    await fhir.put(_here(birthDate="1941-06-30", name=[{"family": "Hocking", "given": ["Loveday"]}]))
    sent = dump(document(observation()))
    answer = await ingest(fhir, sent)
    assert answer.status_code == 409
    task = await only(fhir, "Task?code=review-refused-record")
    fields = "birthDate, name.family, name.given"
    said = f"The record is of somebody else than Patient/resident here. These differ: {fields}."
    assert answer.json()["issue"] == [
        {
            "severity": "error",
            "code": "conflict",
            "diagnostics": said,
            "expression": ["Patient.birthDate", "Patient.name.family", "Patient.name.given"],
        },
        {
            "severity": "information",
            "code": "informational",
            "diagnostics": f"Nothing was written; the record is kept for review: Task/{task['id']}.",
        },
    ]
    for value in ("Penhallow", "Hocking", "1938", "1941", NHS_NUMBER):
        assert value not in answer.text
        assert value not in json.dumps(task)
    assert Validator(r4()).validate(task) == []
    assert (task["status"], task["reasonCode"]["text"]) == ("on-hold", said)
    inputs = {part["type"]["coding"][0]["code"]: part for part in task["input"]}
    assert inputs["patient-here"]["valueReference"] == {"reference": "Patient/resident"}
    binary = (await fhir.get(inputs["document"]["valueReference"]["reference"], accept="application/fhir+json")).json()
    assert b64decode(binary["data"]) == sent
    for kept in (task, binary):
        assert {label["code"] for label in kept["meta"]["security"]} == {"direct-care-only", "R"}
    assert await how_many(fhir, "Task?patient=resident") == 0
    assert await how_many(fhir, "Observation") == 0


async def test_refused_again_makes_nothing_new(fhir: Client) -> None:
    await fhir.put(_here(birthDate="1941-06-30"))
    first = await ingest(fhir, document())
    task = await only(fhir, "Task")
    await fhir.put({**task, "status": "completed"})
    before = await history_of(fhir)
    again = await ingest(fhir, document())
    assert (again.status_code, again.json()) == (409, first.json())
    assert await history_of(fhir) == before


async def test_a_refusal_is_audited_as_one(fhir: Client) -> None:
    await fhir.put(_here(birthDate="1941-06-30"))
    for _ in range(2):
        await ingest(fhir, document())
    events = (await fhir.get("AuditEvent?patient=resident")).json()["entry"]
    outcomes = [event["resource"]["outcomeDesc"] for event in events]
    assert outcomes == ["HTTP 409", "HTTP 409", "HTTP 201"]


async def test_a_known_id_that_comes_for_somebody_else_is_refused(fhir: Client) -> None:
    await ingested(fhir, document(observation()))
    before = await history_of(fhir)
    stranger = patient(name=[{"family": "Hocking", "given": ["Loveday"]}], identifier=None)
    answer = await ingest(fhir, document(observation(status="amended"), of=stranger))
    assert answer.status_code == 409
    assert answer.json()["issue"][0]["expression"] == ["Patient.name.family", "Patient.name.given"]
    assert (await history_of(fhir))[2:] == before, "the document and its Task, and nothing else"


async def test_somebody_who_married_is_still_known(fhir: Client) -> None:
    await ingested(fhir, document(), exported=JANUARY)
    married = patient(name=[{"use": "official", "family": "Tregarthen", "given": ["Morwenna"]}])
    report = await ingested(fhir, document(of=married), exported=FEBRUARY)
    assert report.counts["Patient"] == {"received": 1, "mapped": 1, "updated": 1}
    assert any("these differ: name.family" in issue for issue in report.issues)
    assert (await fhir.get(f"Patient/{PERSON}")).json()["name"][0]["family"] == "Tregarthen"


async def test_a_resource_that_is_known_as_another_persons_refuses_the_record(fhir: Client) -> None:
    await ingested(fhir, document(observation()))
    before = await history_of(fhir)
    second = patient(id="person-2", identifier=None, birthDate="1950-01-01")
    moved = observation(subject={"reference": "Patient/person-2"})
    answer = await ingest(fhir, document(observation("obs-9", subject=moved["subject"]), moved, of=second))
    assert answer.status_code == 409
    issue = answer.json()["issue"][0]
    assert issue["expression"] == ["Bundle.entry[3].resource"]
    assert f"belongs to another person, Patient/{PERSON}. These differ: birthDate." in issue["diagnostics"]
    assert (await history_of(fhir))[2:] == before
    assert (await only(fhir, "Observation"))["subject"] == {"reference": f"Patient/{PERSON}"}


async def test_a_person_of_two_practices_keeps_both_names_and_the_first_ones_updates(fhir: Client) -> None:
    await ingested(fhir, document(observation()), exported=JANUARY)
    moved = document(observation("obs-7"), practice=OTHER_PRACTICE)
    assert (await ingested(fhir, moved, exported=JANUARY)).patient == PERSON
    updated = patient(address=[{"use": "home", "line": ["2 New Row"], "postalCode": "ZZ98 9ZZ"}])
    report = await ingested(fhir, document(observation(), of=updated), exported=FEBRUARY)
    assert report.counts["Patient"] == {"received": 1, "mapped": 1, "updated": 1}
    now = (await fhir.get(f"Patient/{PERSON}")).json()
    assert now["address"][0]["line"] == ["2 New Row"]
    assert {item["system"] for item in now["identifier"]} == {NHS_SYSTEM, SOURCE, OTHER_SOURCE}
    before = await history_of(fhir)
    assert (await ingested(fhir, moved, exported=JANUARY)).patient == PERSON
    assert await history_of(fhir) == before


async def test_entries_about_somebody_else_are_set_aside(fhir: Client) -> None:
    stranger = {"subject": {"reference": "Patient/somebody-else"}}
    sent = document(observation(), observation("obs-2"), observation("obs-3", **stranger))
    report = await ingested(fhir, sent)
    assert report.counts["Observation"] == {"received": 3, "mapped": 2, "aside": 1, "created": 2}
    assert (report.counts["Task"], report.counts["Binary"]) == ({"created": 1}, {"created": 1})
    task = await only(fhir, "Task?code=review-entries-of-others")
    assert Validator(r4()).validate(task) == []
    binary = next(part["valueReference"]["reference"] for part in task["input"] if "valueReference" in part)
    kept = json.loads((await fhir.get(binary, accept="*/*")).content)
    assert [entry["resource"]["id"] for entry in kept["entry"]] == ["obs-3"]
    assert await how_many(fhir, f"Task?patient={PERSON}") == 0
    assert (await ingested(fhir, sent)).written == 0


async def test_the_same_record_many_times_at_once_makes_one_person(fhir: Client) -> None:
    reports = await asyncio.gather(*(ingested(fhir, document(observation()), exported=JANUARY) for _ in range(8)))
    assert {report.patient for report in reports} == {PERSON}
    assert sum(report.total("created") for report in reports) == 4
    assert sum(report.written for report in reports) == 4
    assert len(await history_of(fhir)) == 4


async def test_two_practices_at_once_make_one_person_of_one_nhs_number(fhir: Client) -> None:
    documents = [document(observation()), document(observation(), practice=OTHER_PRACTICE)] * 3
    reports = await asyncio.gather(*(ingested(fhir, one, exported=JANUARY) for one in documents))
    assert len({report.patient for report in reports}) == 1
    assert await how_many(fhir, "Patient") == 1
    assert await how_many(fhir, f"Observation?patient={reports[0].patient}") == 2


async def test_two_exports_at_once_end_with_the_newer(fhir: Client) -> None:
    older, newer = document(observation()), document(observation(status="amended"))
    await asyncio.gather(
        *(ingested(fhir, one, exported=when) for one, when in ((older, JANUARY), (newer, FEBRUARY)) for _ in range(3))
    )
    assert (await only(fhir, "Observation"))["status"] == "amended"


async def test_two_verified_numbers_are_never_one_person(fhir: Client) -> None:
    await ingested(fhir, document(observation()), exported=JANUARY)
    other = [{"extension": [VERIFIED], "system": NHS_SYSTEM, "value": "9990000026"}]
    answer = await ingest(
        fhir, document(observation(status="amended"), of=patient(identifier=other)), exported=FEBRUARY
    )
    assert answer.status_code == 409
    assert "These differ: identifier (NHS number)." in answer.json()["issue"][0]["diagnostics"]
    assert (await only(fhir, f"Patient/{PERSON}/Observation"))["status"] == "final"


async def test_a_record_that_says_too_little_of_a_known_person_is_refused(fhir: Client) -> None:
    await ingested(fhir, document(observation()), exported=JANUARY)
    silent = patient(name=None, birthDate=None, gender=None, address=None, identifier=None)
    answer = await ingest(fhir, document(observation(), of=silent), exported=FEBRUARY)
    assert answer.status_code == 409
    assert (await fhir.get(f"Patient/{PERSON}")).json()["birthDate"] == "1938-02-11"
