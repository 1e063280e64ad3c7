"""What a migration refuses, each with what to do next and nothing half written; and the faults that it finds."""

import json
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import pymongo
import pytest

from fhir_server.store.sqlite.schema import SCHEMA_VERSION
from tests.migration.commands import migrated, on
from tests.migration.conftest import Places
from tests.migration.records import Place, application, change_more, fill, opened
from tests.migration.test_killed import killed_at
from tests.running import Client, patient

WAYS = [("sqlite", "mongodb"), ("mongodb", "sqlite")]


async def small(client: Client) -> None:
    """A record of one person."""
    assert (await client.put(patient("p1"))).status_code == 201
    assert (await client.put(patient("p1", active=True))).status_code == 200


async def filled(at: Place) -> Place:
    async with application(at) as client:
        await small(client)
    return at


def collections(at: Place) -> list[str]:
    with pymongo.MongoClient[dict[str, Any]](at.url) as client:
        return sorted(client.get_default_database().list_collection_names())


def refused(source: Place, target: Place, sentence: str, code: int = 1) -> None:
    """The migration says this on one line, and leaves an empty target empty."""
    done = migrated(source, target)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


async def test_a_source_that_is_not_there(places: Places, tmp_path: Path) -> None:
    nowhere, target = places("sqlite", "nowhere"), places("mongodb", "target")
    refused(nowhere, target, "there is no store at")
    refused(places("mongodb", "nowhere"), places("sqlite", "target"), "give the one that has the record as --from")
    assert collections(target) == []
    assert list(tmp_path.glob("*.db")) == []


async def test_a_source_that_is_no_store(places: Places, tmp_path: Path) -> None:
    source, target = places("sqlite", "text"), places("mongodb", "target")
    (tmp_path / "text.db").write_text("not a database at all, but long enough to look like something" * 20)
    refused(source, target, "cannot be read", 3)
    other = places("sqlite", "other")
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE something(x)")
    refused(other, target, "is not a store of this program", 3)
    assert collections(target) == []


