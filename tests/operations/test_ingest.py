"""$ingest over HTTP: what is taken in, what stays, and that nothing is done twice."""

from pathlib import Path

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.model.json import dump
from fhir_server.operations.stamp import stamp_of
from fhir_server.validation import Validator
from mappers.mapper import resource_id
from profiles.canonical import CANONICAL
from tests.mappers.gp_connect.documents import PRACTICE, SOURCE, document, observation, patient
from tests.operations.ingesting import history_of, how_many, ingest, ingested
from tests.running import Client, running

JANUARY, FEBRUARY, MARCH = (f"2026-0{month}-01T09:00:00Z" for month in (1, 2, 3))
PERSON = resource_id(SOURCE, "Patient", "person-1")
WEIGHT = resource_id(SOURCE, "Observation", "obs-1")
ORGANIZATION = resource_id(SOURCE, "Organization", "practice")
PROVENANCE = resource_id(SOURCE, "Provenance", "person-1")
CREATED = {"received": 1, "mapped": 1, "created": 1}
UNCHANGED = {"received": 1, "mapped": 1, "unchanged": 1}


async def test_a_new_record_is_taken_in_whole(fhir: Client) -> None:
    report = await ingested(fhir, document(observation()), exported=JANUARY)
    assert report.patient == PERSON
    assert report.parameters == {
        "patient": {"reference": f"Patient/{PERSON}"},
        "source": SOURCE,
        "exported": "2026-01-01T09:00:00.000Z",
        "exported-known": True,
        "provenance": {"reference": f"Provenance/{PROVENANCE}"},
    }
    assert report.counts == {
        "Patient": CREATED,
        "Organization": CREATED,
        "Observation": CREATED,
        "Provenance": {"created": 1},
    }
    weight = (await fhir.get(f"Observation/{WEIGHT}")).json()
    stamp = stamp_of(weight)
    assert stamp is not None
    assert (stamp.export.at_ms, stamp.export.known) == (1767258000000, True)
    assert weight["subject"] == {"reference": f"Patient/{PERSON}"}
    assert weight["meta"]["source"] == SOURCE
    assert [label["code"] for label in weight["meta"]["security"]] == ["direct-care-only"]


async def test_the_report_is_valid(fhir: Client) -> None:
    answer = await ingest(fhir, document(observation()))
    assert Validator(r4()).validate(answer.json()) == []


async def test_the_provenance_says_where_it_came_from(fhir: Client) -> None:
    await ingested(fhir, document(observation()), exported=JANUARY)
    provenance = (await fhir.get(f"Provenance/{PROVENANCE}")).json()
    assert [target["reference"] for target in provenance["target"]] == [
        f"Patient/{PERSON}",
        f"Organization/{ORGANIZATION}",
        f"Observation/{WEIGHT}",
    ]
    assert provenance["occurredDateTime"] == "2026-01-01T09:00:00.000Z"
    assert provenance["agent"][0]["who"] == {"reference": f"Organization/{ORGANIZATION}"}
    assert [agent["type"]["coding"][0]["code"] for agent in provenance["agent"]] == ["author", "assembler"]
    assert provenance["entity"][0]["what"]["identifier"]["system"] == f"{CANONICAL}/NamingSystem/document-sha256"
    assert await how_many(fhir, f"Patient/{PERSON}/Provenance") == 1


async def test_it_is_audited_as_one_operation_on_this_person(fhir: Client) -> None:
    await ingested(fhir, document())
    await ingested(fhir, document())
    events = (await fhir.get(f"AuditEvent?patient={PERSON}")).json()["entry"]
    codes = [[coding["code"] for coding in event["resource"]["subtype"]] for event in events]
    assert codes == [["operation", "ingest"], ["operation", "ingest"]]
    assert {event["resource"]["action"] for event in events} == {"E"}
    assert Validator(r4()).validate(events[0]["resource"]) == []


@pytest.mark.parametrize("exported", [{}, {"exported": JANUARY}])
async def test_the_same_again_makes_no_version(fhir: Client, exported: dict[str, str]) -> None:
    await ingested(fhir, document(observation()), **exported)
    before = await history_of(fhir)
    again = await ingested(fhir, document(observation()), **exported)
    assert await history_of(fhir) == before
    assert again.counts == {
        "Patient": UNCHANGED,
        "Organization": UNCHANGED,
        "Observation": UNCHANGED,
        "Provenance": {"unchanged": 1},
    }


