"""At most one plan in force for a person, whichever way it comes in; none is deleted, moved or brought back."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fhir_server.respect.plan import REVOKED, SUPERSEDED
from tests.respect.plans import answers, plan, revoked, signature, superseded
from tests.running import Client, patient, running

Json = dict[str, Any]
EARLY, LATE = "2026-03-01T10:00:00Z", "2026-04-01T10:00:00Z"


async def _person(fhir: Client, id: str = "p") -> None:
    assert (await fhir.put(patient(id, birthDate="1938-02-11"))).status_code in (200, 201)


async def _signed(fhir: Client, signed: str | None = EARLY, of: str = "p", **changed: Any) -> str:
    answer = await fhir.post(plan(of, signed, **changed))
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"].split("/")[-3])


async def _read(fhir: Client, id: str) -> Json:
    answer = await fhir.get(f"QuestionnaireResponse/{id}")
    assert answer.status_code == 200
    return dict(answer.json())


def _marks(resource: Json) -> list[str]:
    return [extension["url"] for extension in resource.get("modifierExtension", ())]


async def _current(fhir: Client, of: str = "p") -> str:
    answer = await fhir.get(f"Patient/{of}/$respect-current")
    assert answer.status_code == 200
    found = answer.json()
    if found["resourceType"] == "QuestionnaireResponse":
        return str(found["id"])
    return str(found["issue"][0]["details"]["coding"][0]["code"])


def _said(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["issue"][0]["diagnostics"])


async def test_signing_supersedes_the_plan_in_force_in_the_same_commit(fhir: Client) -> None:
    await _person(fhir)
    first = await _signed(fhir)
    assert await _current(fhir) == first
    second = await _signed(fhir, LATE)
    assert await _current(fhir) == second
    old = await _read(fhir, first)
    assert old["meta"]["versionId"] == "2"
    (mark,) = old["modifierExtension"]
    parts = {part["url"]: part for part in mark["extension"]}
    assert mark["url"] == SUPERSEDED
    assert parts["by"]["valueReference"] == {"reference": f"QuestionnaireResponse/{second}"}
    assert (
        parts["at"]["valueDateTime"]
        == (await _read(fhir, second))["meta"]["lastUpdated"][:19] + parts["at"]["valueDateTime"][19:]
    )
    del old["modifierExtension"], old["meta"]
    assert old == plan("p") | {"id": first}
    history = (await fhir.get("_history?_count=2")).json()["entry"]
    assert {entry["resource"]["meta"]["lastUpdated"] for entry in history} == {
        history[0]["resource"]["meta"]["lastUpdated"]
    }


async def test_two_people_have_their_own(fhir: Client) -> None:
    await _person(fhir, "p")
    await _person(fhir, "q")
    ids = [await _signed(fhir, of="p"), await _signed(fhir, of="q")]
    assert [await _current(fhir, "p"), await _current(fhir, "q")] == ids


async def test_a_draft_holds_nothing_until_it_is_signed(fhir: Client) -> None:
    await _person(fhir)
    first = await _signed(fhir)
    draft = await _signed(fhir, None)
    assert await _current(fhir) == first
    assert (await fhir.put(plan("p", LATE) | {"id": draft})).status_code == 200
    assert await _current(fhir) == draft
    assert _marks(await _read(fhir, first)) == [SUPERSEDED]


async def test_signing_by_a_patch(fhir: Client) -> None:
    await _person(fhir)
    first = await _signed(fhir)
    draft = await _signed(fhir, None)
    patch = [
        {"op": "replace", "path": "/status", "value": "completed"},
        {"op": "replace", "path": "/item", "value": answers(signature(LATE))},
    ]
    done = await fhir.send(
        "PATCH",
        f"QuestionnaireResponse/{draft}",
        json.dumps(patch).encode(),
        content_type="application/json-patch+json",
    )
    assert done.status_code == 200, done.text
    assert await _current(fhir) == draft
    assert _marks(await _read(fhir, first)) == [SUPERSEDED]


async def test_signing_in_a_transaction_with_the_patient(fhir: Client) -> None:
    first = plan("x", subject={"reference": "urn:uuid:0b7e8a1e-0000-4000-8000-000000000001"})
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:0b7e8a1e-0000-4000-8000-000000000001",
                "resource": {"resourceType": "Patient", "birthDate": "1938-02-11"},
                "request": {"method": "POST", "url": "Patient"},
            },
            {"resource": first, "request": {"method": "POST", "url": "QuestionnaireResponse"}},
        ],
    }
    answer = await fhir.post(bundle, "")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["entry"]) == 2
    of = answer.json()["entry"][0]["response"]["location"].split("/Patient/")[1].split("/")[0]
    newer = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": plan(of, LATE), "request": {"method": "POST", "url": "QuestionnaireResponse"}}],
    }
    again = await fhir.post(newer, "")
    assert again.status_code == 200, again.text
    assert len(again.json()["entry"]) == 1
    found = (await fhir.get(f"QuestionnaireResponse?patient={of}")).json()["entry"]
    assert sorted(_marks(entry["resource"]) for entry in found) == [[], [SUPERSEDED]]


async def test_a_transaction_cannot_put_two_in_force(fhir: Client) -> None:
    await _person(fhir)
    entries = [
        {"resource": plan("p", at), "request": {"method": "POST", "url": "QuestionnaireResponse"}}
        for at in (EARLY, LATE)
    ]
    answer = await fhir.post({"resourceType": "Bundle", "type": "transaction", "entry": entries}, "")
    assert "cannot both be in force" in _said(answer, 409)
    assert await _current(fhir) == "none-known"


async def test_entries_of_a_batch_supersede_each_other_in_turn(fhir: Client) -> None:
    await _person(fhir)
    entries = [
        {"resource": plan("p", at), "request": {"method": "POST", "url": "QuestionnaireResponse"}}
        for at in (EARLY, LATE)
    ]
    answer = await fhir.post({"resourceType": "Bundle", "type": "batch", "entry": entries}, "")
    assert [entry["response"]["status"][:3] for entry in answer.json()["entry"]] == ["201", "201"]
    found = (await fhir.get("QuestionnaireResponse?patient=p")).json()["entry"]
    assert sorted(_marks(entry["resource"]) for entry in found) == [[], [SUPERSEDED]]


async def test_many_signers_at_once_leave_one_in_force_and_lose_nothing(fhir: Client) -> None:
    await _person(fhir)
    answers_ = await asyncio.gather(*(fhir.post(plan("p", LATE)) for _ in range(8)))
    assert [answer.status_code for answer in answers_] == [201] * 8
    found = [entry["resource"] for entry in (await fhir.get("QuestionnaireResponse?patient=p")).json()["entry"]]
    assert sorted(_marks(one) for one in found) == [[], *[[SUPERSEDED]] * 7]
    assert await _current(fhir) == next(one["id"] for one in found if not _marks(one))


async def test_a_plan_of_before_comes_marked_or_not_at_all(fhir: Client) -> None:
    await _person(fhir)
    second = await _signed(fhir, LATE)
    assert "signed later is in force" in _said(await fhir.post(plan("p", EARLY)), 409)
    await _signed(fhir, EARLY, modifierExtension=[superseded(f"QuestionnaireResponse/{second}")])
    assert await _current(fhir) == second


async def test_revoking_ends_it_and_nothing_brings_it_back(fhir: Client) -> None:
    await _person(fhir)
    first = await _signed(fhir)
    ended = plan("p", modifierExtension=[revoked()]) | {"id": first}
    assert (await fhir.put(ended)).status_code == 200
    assert await _current(fhir) == "none-known"
    assert "does not come back" in _said(await fhir.put(plan("p") | {"id": first}), 422)
    assert _marks(await _read(fhir, first)) == [REVOKED]


async def test_a_superseded_plan_does_not_come_back(fhir: Client) -> None:
    await _person(fhir)
    first = await _signed(fhir)
    await _signed(fhir, LATE)
    assert "does not come back" in _said(await fhir.put(plan("p", "2026-05-01T10:00:00Z") | {"id": first}), 422)


async def test_what_was_entered_in_error_is_in_force_no_more(fhir: Client) -> None:
    await _person(fhir)
    first = await _signed(fhir)
    assert (await fhir.put(plan("p", status="entered-in-error") | {"id": first})).status_code == 200
    assert await _current(fhir) == "none-known"


async def test_nobody_deletes_a_plan_that_was_signed(fhir: Client) -> None:
    await _person(fhir)
    first, draft = await _signed(fhir), await _signed(fhir, None)
    assert "not deleted" in _said(await fhir.send("DELETE", f"QuestionnaireResponse/{first}"), 409)
    assert await _current(fhir) == first
    assert (await fhir.send("DELETE", f"QuestionnaireResponse/{draft}")).status_code == 204


async def test_a_plan_stays_the_plan_of_its_person(fhir: Client) -> None:
    await _person(fhir, "p")
    await _person(fhir, "q")
    first = await _signed(fhir)
    moved = plan("q", subject={"reference": "Patient/q"}) | {"id": first}
    assert "stays the plan of its person" in _said(await fhir.put(moved), 422)
    assert [await _current(fhir, "p"), await _current(fhir, "q")] == [first, "none-known"]


async def test_what_a_signed_plan_says_changes_only_by_signing_again(fhir: Client) -> None:
    await _person(fhir)
    first = await _signed(fhir)
    other = answers(signature(EARLY), cpr="450475007")
    assert "signing again" in _said(await fhir.put(plan("p", item=other) | {"id": first}), 422)
    assert "signing again" in _said(await fhir.put(plan("p", item=other, status="amended") | {"id": first}), 422)
    assert "stays signed" in _said(await fhir.put(plan("p", None) | {"id": first}), 422)
    assert "stays a plan" in _said(await fhir.put(plan("p", questionnaire=None) | {"id": first}), 422)
    again = answers(signature(EARLY), signature(LATE), cpr="450475007")
    assert (await fhir.put(plan("p", item=again, status="amended") | {"id": first})).status_code == 200
    assert await _current(fhir) == first


async def test_a_second_signature_does_not_supersede_itself(fhir: Client) -> None:
    await _person(fhir)
    first = await _signed(fhir)
    both = answers(signature(EARLY), signature(LATE, senior=True))
    assert (await fhir.put(plan("p", item=both, status="amended") | {"id": first})).status_code == 200
    assert _marks(await _read(fhir, first)) == []


async def test_other_questionnaires_are_left_alone(fhir: Client) -> None:
    await _person(fhir)
    other = plan("p", questionnaire="http://example.org/Questionnaire/other")
    ids = {(await fhir.post(other)).headers["Location"] for _ in range(2)}
    assert len(ids) == 2
    assert await _current(fhir) == "none-known"


async def test_the_rule_outlives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as fhir:
        await _person(fhir)
        first = await _signed(fhir)
    async with running(tmp_path) as fhir:
        second = await _signed(fhir, LATE)
        assert await _current(fhir) == second
        assert _marks(await _read(fhir, first)) == [SUPERSEDED]


@pytest.mark.parametrize("subject", [None, {"display": "somebody"}])
async def test_a_signed_plan_names_its_person(fhir: Client, subject: Json | None) -> None:
    answer = await fhir.post(plan("p", subject=subject))
    assert "names the one person" in _said(answer, 422)


async def test_the_audit_names_all_that_was_written(fhir: Client) -> None:
    await _person(fhir)
    first = await _signed(fhir)
    second = await _signed(fhir, LATE)
    events = (await fhir.get("AuditEvent?_count=1")).json()["entry"]
    named = [entity["what"].get("reference", "") for entity in events[0]["resource"]["entity"] if "what" in entity]
    assert f"QuestionnaireResponse/{second}/_history/1" in " ".join(named)
    assert f"QuestionnaireResponse/{first}/_history/2" in " ".join(named)


async def test_a_person_named_by_nhs_number_has_one_plan_all_the_same(fhir: Client) -> None:
    verified = {
        "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
        "valueCodeableConcept": {"coding": [{"code": "01"}]},
    }
    number = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}
    await fhir.put(patient("p", birthDate="1938-02-11", identifier=[number | {"extension": [verified]}]))
    first = await _signed(fhir, subject={"identifier": number})
    assert await _current(fhir) == first
    second = await _signed(fhir, LATE)
    assert await _current(fhir) == second
    assert _marks(await _read(fhir, first)) == [SUPERSEDED]
    assert {
        entry["resource"]["id"] for entry in (await fhir.get("QuestionnaireResponse?patient=p")).json()["entry"]
    } == {
        first,
        second,
    }
