"""create through HTTP."""

import asyncio
from pathlib import Path

import pytest

from tests.running import BASE, Client, observation, patient, running

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
VERIFICATION = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
VERIFICATION_CODES = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"


def nhs_number(value: str, status: str = "01") -> dict[str, object]:
    coding = {"system": VERIFICATION_CODES, "code": status}
    extension = {"url": VERIFICATION, "valueCodeableConcept": {"coding": [coding]}}
    return {"extension": [extension], "system": NHS_NUMBER, "value": value}


async def test_what_was_sent_comes_back_with_id_and_version(fhir: Client) -> None:
    body = b'{ "resourceType" : "Patient",\n "active":true, "meta":{"tag":[{"code":"t"}],"versionId":"9"} }'
    answer = await fhir.send("POST", "Patient", body, content_type="application/fhir+json")
    assert answer.status_code == 201
    created = answer.json()
    assert answer.headers["location"] == f"{BASE}/Patient/{created['id']}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["content-type"] == "application/fhir+json; fhirVersion=4.0; charset=utf-8"
    updated = created["meta"]["lastUpdated"]
    assert created == {
        "resourceType": "Patient",
        "id": created["id"],
        "active": True,
        "meta": {"versionId": "1", "lastUpdated": updated, "tag": [{"code": "t"}]},
    }
    assert list(created) == ["resourceType", "id", "active", "meta"]
    again = await fhir.get(f"Patient/{created['id']}")
    assert again.content == answer.content


async def test_a_client_id_is_not_used(fhir: Client) -> None:
    answer = await fhir.post(patient("mine"))
    assert answer.status_code == 201
    assert answer.json()["id"] != "mine"
    assert (await fhir.get("Patient/mine")).status_code == 404


@pytest.mark.parametrize(
    ("preference", "content"),
    [("return=minimal", b""), ("return=OperationOutcome", b'"resourceType":"OperationOutcome"')],
)
async def test_prefer_says_what_comes_back(fhir: Client, preference: str, content: bytes) -> None:
    answer = await fhir.post(patient("x"), prefer=preference)
    assert answer.status_code == 201
    assert answer.headers["location"].startswith(f"{BASE}/Patient/")
    assert content in answer.content
    assert (answer.content == b"") == (content == b"")


async def test_all_faults_are_named_with_their_place(fhir: Client) -> None:
    resource = {"resourceType": "Patient", "gender": "robot", "birthDate": "2020-02-30", "colour": "blue"}
    answer = await fhir.post(resource)
    assert answer.status_code == 400
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    found = {expression: issue["code"] for issue in outcome["issue"] for expression in issue["expression"]}
    assert found == {"Patient.gender": "code-invalid", "Patient.birthDate": "value", "Patient.colour": "structure"}
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == 0


async def test_another_type_than_the_address_is_refused(fhir: Client) -> None:
    answer = await fhir.post(patient("x"), "Observation")
    assert answer.status_code == 400
    assert answer.json()["issue"] == [
        {
            "severity": "error",
            "code": "invalid",
            "diagnostics": "The resource is a Patient, the address is for Observation.",
            "expression": ["Observation.resourceType"],
        }
    ]


async def test_the_patient_must_exist(fhir: Client) -> None:
    answer = await fhir.post(observation("Patient/nobody"))
    assert answer.status_code == 422
    issue = answer.json()["issue"][0]
    assert (issue["code"], issue["expression"]) == ("not-found", ["Observation.subject"])
    assert (await fhir.get("Observation?_summary=count")).json()["total"] == 0


async def test_a_deleted_patient_does_not_count(fhir: Client) -> None:
    await fhir.put(patient("gone"))
    assert (await fhir.send("DELETE", "Patient/gone")).status_code == 204
    assert (await fhir.post(observation("Patient/gone"))).status_code == 422


async def test_references_off_lets_everything_dangle(tmp_path: Path) -> None:
    async with running(tmp_path, references="off") as fhir:
        assert (await fhir.post(observation("Patient/nobody"))).status_code == 201


