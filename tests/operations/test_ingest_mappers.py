"""$ingest with mappers of the test's own: what it does where a mapper, or what is here, is not as it should be."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fhir_server.interactions.context import Rules
from fhir_server.outcome import Issue
from fhir_server.store.access import AccessFilter
from fhir_server.store.values import Commit, Committed
from mappers.mapper import (
    EntryReport,
    Json,
    Known,
    Mapped,
    MappedResource,
    Mapper,
    Person,
    ReadOptions,
    Unmappable,
    resource_id,
)
from tests.access.serving import World, world
from tests.operations.ingesting import history_of, how_many, ingest, ingested, only
from tests.running import Client, patient

SOURCE = "urn:example:source"


@dataclass(frozen=True, slots=True)
class Small:
    """A record of one person with one Observation, whose status is the document."""

    document: bytes
    source: str = SOURCE

    @property
    def person(self) -> Person:
        return Person("1", None, "1938-02-11", "female", (("Penhallow", "Morwenna"),), None)

    @property
    def digest(self) -> str:
        return sha256(self.document).hexdigest()

    @property
    def organizations(self) -> Mapping[str, str]:
        return {}

    def mapped(self, ids: Mapping[Known, str]) -> Mapped:
        if self.document == b"unmappable":
            raise Unmappable([Issue("structure", "Nothing comes of this.", ("Bundle",))])
        person = ids.get(("Patient", "1")) or resource_id(SOURCE, "Patient", "1")
        weight: Json = {
            "resourceType": "Observation",
            "id": resource_id(SOURCE, "Observation", "1"),
            "meta": {"source": SOURCE},
            "status": self.document.decode(),
            "code": {"text": "Weight"},
            "subject": {"reference": f"Patient/{person}"},
        }
        whole: Json = patient(person, birthDate="1938-02-11", name=[{"family": "Penhallow"}], meta={"source": SOURCE})
        resources = (MappedResource("1", False, whole, "entry[0]"), MappedResource("1", False, weight, "entry[1]"))
        issue = Issue("processing", "Said often.", ("entry[1]",), "information")
        reports = tuple(
            EntryReport(
                one.place, one.resource["resourceType"], "mapped", (one.resource["resourceType"], one.resource["id"])
            )
            for one in resources
        )
        return Mapped(SOURCE, person, resources, (reports[0], replace(reports[1], issues=(issue,) * 600)))


def _read(raw: bytes, _: ReadOptions) -> Small:
    return Small(raw)


SMALL = Mapper("small", "Small records", _read, lambda raw: False)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    """A world that takes in small records."""
    async with world(tmp_path) as made:
        made.server = replace(made.server, mappers=(SMALL,))
        yield made


async def _sent(fhir: Client, document: bytes) -> int:
    return (await ingest(fhir, document, mapper="small")).status_code


async def test_the_mappers_of_the_server_are_those_there_are(here: World) -> None:
    answer = await ingest(here.fhir, b"final", mapper="gp-connect")
    assert "those here are: small." in answer.json()["issue"][0]["diagnostics"]


async def test_a_resource_that_is_not_valid_refuses_the_whole_record(here: World) -> None:
    answer = await ingest(here.fhir, b"no-such-status", mapper="small")
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]
    assert await history_of(here.fhir) == []


async def test_what_cannot_be_mapped_after_all_is_refused(here: World) -> None:
    assert await _sent(here.fhir, b"unmappable") == 400
    assert await history_of(here.fhir) == []


async def test_at_most_500_issues_are_shown(here: World) -> None:
    report = await ingested(here.fhir, b"final", mapper="small")
    assert len(report.issues) == 501
    assert report.issues[-1] == "There are 100 issues more."


async def test_several_people_with_the_sources_id_are_not_told_apart(here: World) -> None:
    carried = [{"system": SOURCE, "value": "Patient/1"}]
    for name in ("a", "b"):
        await here.fhir.put(patient(name, birthDate="1938-02-11", identifier=carried))
    answer = await ingest(here.fhir, b"final", mapper="small")
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "multiple-matches")
    assert await how_many(here.fhir, "Observation") == 0


async def test_a_document_too_large_for_a_binary_is_named_by_its_digest(here: World) -> None:
    await here.fhir.put(
        patient("a", birthDate="1990-01-01", gender="male", identifier=[{"system": SOURCE, "value": "Patient/1"}])
    )
    here.server = replace(here.server, rules=Rules(max_binary_bytes=3))
    assert await _sent(here.fhir, b"final") == 409
    task = await only(here.fhir, "Task")
    assert [part["type"]["coding"][0]["code"] for part in task["input"]] == ["document-sha256", "patient-here"]
    assert task["input"][0]["valueIdentifier"]["value"] == sha256(b"final").hexdigest()
    assert await how_many(here.fhir, "Binary") == 0


async def test_what_changes_while_it_is_decided_is_looked_at_again(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ingested(here.fhir, b"preliminary", mapper="small")
    edited = {**await only(here.fhir, "Observation"), "note": [{"text": "edited meanwhile"}]}
    session = here.store.session

    class Overtaken:
        """A session whose first commit comes after somebody else's edit."""

        def __init__(self, access: AccessFilter) -> None:
            self._session = session(access)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._session, name)

        async def commit(self, commit: Commit) -> Committed:
            monkeypatch.undo()
            await here.fhir.put(edited)
            return await self._session.commit(commit)

    monkeypatch.setattr(here.store, "session", Overtaken)
    report = await ingested(here.fhir, b"final", mapper="small")
    assert report.counts["Observation"] == {"received": 1, "mapped": 1, "retained": 1}
    now = await only(here.fhir, "Observation")
    assert (now["status"], now["note"]) == ("preliminary", [{"text": "edited meanwhile"}])