@pytest.mark.parametrize(("version", "sentence", "code"), [(1, "which upgrades it", 1), (99, "the newer program", 3)])
async def test_a_source_of_another_version(places: Places, version: int, sentence: str, code: int) -> None:
    source, target = await filled(places("sqlite", "source")), places("mongodb", "target")
    with sqlite3.connect(source.url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key='schema'").fetchone() == (SCHEMA_VERSION,)
        connection.execute("UPDATE meta SET value=? WHERE key='schema'", (version,))
    refused(source, target, sentence, code)
    assert collections(target) == []


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_a_target_that_has_a_record(places: Places, here: str, there: str) -> None:
    source, target = await filled(places(here, "source")), await filled(places(there, "target"))
    refused(source, target, "already: give an empty place as --to; records are not merged")
    async with application(target) as client:
        assert len((await client.get("Patient/p1/_history")).json()["entry"]) == 2


@pytest.mark.parametrize("kind", ["sqlite", "mongodb"])
async def test_the_same_store_twice(places: Places, kind: str) -> None:
    source = await filled(places(kind, "source"))
    refused(source, source, "--from and --to name the same store, or copies of one")


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_a_source_that_is_being_served(places: Places, here: str, there: str) -> None:
    source, target = await filled(places(here, "source")), places(there, "target")
    async with opened(source):
        refused(source, target, "stop what serves it, wait a minute, and run this again")
    assert migrated(source, target).returncode == 0


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_a_half_of_another_record(places: Places, here: str, there: str) -> None:
    source, other = await filled(places(here, "source")), await filled(places(here, "other"))
    target = places(there, "target")
    killed_at(other, target, "within")
    refused(source, target, "go on with that migration, or empty the target")
    refused(target, places(here, "third"), "whose migration was not completed: complete that one first")
    assert migrated(other, target).returncode == 0


async def test_heads_of_another_store(places: Places) -> None:
    source, other = await filled(places("sqlite", "source")), await filled(places("sqlite", "other"))
    target = places("mongodb", "target")
    taken = Place(target.url, other.heads, target.folder)
    refused(source, taken, "name an empty one as --to-heads")
    assert collections(target) == []
    # Those of the source itself are of the same chains, which go on.
    assert migrated(source, Place(target.url, source.heads, target.folder)).returncode == 0


async def test_a_source_whose_audit_is_broken(places: Places) -> None:
    source, target = await filled(places("sqlite", "source")), places("mongodb", "target")
    with sqlite3.connect(source.url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE audit SET body=replace(CAST(body AS TEXT), 'Patient', 'Patiens') WHERE seq=1")
    refused(source, target, "is broken (store: the entry does not fit its hash")
    assert collections(target) == []


async def test_a_source_whose_search_parameters_change_in_between(places: Places) -> None:
    source, target = places("sqlite", "source"), places("mongodb", "target")
    async with application(source) as client:
        await fill(client)
    killed_at(source, target, "settled")
    async with application(source) as client:
        assert (await client.send("DELETE", "SearchParameter/bed")).status_code < 300
    refused(source, target, "and begin again")


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_what_differs_is_found_and_not_served(places: Places, here: str, there: str) -> None:
    """A body that was changed by somebody who also mended its checksum."""
    source, target = await filled(places(here, "source")), places(there, "target")
    killed_at(source, target, "settled")
    tamper(target)
    done = migrated(source, target, "--format", "json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["complete"]) == (1, False)
    assert report["differences"][0] == "Patient/p1/_history/1: the bodies differ"
    assert [row["name"] for row in report["types"] if not row["same"]] == ["Patient", "All"]
    assert "is not served: empty it and migrate again" in done.stderr
    assert on(target, "serve", "--auth", "off").returncode == 3
    accepted = on(target, "audit", "accept-loss", "--reason", "it is not here")
    assert (accepted.returncode, "whose migration was not completed" in accepted.stderr) == (3, True)
    text = migrated(source, target)
    assert (text.returncode, "Complete" in text.stdout, " NO" in text.stdout) == (1, False, True)


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_a_version_that_is_gone_and_a_body_that_has_decayed(places: Places, here: str, there: str) -> None:
    source, target = await filled(places(here, "source")), places(there, "target")
    killed_at(source, target, "settled")
    tamper(target, mend=False)
    done = migrated(source, target)
    assert done.returncode == 1
    assert "target: Patient/p1 version 1 is damaged in the store" in done.stderr
    remove(target)
    done = migrated(source, target)
    assert done.returncode == 1
    assert "Patient/p1/_history/1 of the source stands where Patient/p1/_history/2 stands in the target" in done.stderr


async def test_an_audit_entry_that_was_changed_on_the_way(places: Places) -> None:
    source, target = await filled(places("sqlite", "source")), places("mongodb", "target")
    killed_at(source, target, "settled")
    with pymongo.MongoClient[dict[str, Any]](target.url) as client:
        client.get_default_database()["audit"].update_one({"_id": "store-1"}, {"$set": {"b": b"{}"}})
    done = migrated(source, target)
    assert done.returncode == 1
    assert "audit chain store: the entry does not fit its hash and the entry before it (store-1)" in done.stderr


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_a_source_that_is_written_to_until_the_end(places: Places, here: str, there: str) -> None:
    """It is not complete while somebody serves it; the next run takes along what is new."""
    source, target = places(here, "source"), places(there, "target")
    async with application(source) as client:
        await fill(client)
    killed_at(source, target, "compared")
    async with application(source) as client:
        await change_more(client)
        done = migrated(source, target)
        assert done.returncode == 1
        assert "another process has" in done.stderr
    assert migrated(source, target).returncode == 0


def tamper(at: Place, *, mend: bool = True) -> None:
    """Change the first body of the person in the target."""
    if at.url.startswith("sqlite"):
        with sqlite3.connect(at.url.removeprefix("sqlite:///")) as connection:
            body, check = _changed(connection.execute("SELECT bytes, checksum FROM body WHERE vid=1").fetchone(), mend)
            connection.execute("UPDATE body SET bytes=?, checksum=? WHERE vid=1", (body, check))
        return
    with pymongo.MongoClient[dict[str, Any]](at.url) as client:
        versions = client.get_default_database()["version"]
        found = versions.find_one({"_id": "Patient/p1/1"})
        assert found is not None
        body, check = _changed((found["b"], found["ck"]), mend)
        versions.update_one({"_id": "Patient/p1/1"}, {"$set": {"b": body, "ck": check}})


def _changed(stored: tuple[bytes, int], mend: bool) -> tuple[bytes, int]:
    body = stored[0].replace(b"lastUpdated", b"lastUpdatex")
    assert body != stored[0]
    return body, zlib.crc32(body, zlib.crc32(b"Patient/p1/1")) if mend else stored[1]


def remove(at: Place) -> None:
    """Take the first version out of the target."""
    if at.url.startswith("sqlite"):
        with sqlite3.connect(at.url.removeprefix("sqlite:///")) as connection:
            connection.execute("DELETE FROM version WHERE vid=1")
            connection.execute("DELETE FROM body WHERE vid=1")
        return
    with pymongo.MongoClient[dict[str, Any]](at.url) as client:
        client.get_default_database()["version"].delete_one({"_id": "Patient/p1/1"})
