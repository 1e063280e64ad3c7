"""Tampering with the audit: every kind is found, and the first bad entry is named."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from fhir_server.outcome import Unavailable
from fhir_server.store.access import EVERYTHING
from fhir_server.store.chain import CHECKPOINT, EVENT, Head, HeadFile, Verification, link_after
from fhir_server.store.contract import Store
from fhir_server.store.criteria import AuditQuery
from fhir_server.store.open import StoreDamaged, StoreRefused, accept_loss
from fhir_server.store.sqlite.audit import links, worker
from fhir_server.store.sqlite.store import SqliteStore
from fhir_server.store.values import AuditEntry, ChainReport
from tests.store.conformance.commits import create
from tests.store.places import UrlPlace
from tests.store.samples import commit_of

Tamper = Callable[[apsw.Connection], object]


async def fill(store: Store, count: int = 6) -> None:
    """Entries in both chains, three of a patient each."""
    session = store.unbound_session()
    for number in range(count):
        await session.record(AuditEntry(b'{"read":%d}' % number, number, ("p1",) if number % 2 else ()))
        await session.commit(commit_of(create(f"a{number}")))


def insert(connection: apsw.Connection) -> None:
    """A forged entry between the third and the fourth."""
    run(connection, "UPDATE audit SET seq=-seq-1 WHERE seq>3; UPDATE audit SET seq=-seq WHERE seq<0")
    run(connection, "INSERT INTO audit SELECT 4, kind, recorded_ms, patients, body, hash FROM audit WHERE seq=3")


def fork(connection: apsw.Connection) -> None:
    """Everything after the third entry rewritten, with hashes that fit."""
    end = max(seq for (seq,) in connection.execute("SELECT seq FROM audit"))
    run(connection, "DELETE FROM audit WHERE seq>3")
    head = links.tail(connection)
    while head.sequence < end:
        head = links.append(connection, head, EVENT, [AuditEntry(b"forged", 1)])


def run(connection: apsw.Connection, script: str) -> None:
    for _ in connection.execute(script):
        pass


DAMAGE: dict[str, tuple[Tamper, int]] = {
    "edited body": (lambda c: run(c, "UPDATE audit SET body=x'00' WHERE seq=3"), 3),
    "edited time": (lambda c: run(c, "UPDATE audit SET recorded_ms=recorded_ms+1 WHERE seq=3"), 3),
    "edited patients": (lambda c: run(c, "UPDATE audit SET patients='p9' WHERE seq=3"), 3),
    "a time of another type": (lambda c: run(c, "UPDATE audit SET recorded_ms='soon' WHERE seq=3"), 3),
    "patients of another type": (lambda c: run(c, "UPDATE audit SET patients=x'FF00' WHERE seq=3"), 3),
    "no body": (lambda c: run(c, "UPDATE audit SET body='' WHERE seq=3"), 3),
    "a time beyond all": (lambda c: run(c, "UPDATE audit SET recorded_ms=1e300 WHERE seq=3"), 3),
    "hidden as a checkpoint": (lambda c: run(c, f"UPDATE audit SET kind={CHECKPOINT} WHERE seq=3"), 3),
    "deleted": (lambda c: run(c, "DELETE FROM audit WHERE seq=3"), 4),
    "deleted and renumbered": (
        lambda c: run(c, "DELETE FROM audit WHERE seq=3; UPDATE audit SET seq=seq-1 WHERE seq>3"),
        3,
    ),
    "swapped": (
        lambda c: run(c, "UPDATE audit SET seq=-1 WHERE seq=3; UPDATE audit SET seq=3 WHERE seq=4;"
                         "UPDATE audit SET seq=4 WHERE seq=-1"),
        3,
    ),
    "inserted": (insert, 4),
}  # fmt: skip


async def report_of(store: Store, chain: str) -> ChainReport:
    return next(report for report in await store.verify_audit() if report.chain == chain)


@pytest.mark.parametrize("chain", ["store", "w0"])
@pytest.mark.parametrize("damage", DAMAGE)
async def test_damage_in_the_middle_is_named(place: UrlPlace, tmp_path: Path, chain: str, damage: str) -> None:
    store = await place.open()
    await fill(store)
    tamper, at = DAMAGE[damage]
    connection = apsw.Connection(str(file_of(tmp_path, chain)))
    tamper(connection)
    connection.close()
    report = await report_of(store, chain)
    assert report.fault is not None
    assert report.place == f"{chain}-{at}"
    other = await report_of(store, "w0" if chain == "store" else "store")
    assert other.fault is None
    await store.unbound_session().search_audit(AuditQuery())


def file_of(folder: Path, chain: str) -> Path:
    return folder / "store.db" if chain == "store" else folder / "store.db.audit" / f"{chain}.db"


@pytest.mark.parametrize("chain", ["store", "w0"])
async def test_a_tail_that_is_cut_off_is_found_and_not_opened(place: UrlPlace, tmp_path: Path, chain: str) -> None:
    store = await place.open()
    await fill(store)
    connection = apsw.Connection(str(file_of(tmp_path, chain)))
    last = links.tail(connection).sequence
    run(connection, f"DELETE FROM audit WHERE seq>{last - 2}")
    connection.close()
    report = await report_of(store, chain)
    assert (report.place, report.fault) == (
        f"{chain}-{last - 1}",
        f"the chain ends here, but entry {last} had been written",
    )
    place.opened.clear()
    with pytest.raises(StoreDamaged, match=f"chain {chain} ends at entry {last - 2}.*restore a backup"):
        await place.open()


@pytest.mark.parametrize("chain", ["store", "w0"])
async def test_a_rewritten_tail_differs_from_the_head(place: UrlPlace, tmp_path: Path, chain: str) -> None:
    store = await place.open()
    await fill(store)
    connection = apsw.Connection(str(file_of(tmp_path, chain)))
    fork(connection)
    last = links.tail(connection).sequence
    connection.close()
    report = await report_of(store, chain)
    assert (report.place, report.fault) == (f"{chain}-{last}", "the entry differs from the mirrored head")


async def test_a_workers_chain_rewritten_with_its_head_differs_from_a_checkpoint(
    place: UrlPlace, tmp_path: Path
) -> None:
    store = await place.open()
    await fill(store)
    await place.close()
    connection = apsw.Connection(str(file_of(tmp_path, "w0")))
    fork(connection)
    mirror = HeadFile(tmp_path / "store.db.heads", "w0")
    mirror.write(links.tail(connection))
    mirror.close()
    connection.close()
    report = await report_of(await place.open(), "w0")
    assert report.fault == "the entry differs from a checkpoint in the chain of the store"
    assert report.place == "w0-6"


async def test_an_entry_that_patients_cannot_find_is_a_fault(place: UrlPlace, tmp_path: Path) -> None:
    store = await place.open()
    await fill(store)
    connection = apsw.Connection(str(file_of(tmp_path, "w0")))
    run(connection, "INSERT INTO audit_patient(audit_patient) VALUES('delete-all')")
    named = [link for link in links.links_after(connection, 0, 100) if link.patients]
    links.index_patients(connection, named[1:])
    connection.close()
    assert (await report_of(store, "w0")).fault == "the index of patients differs from the entries"


async def test_a_missing_file_or_head_is_a_fault(place: UrlPlace, tmp_path: Path) -> None:
    store = await place.open()
    await fill(store)
    await place.close()
    head = tmp_path / "store.db.heads" / "w0.head"
    kept = head.read_bytes()
    head.unlink()
    with pytest.raises(StoreDamaged, match="the mirrored head of the audit chain w0 is missing"):
        await place.open()
    head.write_bytes(kept[:40])
    with pytest.raises(StoreDamaged, match="does not hold the head"):
        await place.open()
    head.write_bytes(kept)
    file_of(tmp_path, "w0").unlink()
    with pytest.raises(StoreDamaged, match="the file of the audit chain w0 is missing"):
        await place.open()


async def test_a_chain_that_another_process_is_just_making_is_no_fault(place: UrlPlace, tmp_path: Path) -> None:
    store = await place.open()
    await fill(store)
    file_of(tmp_path, "w7").touch()
    report = await report_of(store, "w7")
    assert (report.entries, report.fault) == (0, None)


async def test_a_database_that_is_gone_is_not_made_anew(place: UrlPlace, tmp_path: Path) -> None:
    await fill(await place.open())
    await place.close()
    for path in tmp_path.glob("store.db*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(StoreDamaged, match="the audit chain store ends at entry 0"):
        await place.open()


async def test_a_loss_is_accepted_with_a_reason_and_numbers_are_not_used_again(place: UrlPlace, tmp_path: Path) -> None:
    store = await place.open()
    await fill(store)
    await place.close()
    for chain in ("store", "w0"):
        connection = apsw.Connection(str(file_of(tmp_path, chain)))
        run(connection, "DELETE FROM audit WHERE seq>3")
        connection.close()
    with pytest.raises(ValueError, match="reason"):
        await accept_loss(place.url, None, " ")
    assert await accept_loss(place.url, None, "disk failed on Monday") == ["store", "w0"]
    assert await accept_loss(place.url, None, "again") == []
    store = await place.open()
    await fill_more(store)
    reports = await store.verify_audit()
    assert [report.fault for report in reports] == [None, None]
    entry = await store.session(EVERYTHING).read_audit("w0-8")
    assert entry is not None
    assert entry.entry.body == b"more"
    assert await store.session(EVERYTHING).read_audit("w0-7") is None


async def fill_more(store: Store) -> None:
    await store.unbound_session().record(AuditEntry(b"more", 1))
    await store.unbound_session().commit(commit_of(create("more")))


async def test_a_loss_is_not_accepted_while_a_server_runs(place: UrlPlace) -> None:
    await place.open()
    with pytest.raises(StoreRefused, match="stop it first"):
        await accept_loss(place.url, None, "why not")


def test_a_gap_is_only_bridged_by_an_entry_that_records_it() -> None:
    head = Head(3, bytes(32))
    for kind, body in ((EVENT, b"{}"), (2, b'{"reason":"r","kept":3,"expected":9,"hash":""}')):
        walk = Verification(head=head)
        walk.walk([link_after(head, kind, AuditEntry(body, 1), 10)])
        assert (walk.fault is None) == (kind == 2)


@pytest.mark.parametrize("inline", [True, False])
async def test_reads_are_recorded_in_groups_either_way(place: UrlPlace, inline: bool) -> None:
    place.options = replace(place.options, commit_inline=inline)
    store = await place.open()
    assert isinstance(store, SqliteStore)
    session = store.unbound_session()
    await asyncio.gather(*(session.record(AuditEntry(b"%d" % n, n, (f"p{n}",))) for n in range(100)))
    assert store.worker.head.sequence == 100
    assert [report.fault for report in await store.verify_audit()] == [None, None]
    await place.close()
    with pytest.raises(Unavailable):
        await session.record(AuditEntry(b"late", 1))


async def test_the_disk_is_measured_when_nothing_is_chosen(place: UrlPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, inline in ((0.0001, True), (0.01, False)):
        monkeypatch.setattr(worker, "flush_seconds", lambda folder, seconds=seconds: seconds)
        store = await place.open()
        assert isinstance(store, SqliteStore)
        assert store.worker.inline is inline


def test_a_flush_takes_some_time(tmp_path: Path) -> None:
    assert 0 < worker.flush_seconds(tmp_path) < 5
    assert list(tmp_path.iterdir()) == []


async def test_an_error_of_the_disk_ends_recording(place: UrlPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await place.open()
    assert isinstance(store, SqliteStore)
    await fill(store)

    def fails(head: Head) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(store.worker._mirror, "write", fails)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await store.unbound_session().record(AuditEntry(b"x", 1))
    monkeypatch.undo()
    with pytest.raises(Unavailable):
        await store.unbound_session().record(AuditEntry(b"x", 1))


async def test_a_chain_may_be_ahead_of_its_head(place: UrlPlace, tmp_path: Path) -> None:
    """A process that dies between its commit and the mirroring has lost nothing."""
    store = await place.open()
    await fill(store)
    await place.close()
    for chain in ("store", "w0"):
        connection = apsw.Connection(str(file_of(tmp_path, chain)))
        link = links.link_at(connection, 3)
        connection.close()
        assert link is not None
        mirror = HeadFile(tmp_path / "store.db.heads", chain)
        mirror.write(Head(3, link.hash))
        mirror.close()
    store = await place.open()
    await fill_more(store)
    assert [report.fault for report in await store.verify_audit()] == [None, None]


async def test_a_store_that_is_only_opened_and_closed_writes_no_checkpoints(place: UrlPlace) -> None:
    store = await place.open()
    await fill(store)
    await place.close()
    counts = []
    for _ in range(3):
        store = await place.open()
        counts.append([report.entries for report in await store.verify_audit()])
        await place.close()
    assert counts[0] == counts[1] == counts[2]


async def test_the_store_has_one_chain_and_each_process_one_more(place: UrlPlace) -> None:
    one, _ = await place.open(), await place.open()
    assert [report.chain for report in await one.verify_audit()] == ["store", "w0", "w1"]
