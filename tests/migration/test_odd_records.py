"""Records that are out of the ordinary, and what is done with a store once a record has moved into it."""

import asyncio
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pymongo
import pytest

from fhir_server.store.entries import Entries
from fhir_server.store.migration.contract import MigrationRefused
from fhir_server.store.migration.moving import Migration, Moved, require_movable
from fhir_server.store.open import StoreOptions, examine_store, open_source, open_target, restore_store
from fhir_server.store.values import Version, Write
from tests.migration.commands import migrated, on
from tests.migration.conftest import Places
from tests.migration.records import Place, application, broken_chains, fill, kept, opened
from tests.store.samples import body, commit_of

WAYS = [("sqlite", "mongodb"), ("mongodb", "sqlite")]


async def no_entries(_: Version) -> Entries:
    return Entries()


async def moved(source: Place, target: Place) -> Moved:
    """Migrate in this process, without an index."""
    options = [StoreOptions(heads=each.heads) for each in (source, target)]
    conditions = await examine_store(source.url, options[0]), await examine_store(target.url, options[1])
    require_movable(*conditions)
    start, end = await open_source(source.url, options[0]), await open_target(target.url, options[1])
    try:
        migration = Migration(start, end, conditions, lambda name: nullcontext(lambda done, total: None))
        return await migration.run(no_entries, 0)
    finally:
        await start.close()
        await end.close()


async def test_a_resource_that_no_document_can_hold(places: Places) -> None:
    source, target = places("sqlite", "source"), places("mongodb", "target")
    async with opened(source) as store:
        for id, size in (("small", 10), ("large", 17 << 20)):
            await store.unbound_session().commit(
                commit_of(Write("create", "Basic", id, body("Basic", id, filler=size)))
            )
    with pytest.raises(MigrationRefused, match=r"Basic/large version 1 .* this record cannot move there"):
        await moved(source, target)
    assert (await examine_store(target.url)).state == "unfinished"
    assert (await moved(source, places("sqlite", "other"))).complete


@pytest.mark.parametrize("there", ["sqlite", "mongodb"])
async def test_many_versions_of_one_resource_and_many_bytes(places: Places, there: str) -> None:
    """More than one part by number and by bytes, with versions of one resource on both sides of each border."""
    source, target = places("sqlite", "source"), places(there, "target")
    async with opened(source) as store:
        session = store.unbound_session()
        for number in range(1_200):
            filler = 60_000 if number % 3 == 0 else 10
            content = body("Basic", "one", f'"n":{number}', filler)
            await session.commit(commit_of(Write("update", "Basic", "one", content)))
            if number % 100 == 99:
                await session.commit(commit_of(Write("delete", "Basic", "one")))
    assert (await moved(source, target)).complete
    before, after = await kept(source), await kept(target)
    assert after == before
    assert len(before["versions"]) == 1_212


async def test_events_that_were_numbered_in_another_order_are_counted(places: Places) -> None:
    source, target = places("mongodb", "source"), places("sqlite", "target")
    async with opened(source) as store:
        session = store.unbound_session()
        for id in ("a", "b", "c"):
            await session.commit(commit_of(Write("create", "Basic", id, body("Basic", id))))
        assert [event.id for event in await store.events(0, 10)] == ["a", "b", "c"]
    with pymongo.MongoClient[dict[str, Any]](source.url) as client:
        outbox = client.get_default_database()["outbox"]
        for id, number in (("a", 2), ("b", 1)):
            outbox.update_one({"_id": f"Basic/{id}/1"}, {"$set": {"s": number}})
    found = await moved(source, target)
    assert (found.complete, found.marker.renumbered) == (True, 2)
    async with opened(target) as store:
        assert [event.id for event in await store.events(0, 10)] == ["a", "b", "c"]


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_a_backup_of_what_has_moved_is_put_back(places: Places, tmp_path: Path, here: str, there: str) -> None:
    source, target, again = places(here, "source"), places(there, "target"), places(there, "again")
    async with application(source) as client:
        await fill(client)
    assert migrated(source, target).returncode == 0
    assert on(target, "backup", str(tmp_path / "copy")).returncode == 0
    await asyncio.to_thread(restore_store, tmp_path / "copy", again.url, heads=again.heads)
    assert await kept(again) == await kept(target) == await kept(source)
    assert await broken_chains(again) == []


@pytest.mark.parametrize(("here", "there"), WAYS)
async def test_the_last_look_finds_what_was_written_meanwhile(
    places: Places, monkeypatch: pytest.MonkeyPatch, here: str, there: str
) -> None:
    source, target = places(here, "source"), places(there, "target")
    async with opened(source) as store:
        await store.unbound_session().commit(commit_of(Write("create", "Basic", "a", body("Basic", "a"))))
    compare = Migration._compare

    async def and_somebody_writes(*arguments: Any) -> None:
        await compare(*arguments)
        async with opened(source) as store:
            await store.unbound_session().commit(commit_of(Write("update", "Basic", "a", body("Basic", "a", '"n":2'))))

    with monkeypatch.context() as patched:
        patched.setattr(Migration, "_compare", and_somebody_writes)
        found = await moved(source, target)
    assert (found.complete, found.comparison.differences) == (False, [])
    assert found.gained is not None
    assert "was written to meanwhile: stop what serves it" in found.gained
    assert (await examine_store(target.url)).state == "unfinished"
    assert (await moved(source, target)).complete
    assert await kept(target) == await kept(source)


async def test_two_at_once_do_no_harm(places: Places) -> None:
    source, target = places("mongodb", "source"), places("sqlite", "target")
    async with application(source) as client:
        await fill(client)
    both = await asyncio.gather(*(asyncio.to_thread(migrated, source, target) for _ in range(2)))
    if all(done.returncode for done in both):
        assert migrated(source, target).returncode == 0
    assert await kept(target) == await kept(source)
    assert await broken_chains(target) == []
