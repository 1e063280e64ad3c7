"""update, patch and delete through HTTP."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.running import BASE, Client, observation, patient, running

JSON_PATCH = "application/json-patch+json"


async def _patch(fhir: Client, path: str, operations: list[dict[str, Any]], **headers: str) -> Any:
    return await fhir.send("PATCH", path, msgspec.json.encode(operations), content_type=JSON_PATCH, **headers)


async def test_put_creates_then_makes_versions(fhir: Client) -> None:
    first = await fhir.put(patient("p"))
    assert (first.status_code, first.headers["etag"]) == (201, 'W/"1"')
    assert first.headers["location"] == f"{BASE}/Patient/p/_history/1"
    second = await fhir.put(patient("p", active=True))
    assert (second.status_code, second.headers["etag"]) == (200, 'W/"2"')
    assert "location" not in second.headers
    assert (await fhir.get("Patient/p/_history/1")).content == first.content
    assert (await fhir.get("Patient/p")).content == second.content


async def test_an_update_that_changes_nothing_makes_no_version(fhir: Client) -> None:
    first = await fhir.put(patient("p", active=True))
    body = b'{"resourceType":"Patient", "id":"p",  "meta":{"versionId":"77"}, "active":true}'
    await fhir.send("PUT", "Patient/p", body, content_type="application/fhir+json")
    again = await fhir.put(patient("p", active=True))
    assert again.status_code == 200
    history = (await fhir.get("Patient/p/_history")).json()
    assert history["total"] <= 2
    assert again.headers["etag"] == (await fhir.get("Patient/p")).headers["etag"]
    assert first.json()["active"] is True


async def test_put_needs_the_id_of_the_address(fhir: Client) -> None:
    for resource in (patient("other"), {"resourceType": "Patient"}):
        answer = await fhir.send(
            "PUT", "Patient/p", msgspec.json.encode(resource), content_type="application/fhir+json"
        )
        assert answer.status_code == 400
        assert answer.json()["issue"][0]["expression"] == ["Patient.id"]
    assert (await fhir.get("Patient/p")).status_code == 404


async def test_update_create_may_be_switched_off(tmp_path: Path) -> None:
    async with running(tmp_path, update_create=False) as fhir:
        assert (await fhir.put(patient("p"))).status_code == 405
        assert (await fhir.get("Patient/p")).status_code == 404


@pytest.mark.parametrize(
    ("header", "status"),
    [('W/"1"', 200), ('"1"', 200), ('W/"2"', 412), ('W/"abc"', 412), ("1", 400), ('W/"1", W/"2"', 400)],
)
async def test_if_match(fhir: Client, header: str, status: int) -> None:
    await fhir.put(patient("p"))
    answer = await fhir.put(patient("p", active=True), if_match=header)
    assert answer.status_code == status
    current = (await fhir.get("Patient/p")).headers["etag"]
    assert current == ('W/"2"' if status == 200 else 'W/"1"')


async def test_if_none_match_any_keeps_what_is_there(fhir: Client) -> None:
    assert (await fhir.put(patient("p"), if_none_match="*")).status_code == 201
    assert (await fhir.put(patient("p", active=True), if_none_match="*")).status_code == 412
    assert (await fhir.get("Patient/p")).headers["etag"] == 'W/"1"'


async def test_a_hundred_updates_of_one_version_have_one_winner(fhir: Client) -> None:
    await fhir.put(patient("p"))
    answers = await asyncio.gather(
        *(fhir.put(patient("p", multipleBirthInteger=n), if_match='W/"1"') for n in range(100))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 99
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert (await fhir.get("Patient/p")).content == winner.content


async def test_unconditional_updates_leave_a_history_without_gaps(fhir: Client) -> None:
    answers = await asyncio.gather(*(fhir.put(patient("p", multipleBirthInteger=n)) for n in range(50)))
    assert {answer.status_code for answer in answers} == {200, 201}
    history = (await fhir.get("Patient/p/_history?_count=100")).json()
    versions = [int(entry["resource"]["meta"]["versionId"]) for entry in history["entry"]]
    assert versions == list(range(50, 0, -1))
    numbers = {entry["resource"]["multipleBirthInteger"] for entry in history["entry"]}
    assert numbers == set(range(50))


async def test_labels_that_an_update_leaves_out_stay(fhir: Client) -> None:
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    await fhir.put(patient("p", meta={"security": [restricted]}))
    answer = await fhir.put(patient("p", active=True))
    assert answer.json()["meta"]["security"] == [restricted]
    assert (await fhir.get("Patient?_security=R")).json()["entry"][0]["resource"]["id"] == "p"


async def test_a_part_of_a_resource_is_not_stored(fhir: Client) -> None:
    await fhir.put(patient("p", birthDate="1940-01-01", gender="female"))
    part = (await fhir.get("Patient/p?_elements=gender")).json()
    assert part["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "birthDate" not in part
    answer = await fhir.put(part)
    assert answer.status_code == 422
    assert (await fhir.get("Patient/p")).json()["birthDate"] == "1940-01-01"


async def test_a_subject_may_not_become_unknown(fhir: Client) -> None:
    await fhir.put(patient("p"))
    await fhir.put(observation("Patient/p", "o"))
    assert (await fhir.put(observation("Patient/q", "o"))).status_code == 422
    assert (await fhir.get("Observation/o")).json()["subject"] == {"reference": "Patient/p"}


async def test_a_patch_changes_what_it_names_and_keeps_decimals(fhir: Client) -> None:
    await fhir.put(patient("p"))
    body = (
        b'{"resourceType":"Observation","id":"o","status":"final","code":{"text":"weight"},'
        b'"subject":{"reference":"Patient/p"},"valueQuantity":{"value":1.10},"referenceRange":[{"low":{"value":0.010}}]}'
    )
    await fhir.send("PUT", "Observation/o", body, content_type="application/fhir+json")
    answer = await _patch(fhir, "Observation/o", [{"op": "replace", "path": "/status", "value": "amended"}])
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert b'"status":"amended"' in answer.content
    assert b'"value":1.10}' in answer.content
    assert b'"value":0.010}' in answer.content


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ([{"op": "test", "path": "/status", "value": "nope"}], 422),
        ([{"op": "replace", "path": "/nowhere/at/all", "value": 1}], 422),
        ([{"op": "explode", "path": "/status"}], 400),
        ([{"path": "/status"}], 400),
        ({"op": "remove", "path": "/status"}, 400),
        ([{"op": "replace", "path": "/id", "value": "other"}], 422),
        ([{"op": "remove", "path": "/status"}], 400),
        ([{"op": "add", "path": "/colour", "value": "blue"}], 400),
        ([{"op": "replace", "path": "", "value": 1}], 422),
        ([{"op": "replace", "path": "/subject/reference", "value": "Patient/nobody"}], 422),
    ],
)
async def test_a_patch_that_does_not_fit_changes_nothing(fhir: Client, operations: Any, status: int) -> None:
    await fhir.put(patient("p"))
    before = await fhir.put(observation("Patient/p", "o"))
    answer = await _patch(fhir, "Observation/o", operations)
    assert answer.status_code == status, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert (await fhir.get("Observation/o")).content == before.content


async def test_parallel_patches_are_all_kept(fhir: Client) -> None:
    await fhir.put(patient("p", name=[{"given": ["x"]}]))
    add = [{"op": "add", "path": "/name/0/given/-", "value": "y"}]
    answers = await asyncio.gather(*(_patch(fhir, "Patient/p", add) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await fhir.get("Patient/p")).json()["name"][0]["given"] == ["x"] + ["y"] * 20


async def test_delete_leaves_history_and_can_be_undone(fhir: Client) -> None:
    await fhir.put(patient("p"))
    deleted = await fhir.send("DELETE", "Patient/p")
    assert (deleted.status_code, deleted.content, deleted.headers["etag"]) == (204, b"", 'W/"2"')
    assert (await fhir.get("Patient/p")).status_code == 410
    assert (await fhir.get("Patient/p/_history/2")).status_code == 410
    assert (await fhir.get("Patient/p/_history/1")).status_code == 200
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == 0
    assert (await fhir.send("DELETE", "Patient/p")).status_code == 204
    back = await fhir.put(patient("p"))
    assert (back.status_code, back.headers["etag"]) == (201, 'W/"3"')


async def test_delete_of_nothing(fhir: Client) -> None:
    assert (await fhir.send("DELETE", "Patient/never")).status_code == 204
    assert (await fhir.get("Patient/never")).status_code == 404


async def test_delete_keeps_what_others_refer_to(fhir: Client) -> None:
    await fhir.put(patient("p"))
    await fhir.put(observation("Patient/p", "o"))
    answer = await fhir.send("DELETE", "Patient/p")
    assert answer.status_code == 409
    assert "Observation/o" in answer.json()["issue"][0]["diagnostics"]
    assert (await fhir.get("Patient/p")).status_code == 200
    await fhir.send("DELETE", "Observation/o")
    assert (await fhir.send("DELETE", "Patient/p")).status_code == 204


async def test_delete_referenced_may_be_allowed(tmp_path: Path) -> None:
    async with running(tmp_path, delete_referenced=True) as fhir:
        await fhir.put(patient("p"))
        await fhir.put(observation("Patient/p", "o"))
        assert (await fhir.send("DELETE", "Patient/p")).status_code == 204


async def test_delete_under_if_match(fhir: Client) -> None:
    await fhir.put(patient("p"))
    assert (await fhir.send("DELETE", "Patient/p", if_match='W/"2"')).status_code == 412
    assert (await fhir.send("DELETE", "Patient/p", if_match='W/"1"')).status_code == 204
