"""Nobody changes what they may not see, moves a record out of their own sight, or labels one away."""

from typing import Any

import pytest

from auth.access import Access
from fhir_server.outcome import Forbidden
from fhir_server.request import Origin
from tests.access.asking import Grammar, ask
from tests.access.people import NO_LABELLED, ONE_PATIENT, RESTRICTED, SCENES, SCRIPT, Scene, write
from tests.access.serving import World, access_of
from tests.running import Client, encoded, observation, patient

JSON_PATCH = {"content_type": "application/json-patch+json"}


def _bundle(kind: str, *entries: tuple[str, str, dict[str, Any] | None]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [
            {"request": {"method": method, "url": url}} | ({"resource": resource} if resource else {})
            for method, url, resource in entries
        ],
    }


async def _history_of(fhir: Client, resource_type: str, names: frozenset[str]) -> dict[str, bytes]:
    return {name: _entries((await fhir.get(f"{resource_type}/{name}/_history")).content) for name in names}


def _entries(history: bytes) -> bytes:
    return history[history.index(b'"entry":') :]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_no_write_touches_what_is_hidden(here: World, scene: Scene) -> None:
    await write(here, SCRIPT)
    hidden = {resource_type: scene.hidden_ids(resource_type) for resource_type in IDS_WRITTEN}
    before = {
        resource_type: await _history_of(here.fhir, resource_type, hidden[resource_type]) for resource_type in hidden
    }
    grammar = Grammar(scene, seed=2, daring=True)
    with here.seen_by(scene.access) as fhir:
        for number in range(150):
            here.clock.tick()
            here.ids.restart(1000 + number)
            await ask(fhir, grammar.write())
    for resource_type, names in hidden.items():
        assert await _history_of(here.fhir, resource_type, names) == before[resource_type]


IDS_WRITTEN = ("Observation", "Condition", "Patient")


async def _move(fhir: Client, how: str, changed: dict[str, Any]) -> int:
    if how == "PUT":
        return (await fhir.put(changed)).status_code
    if how == "PATCH":
        operations = [
            {"op": "add", "path": f"/{name}", "value": value} for name, value in changed.items() if name != "id"
        ]
        return (await fhir.send("PATCH", "Observation/oa1", encoded(operations), **JSON_PATCH)).status_code
    return (await fhir.post(_bundle("transaction", ("PUT", "Observation/oa1", changed)), "")).status_code


@pytest.mark.parametrize("how", ["PUT", "PATCH", "transaction"])
@pytest.mark.parametrize(
    ("scene", "change", "references", "status"),
    [
        (ONE_PATIENT, {"subject": {"reference": "Patient/b"}}, "patient", 422),
        (ONE_PATIENT, {"subject": {"reference": "Patient/b"}}, "off", 403),
        (ONE_PATIENT, {"subject": {"display": "nobody"}}, "patient", 403),
        (NO_LABELLED, {"meta": RESTRICTED}, "patient", 403),
    ],
)
async def test_nobody_moves_a_record_out_of_sight(
    here: World, how: str, scene: Scene, change: dict[str, Any], references: Any, status: int
) -> None:
    await write(here, SCRIPT)
    before = (await here.fhir.get("Observation/oa1/_history")).json()["entry"]
    with here.seen_by(scene.access) as fhir, here.referring_to(references):
        changed = (await fhir.get("Observation/oa1")).json() | change
        assert await _move(fhir, how, changed) == status
    assert (await here.fhir.get("Observation/oa1/_history")).json()["entry"] == before


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_a_create_out_of_sight_makes_nothing(here: World, scene: Scene) -> None:
    await write(here, SCRIPT)
    total = (await here.fhir.get("_history?_count=1")).json()["total"]
    subject = "Patient/b" if scene is ONE_PATIENT else "Patient/a"
    made = observation(subject, meta=RESTRICTED)
    with here.seen_by(scene.access) as fhir, here.referring_to("off"):
        answers = [await fhir.post(made), await fhir.post(_bundle("transaction", ("POST", "Observation", made)), "")]
    expected = 403 if scene.hides(made | {"id": "x"}) else None
    if expected is not None:
        assert [answer.status_code for answer in answers] == [expected] * 2
        assert (await here.fhir.get("_history?_count=1")).json()["total"] == total


async def test_labels_cannot_be_taken_off(here: World) -> None:
    await here.fhir.put(patient("a"))
    await here.fhir.put(observation("Patient/a", "o", meta=RESTRICTED))
    await here.fhir.put(observation("Patient/a", "o", note=[{"text": "x"}]))
    patch = encoded([{"op": "remove", "path": "/meta/security"}])
    await here.fhir.send("PATCH", "Observation/o", patch, **JSON_PATCH)
    assert (await here.fhir.get("Observation/o")).json()["meta"]["security"] == RESTRICTED["security"]
    with here.seen_by(NO_LABELLED.access) as fhir:
        assert (await fhir.get("Observation/o")).status_code == 404


# --- entries of a Bundle are decided one by one ------------------------------------------------------------------


def _no_conditions(interaction: str, type: str | None, origin: Origin, /) -> Access:
    if type == "Condition":
        raise Forbidden("Conditions are not for you.")
    return access_of(ONE_PATIENT.access)


CONDITION = {"resourceType": "Condition", "subject": {"reference": "Patient/a"}}


async def test_each_entry_of_a_batch_is_decided_alone(here: World) -> None:
    await write(here, SCRIPT)
    here.policy = _no_conditions
    answer = await here.fhir.post(
        _bundle(
            "batch",
            ("GET", "Condition/ca", None),
            ("GET", "Observation/oa1", None),
            ("GET", "Observation/ob1", None),
            ("POST", "Condition", CONDITION),
            ("GET", "Patient/a/Condition", None),
            ("POST", "Observation", observation("Patient/a")),
        ),
        "",
    )
    statuses = [entry["response"]["status"] for entry in answer.json()["entry"]]
    assert statuses == ["403", "200", "404", "403", "403", "201"]


@pytest.mark.parametrize(
    "forbidden",
    [
        ("POST", "Condition", CONDITION),
        ("PUT", "Condition/x", CONDITION | {"id": "x"}),
        ("DELETE", "Condition/ca", None),
    ],
    ids=lambda entry: entry[0],
)
async def test_a_forbidden_entry_forbids_its_transaction(
    here: World, forbidden: tuple[str, str, dict[str, Any] | None]
) -> None:
    await write(here, SCRIPT)
    total = (await here.fhir.get("_history?_count=1")).json()["total"]
    before, here.policy = here.policy, _no_conditions
    answer = await here.fhir.post(
        _bundle("transaction", ("POST", "Observation", observation("Patient/a")), forbidden), ""
    )
    here.policy = before
    assert answer.status_code == 403
    assert answer.json()["issue"][0]["diagnostics"] == "Conditions are not for you."
    assert (await here.fhir.get("_history?_count=1")).json()["total"] == total