async def test_a_later_export_updates_what_changed(fhir: Client) -> None:
    await ingested(fhir, document(observation(), observation("obs-2")), exported=JANUARY)
    report = await ingested(
        fhir, document(observation(status="amended"), observation("obs-3")), exported="2026-02-01T10:00:00+01:00"
    )
    assert report.counts["Observation"] == {"received": 2, "mapped": 2, "created": 1, "updated": 1}
    assert report.counts["Patient"] == UNCHANGED
    assert report.counts["Provenance"] == {"updated": 1}
    assert (await fhir.get(f"Observation/{WEIGHT}")).json()["status"] == "amended"
    left_out = resource_id(SOURCE, "Observation", "obs-2")
    assert (await fhir.get(f"Observation/{left_out}")).status_code == 200
    provenance = (await fhir.get(f"Provenance/{PROVENANCE}")).json()
    assert provenance["occurredDateTime"] == "2026-02-01T09:00:00.000Z"
    assert {"reference": f"Observation/{left_out}"} in provenance["target"]


async def test_a_newer_known_export_that_says_the_same_is_noted(fhir: Client) -> None:
    await ingested(fhir, document(observation()), exported=JANUARY)
    report = await ingested(fhir, document(observation()), exported=FEBRUARY)
    assert (report.written, report.counts["Provenance"]) == (1, {"updated": 1})
    assert (await fhir.get(f"Observation/{WEIGHT}")).json()["meta"]["versionId"] == "1"


async def test_an_older_export_changes_nothing(fhir: Client) -> None:
    await ingested(fhir, document(observation(status="amended")), exported=FEBRUARY)
    before = await history_of(fhir)
    report = await ingested(fhir, document(observation(), observation("obs-2")), exported=JANUARY)
    assert await history_of(fhir) == before
    assert report.counts["Observation"] == {"received": 2, "mapped": 2, "retained": 2}
    assert "A newer export of this record came before: nothing of this one was written." in report.issues


async def test_what_was_edited_here_stays(fhir: Client) -> None:
    await ingested(fhir, document(observation()), exported=JANUARY)
    edited = (await fhir.get(f"Observation/{WEIGHT}")).json()
    edited["note"] = [{"text": "Weighed in shoes"}]
    await fhir.put(edited)
    report = await ingested(fhir, document(observation(status="amended")), exported=FEBRUARY)
    assert report.counts["Observation"] == {"received": 1, "mapped": 1, "retained": 1}
    assert "It was edited here since it was imported; it stays as it is here." in report.issues
    now = (await fhir.get(f"Observation/{WEIGHT}")).json()
    assert (now["status"], now["note"]) == ("final", edited["note"])


async def test_a_label_is_no_edit_and_stays(fhir: Client) -> None:
    await ingested(fhir, document(observation()), exported=JANUARY)
    labelled = (await fhir.get(f"Observation/{WEIGHT}")).json()
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    labelled["meta"]["security"].append(restricted)
    await fhir.put(labelled)
    report = await ingested(fhir, document(observation(status="amended")), exported=FEBRUARY)
    assert report.counts["Observation"] == {"received": 1, "mapped": 1, "updated": 1}
    assert restricted in (await fhir.get(f"Observation/{WEIGHT}")).json()["meta"]["security"]


async def test_what_was_deleted_here_stays_deleted(tmp_path: Path) -> None:
    async with running(tmp_path, delete_referenced=True, references="all") as fhir:
        await ingested(fhir, document(observation(), observation("obs-0")), exported=JANUARY)
        for key in ("obs-1", "obs-0"):
            gone = resource_id(SOURCE, "Observation", key)
            assert (await fhir.send("DELETE", f"Observation/{gone}")).status_code == 204
        report = await ingested(fhir, document(observation(status="amended"), observation("obs-2")), exported=FEBRUARY)
        assert report.counts["Observation"] == {"received": 2, "mapped": 2, "created": 1, "retained": 1}
        assert "It was deleted here; it stays deleted." in report.issues
        assert (await fhir.get(f"Observation/{WEIGHT}")).status_code == 410
        targets = (await fhir.get(f"Provenance/{PROVENANCE}")).json()["target"]
        assert [target["reference"].split("/")[0] for target in targets].count("Observation") == 1


async def test_a_person_who_was_deleted_here_does_not_come_back(tmp_path: Path) -> None:
    async with running(tmp_path, delete_referenced=True) as fhir:
        await ingested(fhir, document(), exported=JANUARY)
        assert (await fhir.send("DELETE", f"Patient/{PERSON}")).status_code == 204
        answer = await ingest(fhir, document(), exported=FEBRUARY)
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "deleted")
        assert (await fhir.get(f"Patient/{PERSON}")).status_code == 410
        assert await how_many(fhir, "Task?code=review-refused-record") == 1


