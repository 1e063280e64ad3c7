"""Patient/[id]/$respect-current: the plan in force, or which of the three kinds of nothing."""

from pathlib import Path
from typing import Any

from fhir_server.store.access import EVERYTHING, AccessFilter, Rule
from fhir_server.store.criteria import TokenIs
from profiles.canonical import CANONICAL
from tests.access.serving import world
from tests.respect.plans import plan, revoked
from tests.running import Client, patient

OPERATION = "Patient/p/$respect-current"


def _code(body: dict[str, Any]) -> str:
    (issue,) = body["issue"]
    (coding,) = issue["details"]["coding"]
    assert coding["system"] == f"{CANONICAL}/CodeSystem/respect-nothing"
    return str(coding["code"])


async def test_the_plan_in_force_is_given_with_its_version(fhir: Client) -> None:
    await fhir.put(patient("p"))
    made = await fhir.post(plan("p"))
    answer = await fhir.get(OPERATION)
    assert answer.status_code == 200
    assert answer.json() == made.json()
    assert answer.headers["etag"] == 'W/"1"'
    assert (await fhir.post({"resourceType": "Parameters"}, OPERATION)).json() == made.json()


async def test_none_is_known_and_what_else_there_is(fhir: Client) -> None:
    await fhir.put(patient("p"))
    empty = await fhir.get(OPERATION)
    assert empty.status_code == 200
    assert _code(empty.json()) == "none-known"
    assert empty.json()["issue"][0]["diagnostics"] == ("No plan in force is known here; there may be one elsewhere.")
    await fhir.post(plan("p", None))
    await fhir.post(plan("p", modifierExtension=[revoked()]))
    assert (
        (await fhir.get(OPERATION))
        .json()["issue"][0]["diagnostics"]
        .endswith("Plans here that are not in force: 1 not signed (draft), 1 superseded or revoked.")
    )


async def test_a_patient_who_is_not_here_is_not_a_person_without_a_plan(fhir: Client) -> None:
    answer = await fhir.get("Patient/nobody/$respect-current")
    assert answer.status_code == 404
    assert "details" not in answer.json()["issue"][0]


async def test_it_is_for_patients_only_and_changes_nothing(fhir: Client) -> None:
    assert (await fhir.get("Observation/p/$respect-current")).status_code == 404
    assert (await fhir.send("PUT", OPERATION, b"{}", content_type="application/fhir+json")).status_code == 405


async def test_what_is_withheld_is_never_called_none(tmp_path: Path) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    restricted = AccessFilter((Rule(),), (Rule(None, (TokenIs("_security", label["system"], "R"),)),))
    async with world(tmp_path) as here:
        await here.fhir.put(patient("p"))
        made = await here.fhir.post(plan("p", "2019-04-01T10:00:00Z", meta={"security": [label]}))
        assert made.status_code == 201
        with here.seen_by(restricted) as fhir:
            answer = await fhir.get(OPERATION)
            assert answer.status_code == 200
            assert _code(answer.json()) == "withheld"
        with here.seen_by(EVERYTHING) as fhir:
            assert (await fhir.get(OPERATION)).json() == made.json()


async def test_a_plan_that_the_signer_may_not_see_is_not_passed_over(tmp_path: Path) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    restricted = AccessFilter((Rule(),), (Rule(None, (TokenIs("_security", label["system"], "R"),)),))
    async with world(tmp_path) as here:
        await here.fhir.put(patient("p"))
        await here.fhir.post(plan("p", "2019-04-01T10:00:00Z", meta={"security": [label]}))
        with here.seen_by(restricted) as fhir:
            assert (await fhir.post(plan("p", "2019-05-01T10:00:00Z"))).status_code == 409
