"""Slots: one writer under each, and whoever has lost its own writes under another."""

import asyncio
from datetime import UTC, datetime

import pytest

from fhir_server.outcome import RulesChanged
from fhir_server.store.contract import Store
from fhir_server.store.criteria import AuditQuery
from fhir_server.store.mongodb import slots
from fhir_server.store.mongodb.collections import SLOT
from fhir_server.store.mongodb.store import MongoStore
from fhir_server.store.values import AuditEntry, Commit, Committed, IndexJob
from tests.store.conformance.commits import create, update
from tests.store.places import UrlPlace
from tests.store.samples import audit_of, commit_of


async def opened(place: UrlPlace) -> MongoStore:
    store = await place.open()
    assert isinstance(store, MongoStore)
    return store


async def number_of(store: MongoStore) -> int:
    return (await store.desks.held()).slot.number


async def run_out(store: MongoStore, number: int) -> None:
    """The lease of a slot is over."""
    await store.database[SLOT].update_one({"_id": number}, {"$set": {"until": datetime(2000, 1, 1, tzinfo=UTC)}})


async def sound(store: Store, entries: int) -> None:
    """Every chain verifies, with so many entries in all, checkpoints not counted."""
    assert [report.fault for report in await store.verify_audit() if report.fault] == []
    page = await store.unbound_session().search_audit(AuditQuery(count=1_000))
    assert len(page.entries) == entries


async def test_each_process_has_the_lowest_free_slot(mongo_place: UrlPlace) -> None:
    stores = [await opened(mongo_place) for _ in range(3)]
    assert [await number_of(store) for store in stores] == [0, 1, 2]
    await stores[1].close()
    mongo_place.opened.remove(stores[1])
    assert await number_of(await opened(mongo_place)) == 1


async def test_a_slot_that_was_lost_is_not_written_under(mongo_place: UrlPlace) -> None:
    """The process slept too long, another has its slot: both go on, each under its own."""
    sleeper = await opened(mongo_place)
    session = sleeper.unbound_session()
    await session.commit(commit_of(create("a")))
    await session.record(AuditEntry(b"before", 1))
    await run_out(sleeper, 0)
    other = await opened(mongo_place)
    assert await number_of(other) == 0
    await other.unbound_session().commit(commit_of(create("b")))
    await other.unbound_session().record(AuditEntry(b"theirs", 2))
    await asyncio.gather(session.commit(commit_of(update("a", '"v":2'))), session.record(AuditEntry(b"after", 3)))
    assert await number_of(sleeper) == 1
    await other.unbound_session().record(AuditEntry(b"theirs", 4))
    await other.unbound_session().commit(commit_of(update("b", '"v":2')))
    assert await number_of(other) == 0
    await sound(other, 8)


async def test_a_read_of_a_process_that_lost_its_slot_may_come_first(mongo_place: UrlPlace) -> None:
    """It is written at the end of a chain that is another's; that one finds its chain longer than it knew."""
    sleeper = await opened(mongo_place)
    await run_out(sleeper, 0)
    other = await opened(mongo_place)
    await sleeper.unbound_session().record(AuditEntry(b"late", 1))
    await asyncio.gather(*(other.unbound_session().record(AuditEntry(b"%d" % n, n)) for n in range(5)))
    await sleeper.unbound_session().record(AuditEntry(b"later", 2))
    assert await number_of(sleeper) == 1
    await sound(other, 7)


async def test_a_slot_is_prolonged_in_the_background(mongo_place: UrlPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "PROLONG_SECONDS", 0.05)
    store = await opened(mongo_place)
    first = await store.database[SLOT].find_one({"_id": 0})
    await asyncio.sleep(0.3)
    later = await store.database[SLOT].find_one({"_id": 0})
    assert first is not None
    assert later is not None
    assert later["until"] > first["until"]
    taken = {"holder": "another", "until": datetime(2100, 1, 1, tzinfo=UTC)}
    await store.database[SLOT].update_one({"_id": 0}, {"$set": taken})
    await asyncio.sleep(0.3)
    assert await number_of(store) == 1


async def test_a_change_of_the_rules_meets_every_writer(mongo_place: UrlPlace) -> None:
    """Whatever is committed by the old rules was committed before the change."""
    stores = [await opened(mongo_place) for _ in range(3)]
    old_rules = await stores[0].index_rules()
    changed = asyncio.Event()
    late: list[int] = []

    async def write(store: Store, name: str) -> None:
        for number in range(1_000):
            after = changed.is_set()
            try:
                await store.unbound_session().commit(
                    Commit((create(f"{name}-{number}"),), audit_of, index_rules=old_rules)
                )
            except RulesChanged:
                return
            if after:
                late.append(number)

    async def change() -> None:
        await asyncio.sleep(0.3)
        job = IndexJob("SearchParameter/x", ("Observation",))
        await stores[0].unbound_session().commit(Commit((create("x"),), audit_of, index_jobs=(job,)))
        changed.set()

    writers = [write(store, f"{number}{part}") for number, store in enumerate(stores) for part in "ab"]
    await asyncio.wait_for(asyncio.gather(*writers, change()), 30)
    assert late == []
    assert await stores[1].index_rules() == old_rules + 1
    resources = stores[0].database["resource"]
    assert await resources.count_documents({"r": {"$ne": old_rules}}) == 0
    newcomer = await opened(mongo_place)
    with pytest.raises(RulesChanged):
        await newcomer.unbound_session().commit(Commit((create("y"),), audit_of, index_rules=old_rules))


async def test_two_slots_never_give_one_order(mongo_place: UrlPlace) -> None:
    """Also where the clocks of the processes stand still."""
    stores = [await opened(mongo_place), await opened(mongo_place)]

    async def write(store: Store, name: str) -> list[Committed]:
        session = store.unbound_session()
        return [await session.commit(commit_of(create(f"{name}{n}a"), create(f"{name}{n}b"))) for n in range(20)]

    await asyncio.gather(*(write(store, f"s{number}-") for number, store in enumerate(stores)))
    orders = await stores[0].database["resource"].distinct("o")
    assert len(orders) == 80