@pytest.mark.parametrize(
    ("first", "second", "changes"),
    [({}, {}, False), ({}, {"exported": JANUARY}, True), ({"exported": JANUARY}, {"exported": FEBRUARY}, True)]
    + [({"exported": FEBRUARY}, {"exported": JANUARY}, False), ({"exported": JANUARY}, {}, False)],
)
async def test_what_people_share_changes_by_a_known_newer_export(
    fhir: Client, first: dict[str, str], second: dict[str, str], changes: bool
) -> None:
    await ingested(fhir, document(), **first)
    other = patient(id="person-2", identifier=None)
    report = await ingested(fhir, document(of=other, practice=PRACTICE | {"name": "Renamed Surgery"}), **second)
    assert report.counts["Patient"] == CREATED
    assert report.counts["Organization"] == {"received": 1, "mapped": 1, "updated" if changes else "retained": 1}
    name = (await fhir.get(f"Organization/{ORGANIZATION}")).json()["name"]
    assert name == ("Renamed Surgery" if changes else "Invented Surgery")


async def test_an_organisation_that_is_here_stands_for_the_one_in_the_record(fhir: Client) -> None:
    await fhir.put({**PRACTICE, "id": "here", "name": "As we call it"})
    report = await ingested(fhir, document())
    assert report.counts["Organization"] == {"received": 1, "mapped": 1, "retained": 1}
    assert await how_many(fhir, "Organization") == 1
    assert (await fhir.get(f"Patient/{PERSON}")).json()["managingOrganization"]["reference"] == "Organization/here"
    assert (await ingested(fhir, document())).written == 0


async def test_without_create_by_update_it_works_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path, update_create=False, references="all") as fhir:
        assert (await ingested(fhir, document(observation()))).written == 4


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("mapper=other", "no mapper 'other'; those here are: gp-connect"),
        ("mapper=gp-connect&exported=yesterday", "parameter exported is not an instant"),
        ("mapper=gp-connect&exported=2026-01-01", "parameter exported is not an instant"),
        ("mapper=gp-connect&exported=2026-02-30T00:00:00Z", "parameter exported is not a time"),
        ("mapper=gp-connect&exported=2999-01-01T00:00:00Z", "parameter exported lies in the future"),
        ("mapper=gp-connect&source=practice", "parameter source is not an absolute URI"),
        ("mapper=gp-connect&mapper=gp-connect", "parameter mapper is given twice"),
        ("mapper=gp-connect&patient=1", "no parameter 'patient'"),
    ],
)
async def test_parameters_that_are_wrong(fhir: Client, query: str, said: str) -> None:
    answer = await fhir.send("POST", f"$ingest?{query}", dump(document()), content_type="application/json")
    assert answer.status_code == 400
    assert said in answer.json()["issue"][0]["diagnostics"]
    assert await history_of(fhir) == []


async def test_the_mapper_is_the_one_that_recognises_the_document(fhir: Client) -> None:
    answer = await fhir.send("POST", "$ingest", dump(document()), content_type="application/json")
    assert (answer.status_code, answer.json()["parameter"][0]) == (
        200,
        {"name": "patient", "valueReference": {"reference": f"Patient/{PERSON}"}},
    )
    refused = await fhir.send("POST", "$ingest", b'{"resourceType":"Bundle"}', content_type="application/json")
    said = "No mapper recognises this document; those here are: gp-connect. The parameter mapper names one."
    assert (refused.status_code, refused.json()["issue"]) == (
        400,
        [{"severity": "error", "code": "invalid", "diagnostics": said}],
    )


async def test_a_source_can_be_said(fhir: Client) -> None:
    report = await ingested(fhir, document(practice=None), source="urn:example:practice")
    assert report.parameters["source"] == "urn:example:practice"
    refused = await ingest(fhir, document(practice=None))
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (400, "required")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"resourceType":\n "Bundle",\n oops}', "line 3, column 2"),
        (b"", "JSON"),
        (b'{"resourceType":"Patient"}', ""),
        (b'{"resourceType":"Bundle","type":"collection"}', ""),
    ],
)
async def test_what_is_no_record_is_refused_with_the_place(fhir: Client, body: bytes, said: str) -> None:
    answer = await ingest(fhir, body)
    assert answer.status_code == 400, answer.text
    assert said in answer.json()["issue"][0]["diagnostics"]
    assert await history_of(fhir) == []
