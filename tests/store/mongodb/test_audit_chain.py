"""The audit chains in MongoDB: every edit is found, also by who may write in the database."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pymongo.collection import Collection as SyncCollection
from pymongo.database import Database as SyncDatabase

from fhir_server.store.access import EVERYTHING
from fhir_server.store.chain import CHECKPOINT, EVENT, Head, HeadFile, link_after
from fhir_server.store.contract import Store
from fhir_server.store.criteria import AuditQuery
from fhir_server.store.mongodb.audit.links import document_of
from fhir_server.store.open import StoreDamaged, StoreRefused, accept_loss
from fhir_server.store.values import AuditEntry, ChainReport
from tests.store.conformance.commits import create
from tests.store.places import UrlPlace
from tests.store.samples import commit_of

Document = dict[str, Any]
Database = SyncDatabase[Document]
Collection = SyncCollection[Document]


async def fill(store: Store, count: int = 6) -> None:
    """Entries in both chains, three of a patient each."""
    session = store.unbound_session()
    for number in range(count):
        await session.record(AuditEntry(b'{"read":%d}' % number, number, ("p1", "p2") if number % 2 == 0 else ()))
        await session.commit(commit_of(create(f"a{number}")))


async def report_of(store: Store, chain: str) -> ChainReport:
    return next(report for report in await store.verify_audit() if report.chain == chain)


def edit(**values: Any) -> Callable[[Collection, str], None]:
    """Sets these fields of the third entry."""

    def tamper(audit: Collection, chain: str) -> None:
        audit.update_one({"_id": f"{chain}-3"}, {"$set": values})

    return tamper


def delete(audit: Collection, chain: str) -> None:
    audit.delete_one({"_id": f"{chain}-3"})


def put(audit: Collection, document: Document, number: int) -> None:
    """The document in another place of its chain."""
    audit.delete_one({"c": document["c"], "n": number})
    audit.insert_one({**document, "_id": f"{document['c']}-{number}", "n": number})


def swap(audit: Collection, chain: str) -> None:
    third, fourth = audit.find({"c": chain, "n": {"$in": [3, 4]}}, sort=[("n", 1)])
    put(audit, third, 4)
    put(audit, fourth, 3)


def close_the_gap(audit: Collection, chain: str) -> None:
    later = list(audit.find({"c": chain, "n": {"$gt": 3}}, sort=[("n", 1)]))
    audit.delete_many({"c": chain, "n": {"$gte": 3}})
    for document in later:
        put(audit, document, document["n"] - 1)


def rename(audit: Collection, chain: str) -> None:
    """The third entry under another `_id`, so that nobody finds it by its own."""
    document = audit.find_one_and_delete({"_id": f"{chain}-3"})
    assert document is not None
    audit.insert_one({**document, "_id": "elsewhere"})


def fork(audit: Collection, chain: str) -> Head:
    """Everything after the third entry rewritten, with hashes that fit."""
    end = audit.find_one({"c": chain}, sort=[("n", -1)])
    third = audit.find_one({"_id": f"{chain}-3"})
    assert end is not None
    assert third is not None
    audit.delete_many({"c": chain, "n": {"$gt": 3}})
    head = Head(3, third["h"])
    while head.sequence < end["n"]:
        link = link_after(head, EVENT, AuditEntry(b"forged", 1))
        head = Head(link.sequence, link.hash)
        audit.insert_one(document_of(chain, link))
    return head


DAMAGE: dict[str, tuple[Callable[[Collection, str], None], int]] = {
    "edited body": (edit(b=b"\0"), 3),
    "edited time": (edit(u=99), 3),
    "a time of another type": (edit(u="soon"), 3),
    "a time that is no whole number": (edit(u=2.0), 3),
    "no time": (edit(u=None), 3),
    "edited patients": (edit(p=["p9"]), 3),
    "patients that cannot be found": (edit(p=["p1\np2"]), 3),
    "no patients": (edit(p=None), 3),
    "patients of another type": (edit(p=[1]), 3),
    "a text for a body": (edit(b='{"read":2}'), 3),
    "another hash": (edit(h=bytes(32)), 3),
    "no hash": (edit(h=None), 3),
    "hidden as a checkpoint": (edit(k=CHECKPOINT), 3),
    "deleted": (delete, 4),
    "deleted and renumbered": (close_the_gap, 3),
    "swapped": (swap, 3),
    "under another key": (rename, 3),
}


@pytest.mark.parametrize("chain", ["c0", "r0"])
@pytest.mark.parametrize("damage", DAMAGE)
async def test_damage_in_the_middle_is_named(
    mongo_place: UrlPlace, mongo_database: Database, chain: str, damage: str
) -> None:
    store = await mongo_place.open()
    await fill(store)
    tamper, at = DAMAGE[damage]
    if chain == "c0" and damage == "patients that cannot be found":
        pytest.skip("commits of these tests name one patient")
    tamper(mongo_database["audit"], chain)
    report = await report_of(store, chain)
    assert report.fault is not None
    assert report.place == f"{chain}-{at}"
    assert (await report_of(store, "c0" if chain == "r0" else "r0")).fault is None


@pytest.mark.parametrize("chain", ["c0", "r0"])
async def test_a_tail_that_is_cut_off_is_found_and_not_opened(
    mongo_place: UrlPlace, mongo_database: Database, chain: str
) -> None:
    store = await mongo_place.open()
    await fill(store)
    last = mongo_database["audit"].find_one({"c": chain}, sort=[("n", -1)])
    assert last is not None
    mongo_database["audit"].delete_many({"c": chain, "n": {"$gt": last["n"] - 2}})
    report = await report_of(store, chain)
    assert (report.place, report.fault) == (
        f"{chain}-{last['n'] - 1}",
        f"the chain ends here, but entry {last['n']} had been written",
    )
    with pytest.raises(StoreDamaged, match=f"chain {chain} ends at entry {last['n'] - 2}.*restore a backup"):
        await mongo_place.open()


@pytest.mark.parametrize("chain", ["c0", "r0"])
async def test_a_rewritten_tail_differs_from_the_head(
    mongo_place: UrlPlace, mongo_database: Database, chain: str
) -> None:
    store = await mongo_place.open()
    await fill(store)
    head = fork(mongo_database["audit"], chain)
    report = await report_of(store, chain)
    assert (report.place, report.fault) == (f"{chain}-{head.sequence}", "the entry differs from the mirrored head")


async def test_a_chain_of_reads_rewritten_with_its_head_differs_from_a_checkpoint(
    mongo_place: UrlPlace, mongo_database: Database, tmp_path: Path
) -> None:
    await fill(await mongo_place.open())
    await mongo_place.close()
    mirror = HeadFile(tmp_path / "heads", "r0")
    mirror.write(fork(mongo_database["audit"], "r0"))
    mirror.close()
    report = await report_of(await mongo_place.open(), "r0")
    assert report.fault == "the entry differs from a checkpoint in the chain of the store"
    assert report.place == "r0-6"


async def test_a_head_that_cannot_be_read_is_a_fault(mongo_place: UrlPlace, tmp_path: Path) -> None:
    store = await mongo_place.open()
    await fill(store)
    (tmp_path / "heads" / "r0.head").write_bytes(b"nonsense")
    assert (await report_of(store, "r0")).fault == "the mirrored head cannot be read"
    with pytest.raises(StoreDamaged, match="does not hold the head"):
        await mongo_place.open()


async def test_a_database_that_is_gone_is_not_made_anew(mongo_place: UrlPlace, mongo_database: Database) -> None:
    await fill(await mongo_place.open())
    await mongo_place.close()
    mongo_database.client.drop_database(mongo_database.name)
    with pytest.raises(StoreDamaged, match="the audit chain c0 ends at entry 0"):
        await mongo_place.open()


async def test_another_machine_goes_on_with_a_chain(mongo_place: UrlPlace, tmp_path: Path) -> None:
    """Its heads lie elsewhere. The first machine finds its own in what the other has gone on with."""
    await fill(await mongo_place.open())
    await mongo_place.close()
    away = replace(mongo_place, options=replace(mongo_place.options, heads=tmp_path / "away"), opened=[])
    store = await away.open()
    await fill_more(store)
    assert [report.fault for report in await store.verify_audit() if report.fault] == []
    await away.close()
    store = await mongo_place.open()
    assert [report.fault for report in await store.verify_audit() if report.fault] == []


async def test_a_loss_is_accepted_with_a_reason_and_numbers_are_not_used_again(
    mongo_place: UrlPlace, mongo_database: Database, tmp_path: Path
) -> None:
    await fill(await mongo_place.open())
    await mongo_place.close()
    last = mongo_database["audit"].find_one({"c": "r0"}, sort=[("n", -1)])
    assert last is not None
    mongo_database["audit"].delete_many({"n": {"$gt": 3}})
    heads = tmp_path / "heads"
    with pytest.raises(ValueError, match="reason"):
        await accept_loss(mongo_place.url, heads, " ")
    lost = await accept_loss(mongo_place.url, heads, "disk failed on Monday")
    assert lost == ["c0", "r0"]
    assert await accept_loss(mongo_place.url, heads, "again") == []
    store = await mongo_place.open()
    await fill_more(store)
    assert [report.fault for report in await store.verify_audit() if report.fault] == []
    entry = await store.session(EVERYTHING).read_audit(f"r0-{last['n'] + 2}")
    assert entry is not None
    assert entry.entry.body == b"more"
    assert await store.session(EVERYTHING).read_audit(f"r0-{last['n'] + 1}") is None


async def fill_more(store: Store) -> None:
    await store.unbound_session().record(AuditEntry(b"more", 1))
    await store.unbound_session().commit(commit_of(create("more")))


async def test_a_loss_is_not_accepted_while_a_server_runs(mongo_place: UrlPlace, tmp_path: Path) -> None:
    await mongo_place.open()
    with pytest.raises(StoreRefused, match="stop it first"):
        await accept_loss(mongo_place.url, tmp_path / "heads", "why not")


async def test_entries_of_one_time_come_by_chain_and_number(mongo_place: UrlPlace) -> None:
    store = await mongo_place.open()
    session = store.unbound_session()
    for number in range(12):
        await session.record(AuditEntry(b"%d" % number, 5))
    page = await session.search_audit(AuditQuery(count=5))
    found = list(page.entries)
    while page.next is not None:
        page = await session.search_audit(AuditQuery(count=5, snapshot=page.snapshot, after=page.next))
        found += page.entries
    assert [item.id for item in found] == [f"r0-{number}" for number in range(12, 0, -1)]


async def test_a_store_that_is_only_opened_and_closed_writes_no_checkpoints(
    mongo_place: UrlPlace, mongo_database: Database
) -> None:
    await mongo_place.open()
    await mongo_place.close()
    await fill(await mongo_place.open(), 1)
    await mongo_place.close()
    assert mongo_database["audit"].count_documents({"k": CHECKPOINT}) == 1
    await mongo_place.open()
    await mongo_place.close()
    assert mongo_database["audit"].count_documents({"k": CHECKPOINT}) == 1
