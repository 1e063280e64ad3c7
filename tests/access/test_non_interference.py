"""An answer equals the answer on a store from which everything that the caller may not see was removed.

Whatever leaks, by status, header, total, order or page, makes the two differ. The differences that are meant are tested
at the end, each with its reason. Not compared, since they tell of the whole store: when it last changed
(`Bundle.meta.lastUpdated`), and the number of an entry of the audit in its chain (the id of an AuditEvent).
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.access.asking import Asked, Grammar, ask
from tests.access.people import MASKED, NO_LABELLED, ONE_PATIENT, SCENES, SCRIPT, Scene, write
from tests.access.serving import World, world
from tests.running import encoded, patient
from tests.stores import fewer

REQUESTS = 400
JSON = {"content_type": "application/fhir+json"}
JSON_PATCH = {"content_type": "application/json-patch+json"}


@pytest.fixture(autouse=True)
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entries of a batch one after the other: at once, they would be recorded in any order."""
    monkeypatch.setattr("fhir_server.interactions.batch._AT_ONCE", 1)


async def _answers(here: World, scene: Scene, number: int, asked: Asked) -> list[object]:
    here.clock.tick()
    here.ids.restart(1000 + number)
    named = Asked(asked.method, asked.path, asked.headers | {"x_request_id": f"r-{number}"}, asked.body, asked.follows)
    with here.seen_by(scene.access) as fhir:
        return await ask(fhir, named)


async def _first_difference(whole: World, cut: World, scene: Scene, requests: Sequence[Asked]) -> object:
    for number, asked in enumerate(requests):
        of_whole = await _answers(whole, scene, number, asked)
        of_cut = await _answers(cut, scene, number, asked)
        if of_whole != of_cut:
            return (number, asked, of_whole, of_cut)
    return None


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_what_may_not_be_seen_changes_no_answer(tmp_path: Path, scene: Scene) -> None:
    async with world(tmp_path / "whole") as whole, world(tmp_path / "cut") as cut:
        await write(whole, SCRIPT)
        await write(cut, scene.visible())
        grammar = Grammar(scene, seed=1)
        assert await _first_difference(whole, cut, scene, [grammar() for _ in range(fewer(REQUESTS))]) is None


async def test_the_comparison_would_notice(tmp_path: Path) -> None:
    blind = Scene("everything", NO_LABELLED.access, ONE_PATIENT.hides)
    async with world(tmp_path / "whole") as whole, world(tmp_path / "cut") as cut:
        await write(whole, SCRIPT)
        await write(cut, blind.visible())
        for asked in (
            Asked("GET", "Patient/b"),
            Asked("GET", "Patient?_summary=count"),
            Asked("GET", "_history?_count=1"),
            Asked("GET", "Patient?address-postalcode=LS2"),
            Asked("POST", "Observation", JSON | {"if_none_exist": "identifier=obs-ob1"}, encoded(_observation_of_a())),
        ):
            assert await _first_difference(whole, cut, blind, [asked]) is not None, asked


def _observation_of_a() -> dict[str, object]:
    return next(step for step in SCRIPT if isinstance(step, dict) and step["id"] == "oa1")


# --- the differences that are meant ------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"if_none_match": "*"}])
async def test_an_id_that_is_taken_unseen_cannot_be_taken(here: World, headers: dict[str, str]) -> None:
    """There cannot be two resources of one id, and writing over the hidden one would lose it."""
    await write(here, SCRIPT)
    before = (await here.fhir.get("Patient/b/_history")).json()["entry"]
    with here.seen_by(ONE_PATIENT.access) as fhir:
        refused = await fhir.put(patient("b"), **headers)
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [{"resource": patient("b"), "request": {"method": "PUT", "url": "Patient/b"}}],
        }
        in_transaction = await fhir.post(bundle, "")
    assert (refused.status_code, in_transaction.status_code) == (404, 404)
    assert refused.json()["issue"] == [
        {"severity": "error", "code": "not-found", "diagnostics": "Patient/b is not known here"}
    ]
    assert (await here.fhir.get("Patient/b/_history")).json()["entry"] == before


async def test_what_is_referred_to_unseen_cannot_be_deleted(here: World) -> None:
    """The hidden record would lose its author. That something refers to it is said, not what."""
    await write(here, [step for step in SCRIPT if not (isinstance(step, dict) and step["id"] in ("oa1", "of1"))])
    with here.seen_by(ONE_PATIENT.access) as fhir:
        for place in ("Practitioner/pr", "Organization/org"):
            refused = await fhir.send("DELETE", place)
            assert refused.status_code == 409
            assert "ob" not in refused.json()["issue"][0]["diagnostics"].removeprefix(place)
            assert (await fhir.get(place)).status_code == 200


@pytest.mark.parametrize("guess", ["2 Secret Street", "9 Wrong Street"])
async def test_what_is_seen_in_part_cannot_be_written(here: World, guess: str) -> None:
    """Writing it would erase the rest (B39); a patch could test for what is masked (B36): the answer is the same for a
    right and a wrong guess, and where nothing masked is touched."""
    await write(here, SCRIPT)
    before = (await here.fhir.get("Patient/b")).content
    refusal = [
        {
            "severity": "error",
            "code": "forbidden",
            "diagnostics": "You see only a part of this resource; writing it would erase the rest.",
        }
    ]
    patch = encoded([{"op": "test", "path": "/address/0/line/0", "value": guess}])
    touch = encoded([{"op": "replace", "path": "/active", "value": False}])
    with here.seen_by(MASKED.access) as fhir:
        read = (await fhir.get("Patient/b")).json()
        assert "address" not in read
        assert "telecom" not in read
        answers = [
            await fhir.put(read),
            await fhir.put(read, if_match='W/"1"'),
            await fhir.send("PATCH", "Patient/b", patch, **JSON_PATCH),
            await fhir.send("PATCH", "Patient/b", touch, **JSON_PATCH),
            await fhir.post(
                {
                    "resourceType": "Bundle",
                    "type": "transaction",
                    "entry": [{"resource": read, "request": {"method": "PUT", "url": "Patient/b"}}],
                },
                "",
            ),
        ]
        assert [answer.status_code for answer in answers] == [403] * 5
        assert [answer.json()["issue"] for answer in answers[:4]] == [refusal] * 4
        assert (await fhir.put((await fhir.get("Patient/a")).json())).status_code == 200
    assert (await here.fhir.get("Patient/b")).content == before
