"""Backups: whole while the server works, refused where they are not, and put back with what is lost on record."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from fhir_server.outcome import SnapshotExpired
from fhir_server.store.contract import Store
from fhir_server.store.criteria import HistoryQuery, Query
from fhir_server.store.open import RestoreRefused, StoreRefused, restore_store
from fhir_server.store.values import AuditEntry, Version
from tests import mongod
from tests.store.conformance.commits import create, update
from tests.store.places import UrlPlace
from tests.store.samples import commit_of


async def history(store: Store) -> tuple[Version, ...]:
    return (await store.unbound_session().history(HistoryQuery(count=100_000))).versions


async def write(store: Store, start: int, count: int) -> None:
    session = store.unbound_session()
    for number in range(start, start + count):
        await session.commit(commit_of(create(f"a{number}"), update("b", f'"n":{number}')))
        await session.record(AuditEntry(b"%d" % number, number, ("p1",)))


@pytest.fixture
async def empty(mongo_place: UrlPlace, tmp_path: Path):  # type: ignore[no-untyped-def]
    """An empty database on another machine."""
    place = UrlPlace(mongod.new_database(), replace(mongo_place.options, heads=tmp_path / "new.heads"))
    yield place
    await place.close()
    mongod.drop_database(place.url)


def put_back(backup: Path, place: UrlPlace, *, force: bool = False) -> None:
    restore_store(backup, place.url, heads=place.options.heads, force=force)


async def test_a_backup_under_load_is_a_prefix_of_history(
    mongo_place: UrlPlace, empty: UrlPlace, tmp_path: Path
) -> None:
    store = await mongo_place.open()
    await write(store, 0, 20)
    load = asyncio.ensure_future(write(store, 20, 500))
    await asyncio.sleep(0.1)
    await store.backup(tmp_path / "backup")
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)
    everything = await history(store)
    put_back(tmp_path / "backup", empty)
    restored = await empty.open()
    kept = await history(restored)
    assert 40 <= len(kept) < len(everything)
    assert len(kept) % 2 == 0
    assert kept == everything[-len(kept) :]
    assert [report.fault for report in await restored.verify_audit() if report.fault] == []
    assert (await restored.counts()).by_type == {"Observation": len(kept) // 2 + 1}
    assert [event.version for event in await restored.events(0, 2)] == [1, 1]
    await write(restored, 1_000, 1)
    assert await restored.unbound_session().count(Query("Observation")) == len(kept) // 2 + 2
    assert restored.secret("links", 32) != store.secret("links", 32)


async def test_a_manifest_names_every_file_with_its_checksum_and_the_heads(
    mongo_place: UrlPlace, tmp_path: Path
) -> None:
    store = await mongo_place.open()
    await write(store, 0, 3)
    await store.backup(tmp_path / "backup")
    manifest = json.loads((tmp_path / "backup" / "manifest.json").read_bytes())
    names = {"audit", "claim", "directory", "hold", "index_job", "lock", "meta", "outbox", "resource", "secret"}
    assert set(manifest["files"]) == {f"{name}.bson" for name in names | {"version"}}
    assert {chain: head["sequence"] for chain, head in manifest["heads"].items()} == {"c0": 4, "r0": 3}
    assert all(len(checksum) == 64 for checksum in manifest["files"].values())


@pytest.mark.parametrize("damage", ["flip", "missing file", "no manifest", "newer", "of another store"])
async def test_a_damaged_backup_is_refused(mongo_place: UrlPlace, empty: UrlPlace, tmp_path: Path, damage: str) -> None:
    store = await mongo_place.open()
    await write(store, 0, 3)
    backup = tmp_path / "backup"
    await store.backup(backup)
    manifest, resources = backup / "manifest.json", backup / "resource.bson"
    if damage == "flip":
        content = bytearray(resources.read_bytes())
        content[len(content) // 2] ^= 1
        resources.write_bytes(content)
    elif damage == "missing file":
        resources.unlink()
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "newer":
        manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 2'))
    else:
        known = json.loads(manifest.read_bytes())
        manifest.write_text(json.dumps(known | {"files": {}}))
    with pytest.raises(RestoreRefused):
        put_back(backup, empty)
    assert await _is_empty(empty)


async def _is_empty(place: UrlPlace) -> bool:
    store = await place.open()
    return await history(store) == ()


async def test_a_store_that_is_there_is_not_overwritten(mongo_place: UrlPlace, tmp_path: Path) -> None:
    store = await mongo_place.open()
    await store.backup(tmp_path / "backup")
    with pytest.raises(RestoreRefused, match="name a database without a store"):
        put_back(tmp_path / "backup", mongo_place, force=True)


async def test_an_older_backup_is_put_back_only_by_force_and_the_loss_is_recorded(
    mongo_place: UrlPlace, tmp_path: Path
) -> None:
    store = await mongo_place.open()
    await write(store, 0, 3)
    await store.backup(tmp_path / "backup")
    page = await store.unbound_session().search(Query("Observation"))
    await write(store, 3, 3)
    other = await mongo_place.open()
    await other.unbound_session().record(AuditEntry(b"another process", 1))
    await mongo_place.close()
    mongod.drop_database(mongo_place.url)
    with pytest.raises(RestoreRefused, match="c0 ends before entry .*r0.*r1"):
        put_back(tmp_path / "backup", mongo_place)
    put_back(tmp_path / "backup", mongo_place, force=True)
    store = await mongo_place.open()
    assert len(await history(store)) == 6
    assert [report.fault for report in await store.verify_audit() if report.fault] == []
    await store.unbound_session().record(AuditEntry(b"new", 1))
    assert await store.unbound_session().read_audit("r0-4") is None
    new = await store.unbound_session().read_audit("r0-8")
    assert new is not None
    assert new.entry.body == b"new"
    with pytest.raises(SnapshotExpired):
        await store.unbound_session().search(Query("Observation", snapshot=page.snapshot))


async def test_the_latest_backup_is_put_back_without_force(mongo_place: UrlPlace, tmp_path: Path) -> None:
    await write(await mongo_place.open(), 0, 3)
    await mongo_place.close()
    store = await mongo_place.open()
    expected = await history(store)
    await store.backup(tmp_path / "backup")
    await mongo_place.close()
    mongod.drop_database(mongo_place.url)
    put_back(tmp_path / "backup", mongo_place)
    store = await mongo_place.open()
    assert await history(store) == expected
    reports = await store.verify_audit()
    assert [(report.chain, report.fault) for report in reports] == [("c0", None), ("r0", None)]


async def test_a_restore_that_was_interrupted_is_no_store(
    mongo_place: UrlPlace, empty: UrlPlace, tmp_path: Path
) -> None:
    """`meta` comes last."""
    store = await mongo_place.open()
    await write(store, 0, 3)
    await store.backup(tmp_path / "backup")
    put_back(tmp_path / "backup", empty)
    store = await empty.open()
    await store.database["meta"].delete_many({})  # type: ignore[attr-defined]
    await empty.close()
    with pytest.raises(StoreRefused, match="unfinished restore"):
        await empty.open()
