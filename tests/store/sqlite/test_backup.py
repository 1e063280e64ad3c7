"""Backups: whole while the server works, refused where they are not, and put back with what is lost on record."""

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fhir_server.outcome import SnapshotExpired
from fhir_server.store.contract import Store
from fhir_server.store.criteria import HistoryQuery, Query
from fhir_server.store.open import RestoreRefused, open_store, restore_store
from fhir_server.store.sqlite.store import SqliteStore
from fhir_server.store.sqlite.upkeep import backup as backups
from fhir_server.store.values import AuditEntry, Version
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


async def test_a_backup_under_load_is_a_prefix_of_history(
    place: UrlPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "STEP_PAGES", 1)
    store = await place.open()
    await write(store, 0, 30)
    load = asyncio.ensure_future(write(store, 30, 300))
    for number in range(3):
        await asyncio.sleep(0.05)
        await store.backup(tmp_path / f"backup{number}")
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)
    everything = await history(store)
    for number in range(3):
        url = f"sqlite:///{tmp_path}/restored{number}/store.db"
        restore_store(tmp_path / f"backup{number}", url)
        restored = await open_store(url)
        kept = await history(restored)
        assert len(kept) >= 60
        assert len(kept) % 2 == 0
        assert kept == everything[-len(kept) :]
        reports = await restored.verify_audit()
        assert [report.fault for report in reports] == [None] * len(reports)
        await write(restored, 1_000, 1)
        await restored.close()


async def test_a_manifest_names_every_file_with_its_checksum_and_the_heads(place: UrlPlace, tmp_path: Path) -> None:
    store = await place.open()
    assert isinstance(store, SqliteStore)
    await write(store, 0, 3)
    await store.backup(tmp_path / "backup")
    manifest = json.loads((tmp_path / "backup" / "manifest.json").read_bytes())
    assert sorted(manifest["files"]) == ["audit/w0.db", "store.db"]
    assert {chain: head["sequence"] for chain, head in manifest["heads"].items()} == {"store": 4, "w0": 3}
    assert manifest["heads"]["w0"]["hash"] == store.worker.head.hash.hex()
    assert all(len(checksum) == 64 for checksum in manifest["files"].values())


@pytest.mark.parametrize("damage", ["flip", "missing file", "no manifest", "broken manifest", "path outside"])
async def test_a_damaged_backup_is_refused(place: UrlPlace, tmp_path: Path, damage: str) -> None:
    store = await place.open()
    await write(store, 0, 3)
    backup = tmp_path / "backup"
    await store.backup(backup)
    manifest = backup / "manifest.json"
    if damage == "flip":
        content = bytearray((backup / "store.db").read_bytes())
        content[len(content) // 2] ^= 1
        (backup / "store.db").write_bytes(content)
    elif damage == "missing file":
        (backup / "audit" / "w0.db").unlink()
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "broken manifest":
        manifest.write_text("{}")
    else:
        manifest.write_text(manifest.read_text().replace("audit/w0.db", "../store.db"))
    with pytest.raises(RestoreRefused):
        restore_store(backup, f"sqlite:///{tmp_path}/new/store.db")
    assert not (tmp_path / "new").exists()


async def test_a_backup_by_a_newer_program_is_refused(place: UrlPlace, tmp_path: Path) -> None:
    store = await place.open()
    await store.backup(tmp_path / "backup")
    manifest = tmp_path / "backup" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema": 2', '"schema": 3'))
    with pytest.raises(RestoreRefused, match="newer version"):
        restore_store(tmp_path / "backup", f"sqlite:///{tmp_path}/new/store.db")


async def test_a_store_that_is_there_is_not_overwritten(place: UrlPlace, tmp_path: Path) -> None:
    store = await place.open()
    await store.backup(tmp_path / "backup")
    with pytest.raises(RestoreRefused, match="move the old store away"):
        restore_store(tmp_path / "backup", place.url, force=True)


async def test_an_older_backup_is_put_back_only_by_force_and_the_loss_is_recorded(
    place: UrlPlace, tmp_path: Path
) -> None:
    store = await place.open()
    await write(store, 0, 3)
    await store.backup(tmp_path / "backup")
    page = await store.unbound_session().search(Query("Observation"))
    await write(store, 3, 3)
    other = await place.open()
    await other.unbound_session().record(AuditEntry(b"other worker", 1))
    await place.close()
    remove_store(tmp_path)
    with pytest.raises(RestoreRefused, match="the chain store ends at entry .*; .*w0.*; .*w1"):
        restore_store(tmp_path / "backup", place.url)
    restore_store(tmp_path / "backup", place.url, force=True)
    place.opened.clear()
    store = await place.open()
    assert len(await history(store)) == 6
    reports = {report.chain: report for report in await store.verify_audit()}
    assert {chain: report.fault for chain, report in reports.items()} == {"store": None, "w0": None, "w1": None}
    await store.unbound_session().record(AuditEntry(b"new", 1))
    assert await store.unbound_session().read_audit("w0-4") is None
    new = await store.unbound_session().read_audit("w0-8")
    assert new is not None
    assert new.entry.body == b"new"
    with pytest.raises(SnapshotExpired):
        await store.unbound_session().search(Query("Observation", snapshot=page.snapshot))


async def test_the_latest_backup_is_put_back_without_force(place: UrlPlace, tmp_path: Path) -> None:
    store = await place.open()
    await write(store, 0, 3)
    expected = await history(store)
    await place.close()
    store = await place.open()
    await store.backup(tmp_path / "backup")
    await place.close()
    remove_store(tmp_path)
    restore_store(tmp_path / "backup", place.url)
    store = await place.open()
    assert await history(store) == expected
    reports = await store.verify_audit()
    assert [(report.chain, report.fault) for report in reports] == [("store", None), ("w0", None)]


async def test_a_backup_of_another_store_does_not_fit_the_heads(place: UrlPlace, tmp_path: Path) -> None:
    await write(await place.open(), 0, 3)
    await place.close()
    remove_store(tmp_path)
    other = UrlPlace(f"sqlite:///{tmp_path}/other/store.db")
    store = await other.open()
    await write(store, 50, 9)
    await store.backup(tmp_path / "backup")
    await other.close()
    with pytest.raises(RestoreRefused, match="differs from its mirrored head"):
        restore_store(tmp_path / "backup", place.url)


async def test_heads_may_lie_elsewhere(place: UrlPlace, tmp_path: Path) -> None:
    place.options = replace(place.options, heads=tmp_path / "elsewhere")
    store = await place.open()
    await write(store, 0, 3)
    await store.backup(tmp_path / "backup")
    await write(store, 3, 1)
    await place.close()
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == ["store.head", "w0.head"]
    remove_store(tmp_path)
    with pytest.raises(RestoreRefused):
        restore_store(tmp_path / "backup", place.url, heads=tmp_path / "elsewhere")
    restore_store(tmp_path / "backup", place.url)


def remove_store(folder: Path) -> None:
    """The store is gone; the mirrored heads, on their other disk, are not."""
    for path in folder.glob("store.db*"):
        if path.is_file():
            path.unlink()
    shutil.rmtree(folder / "store.db.audit")
