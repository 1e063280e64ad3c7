"""Records made worse, and ids swapped between two people: taken in or refused whole, never another subject."""

import asyncio
import copy
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappers.mapper import Json
from tests.mappers.gp_connect.documents import document, observation, patient
from tests.mappers.gp_connect.mutating import mutated
from tests.operations.ingesting import ingest, report_of
from tests.running import Client, running


def _record(person: str, first: int, **changed: Any) -> Json:
    subject = {"reference": f"Patient/{person}"}
    condition = {
        "resourceType": "Condition",
        "id": f"con-{first}",
        "clinicalStatus": "active",
        "category": [{"coding": [{"system": "urn:x", "code": "problem-list-item"}]}],
        "code": {"text": "Asthma"},
        "subject": subject,
        "onsetDateTime": "2001-02-03",
    }
    topic = {
        "resourceType": "List",
        "status": "current",
        "mode": "snapshot",
        "title": "Problems",
        "subject": subject,
        "entry": [{"item": {"reference": f"Condition/con-{first}"}}],
    }
    weights = [observation(f"obs-{first + number}", subject=subject) for number in range(3)]
    return document(condition, topic, *weights, of=patient(id=person, **changed))


TWO = (
    _record("person-1", 1),
    _record(
        "person-2", 11, identifier=None, birthDate="1950-05-05", name=[{"family": "Hocking", "given": ["Loveday"]}]
    ),
)


@st.composite
def _swapped(draw: st.DrawFn) -> Json:
    """The record of one person with an id or the subjects of the other's."""
    one, other = copy.deepcopy(draw(st.permutations(TWO)))
    place = draw(st.integers(0, len(one["entry"]) - 1))
    mine, theirs = one["entry"][place]["resource"], other["entry"][place]["resource"]
    if "id" in theirs and draw(st.booleans()):
        mine["id"] = theirs["id"]
    else:
        mine |= {name: theirs[name] for name in ("subject",) if name in theirs}
    return one


async def _versions(fhir: Client) -> int:
    total: int = (await fhir.get("_history?_count=1")).json()["total"]
    return total


async def _send(fhir: Client, record: Json) -> None:
    before = await _versions(fhir)
    answer = await ingest(fhir, record)
    assert answer.status_code in (200, 400, 409), answer.text
    if answer.status_code == 200:
        report = report_of(answer)
        assert await _versions(fhir) == before + report.written
        assert report.total("received") == len(record["entry"])
    else:
        assert answer.json()["issue"][0]["diagnostics"]
        # Of a refusal nothing is written but the document and its Task, once.
        kept = 2 if answer.status_code == 409 else 0
        assert await _versions(fhir) in (before, before + kept)


async def _subjects(fhir: Client) -> dict[str, set[str]]:
    """All subjects that each resource ever had."""
    found: dict[str, set[str]] = {}
    url: str | None = "_history?_count=1000"
    while url is not None:
        page = (await fhir.get(url)).json()
        for entry in page["entry"]:
            subject = entry["resource"].get("subject") or entry["resource"].get("patient") or {}
            place = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
            found.setdefault(place, set()).add(subject.get("reference", ""))
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return found


def test_whatever_comes_no_resource_changes_its_subject() -> None:
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        application = running(Path(folder))
        fhir = runner.run(application.__aenter__())
        for record in TWO:
            runner.run(_send(fhir, record))

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(_swapped() | st.sampled_from(TWO).flatmap(mutated))
        def whatever_comes(record: Json) -> None:
            runner.run(_send(fhir, record))

        try:
            whatever_comes()
            subjects = runner.run(_subjects(fhir))
            assert {place: found for place, found in subjects.items() if len(found) > 1} == {}
        finally:
            runner.run(application.__aexit__(None, None, None))
