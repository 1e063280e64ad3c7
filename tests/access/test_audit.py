"""Each request leaves exactly one entry, which names every patient of whom something was shown, and no other."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server.audit.entry import Compact, Compactor
from fhir_server.store.criteria import AuditQuery
from tests.access.asking import Asked, Grammar, ask, next_link
from tests.access.people import ONE_PATIENT, SCENES, SCRIPT, Scene, write
from tests.access.serving import World
from tests.running import observation, patient
from tests.stores import session_class

REQUESTS = 150


async def _entries(here: World) -> dict[str, list[Compact]]:
    """All entries of the audit by the id of their request, as the store has them."""
    page = await here.store.unbound_session().search_audit(AuditQuery(count=100_000))
    by_request: dict[str, list[Compact]] = {}
    for recorded in page.entries:
        entry = Compactor().unpack(recorded.entry.body)
        assert sorted(entry.patients) == sorted(recorded.entry.patients)
        by_request.setdefault(entry.request_id, []).append(entry)
    return by_request


def _patients(value: Any) -> Iterator[str]:
    """The patients of the resources in an answer, from what the resources themselves say."""
    if isinstance(value, list):
        for item in value:
            yield from _patients(item)
    elif isinstance(value, dict):
        if value.get("resourceType") == "Patient":
            yield value["id"]
        subject = value.get("subject", {}).get("reference", "")
        if subject.startswith("Patient/"):
            yield subject.removeprefix("Patient/")
        for name, item in value.items():
            if name not in ("contained", "focus"):
                yield from _patients(item)


def _expected_entries(asked: Asked, answers: list[Any]) -> int:
    """One for each page; for a Bundle one more for each entry that is carried out as a request of its own."""
    if asked.path or answers[0][0] != 200:
        return len(answers)
    sent = json.loads(asked.body)
    alone = [
        entry
        for entry in sent.get("entry", ())
        if sent["type"] == "batch" or entry["request"]["method"] in ("GET", "HEAD")
    ]
    return 1 + len(alone)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_one_entry_for_each_request_naming_whom_it_showed(here: World, scene: Scene) -> None:
    await write(here, SCRIPT)
    grammar = Grammar(scene, seed=3)
    done: list[tuple[Asked, list[Any]]] = []
    with here.seen_by(scene.access, "carol") as fhir:
        for number in range(REQUESTS):
            here.clock.tick()
            here.ids.restart(1000 + number)
            asked = grammar()
            done.append(
                (
                    asked,
                    await ask(
                        fhir,
                        Asked(
                            asked.method,
                            asked.path,
                            asked.headers | {"x_request_id": f"r-{number}"},
                            asked.body,
                            asked.follows,
                        ),
                    ),
                )
            )
    entries = await _entries(here)
    hidden = scene.hidden_ids("Patient")
    for number, (asked, answers) in enumerate(done):
        found = entries[f"r-{number}"]
        assert len(found) == _expected_entries(asked, answers), asked
        assert {entry.who for entry in found} == {"carol"}
        assert len({entry.status for entry in found if entry.path == asked.path.partition("?")[0].strip("/")}) <= 2
        named = {patient for entry in found for patient in entry.patients}
        shown = set(_patients([answer[2] for answer in answers if not isinstance(answer[2], bytes)]))
        assert shown - {"none"} <= named, asked
        assert not named & hidden, asked


READS = [
    ("Patient/a", {"a"}, ["Patient/a/_history/1"]),
    ("Patient/a/_history/1", {"a"}, ["Patient/a/_history/1"]),
    ("Patient/a?_elements=active", {"a"}, ["Patient/a/_history/1"]),
    ("Patient/none", set(), ["Patient/none"]),
    ("Patient/b", set(), ["Patient/b"]),
    ("Observation/of1", {"a"}, ["Observation/of1/_history/1"]),
    ("Observation/da", {"a"}, ["Observation/da/_history/2"]),
    ("Observation/oa2/_history", {"a"}, ["Observation/oa2/_history/2", "Observation/oa2/_history/1"]),
    ("Observation?_id=oa1,ob1", {"a"}, ["Observation/oa1/_history/1"]),
    ("Observation?patient=b", set(), []),
    ("Observation?_summary=count", set(), []),
    ("Patient/a/Condition?_id=ca", {"a"}, ["Condition/ca/_history/1"]),
    ("Patient/b/Condition", set(), []),
    ("Organization/org", set(), ["Organization/org/_history/2"]),
    ("Nonsense/1", set(), []),
    ("metadata", set(), []),
]


@pytest.mark.parametrize(("path", "patients", "resources"), READS)
async def test_a_read_is_recorded_as_what_it_showed(
    here: World, path: str, patients: set[str], resources: list[str]
) -> None:
    await write(here, SCRIPT)
    with here.seen_by(ONE_PATIENT.access, "carol") as fhir:
        answer = await fhir.get(path, x_request_id="looked")
    (entry,) = (await _entries(here))["looked"]
    assert (entry.status, entry.method) == (answer.status_code, "GET")
    assert (set(entry.patients), list(entry.resources)) == (patients, resources)
    assert (entry.who, entry.why) == (
        ("carol", "the test's own policy") if path != "Nonsense/1" else ("unknown", "not decided")
    )


async def test_what_is_refused_is_recorded_as_what_was_tried(here: World) -> None:
    await write(here, SCRIPT)
    with here.seen_by(ONE_PATIENT.access, "carol") as fhir:
        answers = [
            await fhir.put(patient("b"), x_request_id="r-0"),
            await fhir.post(observation("Patient/b"), x_request_id="r-1"),
            await fhir.send("PUT", "Patient/a", b"{", content_type="application/fhir+json", x_request_id="r-2"),
            await fhir.send("PUT", "Patient/a", b"{}", content_type="text/plain", x_request_id="r-3"),
            await fhir.get("Patient?birthdate=x", x_request_id="r-4"),
            await fhir.put(patient("a"), if_match='W/"7"', x_request_id="r-5"),
        ]
    recorded = await _entries(here)
    shown = [(entry.status, entry.path, entry.patients) for number in range(6) for entry in recorded[f"r-{number}"]]
    assert shown == [
        (404, "Patient/b", ()),
        (422, "Observation", ()),
        (400, "Patient/a", ()),
        (415, "Patient/a", ()),
        (400, "Patient", ()),
        (412, "Patient/a", ("a",)),
    ]
    assert [answer.status_code for answer in answers] == [status for status, _, _ in shown]


async def test_reading_the_audit_is_recorded_with_the_patients_it_is_about(here: World) -> None:
    await write(here, SCRIPT)
    with here.seen_by(ONE_PATIENT.access, "carol") as fhir:
        page = await fhir.get("AuditEvent?_count=2", x_request_id="listed")
        name = page.json()["entry"][0]["resource"]["id"]
        following = next_link(page)
        assert following is not None
        await fhir.get(f"AuditEvent/{name}", x_request_id="read")
        await fhir.get("AuditEvent?patient=b", x_request_id="none")
        hidden = (await here.store.unbound_session().search_audit(AuditQuery(patient="b", count=1))).entries[0].id
        assert (await fhir.get(f"AuditEvent/{hidden}")).status_code == 404
    recorded = await _entries(here)
    assert [entry.patients for entry in recorded["listed"] + recorded["read"]] == [("a",), ("a",)]
    assert [entry.patients for entry in recorded["none"]] == [()]
    assert recorded["read"][0].resources == (f"AuditEvent/{name}",)


async def test_a_move_is_recorded_for_both_patients(here: World) -> None:
    await write(here, SCRIPT)
    entry = {"resource": observation("Patient/b", "oa2"), "request": {"method": "PUT", "url": "Observation/oa2"}}
    await here.fhir.put(observation("Patient/b", "oa1"), x_request_id="moved")
    await here.fhir.post({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}, "", x_request_id="also")
    recorded = await _entries(here)
    assert [set(found.patients) for name in ("moved", "also") for found in recorded[name]] == [{"a", "b"}] * 2


async def test_an_entry_that_cannot_be_written_withholds_the_answer(here: World, monkeypatch: Any) -> None:
    await write(here, SCRIPT)

    def broken(*_: Any) -> Any:
        raise RuntimeError("Familya")

    monkeypatch.setattr(session_class(), "record", broken)
    answer = await here.fhir.get("Patient/a")
    assert answer.status_code == 500
    assert "Familya" not in answer.text
    assert "issue" in answer.json()