async def test_references_all_asks_for_every_target(tmp_path: Path) -> None:
    async with running(tmp_path, references="all") as fhir:
        await fhir.put(patient("p"))
        resource = observation("Patient/p", performer=[{"reference": "Practitioner/nobody"}])
        answer = await fhir.post(resource)
        assert answer.status_code == 422
        assert answer.json()["issue"][0]["expression"] == ["Observation.performer[0]"]
        await fhir.put({"resourceType": "Practitioner", "id": "nobody"})
        assert (await fhir.post(resource)).status_code == 201


async def test_a_contained_patient_is_no_subject(fhir: Client) -> None:
    resource = observation("#p", contained=[{"resourceType": "Patient", "id": "p"}])
    answer = await fhir.post(resource)
    assert answer.status_code == 422
    assert "contained" in answer.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("patients", "status"),
    [
        ([("a", "9990000018", "01")], 201),
        ([("a", "9990000018", "02")], 422),
        ([("a", "9990000018", "01"), ("b", "9990000018", "01")], 422),
        ([("a", "9990000018", "01"), ("b", "9990000018", "02")], 201),
        ([], 422),
    ],
)
async def test_a_logical_reference_needs_the_one_verified_patient(
    fhir: Client, patients: list[tuple[str, str, str]], status: int
) -> None:
    for resource_id, number, verification in patients:
        await fhir.put(patient(resource_id, identifier=[nhs_number(number, verification)]))
    resource = observation("unused", "o")
    resource["subject"] = {"identifier": {"system": NHS_NUMBER, "value": "9990000018"}}
    answer = await fhir.put(resource)
    assert answer.status_code == status
    if status == 201:
        assert answer.json()["subject"] == resource["subject"]
        found = (await fhir.get("Patient/a/Observation?_total=accurate")).json()
        assert [entry["resource"]["id"] for entry in found["entry"]] == ["o"]
        assert (await fhir.send("DELETE", "Patient/a")).status_code == 409


async def test_if_none_exist_makes_one_and_finds_it_again(fhir: Client) -> None:
    resource = {"resourceType": "Patient", "identifier": [{"system": "urn:s", "value": "v"}]}
    first = await fhir.post(resource, if_none_exist="identifier=urn:s|v")
    again = await fhir.post(resource, if_none_exist="identifier=urn:s|v")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    for header in ("location", "etag", "last-modified"):
        assert again.headers[header] == first.headers[header]
    await fhir.post(resource)
    several = await fhir.post(resource, if_none_exist="identifier=urn:s|v")
    assert several.status_code == 412


@pytest.mark.parametrize("criteria", ["", "?", "unknown=1", "identifier=", "_count=1"])
async def test_empty_or_unknown_criteria_never_mean_all(fhir: Client, criteria: str) -> None:
    answer = await fhir.post(patient("x"), if_none_exist=criteria)
    assert answer.status_code == 400
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == 0


async def test_sixty_four_at_once_make_one(fhir: Client) -> None:
    resource = {"resourceType": "Patient", "identifier": [{"system": "urn:s", "value": "v"}]}
    criteria = ["identifier=urn:s|v", "identifier=v"]
    answers = await asyncio.gather(*(fhir.post(resource, if_none_exist=criteria[n % 2]) for n in range(64)))
    assert sorted(answer.status_code for answer in answers) == [200] * 63 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == 1


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/a#x",
        f"{BASE}/Patient/a/x/1",
        "urn:uuid:0d4c4a5e-6f0b-4c6f-8a4e-5a7a0c0a0001",
        "Patient/",
        "a",
        "/Patient/a",
    ],
)
async def test_a_subject_that_names_nobody_is_refused(fhir: Client, reference: str) -> None:
    await fhir.put(patient("a"))
    answer = await fhir.post(observation(reference))
    assert answer.status_code in (400, 422), answer.text
    assert (await fhir.get("Observation?_summary=count")).json()["total"] == 0


async def test_a_subject_that_is_no_patient_is_let_be(fhir: Client) -> None:
    for reference in ("Group/g", "Device/d", "https://elsewhere.example/fhir/Group/g"):
        assert (await fhir.post(observation(reference))).status_code == 201
