"""Building the index anew, indexing by new rules, and cleaning claims, while others write."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from pymongo.database import Database as SyncDatabase

from fhir_server.outcome import Contended, Unavailable
from fhir_server.store.access import AccessFilter, Rule
from fhir_server.store.contract import Store
from fhir_server.store.criteria import InCompartment, Query, TokenIs
from fhir_server.store.entries import Entries
from fhir_server.store.mongodb.collections import INDEX_FORMAT
from fhir_server.store.mongodb.store import MongoStore
from fhir_server.store.values import Commit, IndexJob, Version
from tests.store.conformance.commits import create, delete, update
from tests.store.places import UrlPlace
from tests.store.samples import audit_of, commit_of

Database = SyncDatabase[dict[str, Any]]

OLD = Entries(tokens=(("code", "", "old"),), compartments=(("Patient", "p1"),))
NEW = Entries(tokens=(("code", "", "new"),), compartments=(("Patient", "p2"),))
P1 = AccessFilter((Rule(None, (InCompartment("Patient", "p1"),)),))
P2 = AccessFilter((Rule(None, (InCompartment("Patient", "p2"),)),))


async def new_entries(version: Version) -> Entries:
    return NEW


async def old_store(place: UrlPlace) -> None:
    """A store with versions, a deletion and what was brought back, in the index of an older program."""
    session = (await place.open()).unbound_session()
    await session.commit(commit_of(*(create(f"a{number}", entries=OLD) for number in range(20))))
    await session.commit(commit_of(update("a0", '"v":2', entries=OLD), delete("a1"), delete("a2")))
    await session.commit(commit_of(update("a2", '"v":3', entries=OLD)))
    await place.close()
    place.options = replace(place.options, entries_version="2")


async def test_an_index_of_another_version_is_built_anew(mongo_place: UrlPlace, mongo_database: Database) -> None:
    await old_store(mongo_place)
    store = await mongo_place.open()
    assert store.needs_reindex()
    for refused in (
        store.unbound_session().search(Query("Observation")),
        store.session(P1).read("Observation", "a0"),
        store.session(P1).commit(commit_of(create("new", entries=OLD))),
    ):
        with pytest.raises(Unavailable):
            await refused
    told: list[tuple[int, int]] = []
    assert await store.reindex(new_entries, 7, lambda *reached: told.append(reached)) == 24
    assert told[-1] == (24, 24)
    assert not store.needs_reindex()
    assert await store.reindex(new_entries) == 0
    assert list(await store.verify_index(new_entries)) == []
    assert await store.unbound_session().count(Query("Observation", (TokenIs("code", None, "new"),))) == 19
    gone = await store.session(P2).read("Observation", "a1")
    assert gone is not None
    assert gone.deleted
    assert await store.session(P1).read("Observation", "a1") is None
    assert await store.session(P2).read_version("Observation", "a0", 1) is not None
    for name in ("resource", "version"):
        assert mongo_database[name].distinct("x") == [f"{INDEX_FORMAT}.2"]


async def test_a_program_of_another_version_does_not_write_meanwhile(mongo_place: UrlPlace) -> None:
    """It had the store open before; what it deletes or writes after would be indexed by its own rules."""
    older = await mongo_place.open()
    await old_store(replace(mongo_place, opened=[]))
    mongo_place.options = replace(mongo_place.options, entries_version="2")
    newer = await mongo_place.open()
    stopped: list[int] = []

    async def write() -> None:
        for number in range(1_000):
            try:
                await older.unbound_session().commit(commit_of(create(f"b{number}", entries=OLD)))
            except Unavailable:
                stopped.append(number)
                return

    _, done = await asyncio.gather(write(), newer.reindex(new_entries, 5))
    assert stopped
    assert done == 24 + stopped[0]
    assert older.needs_reindex()
    assert list(await newer.verify_index(new_entries)) == []
    assert await newer.unbound_session().count(Query("Observation", (TokenIs("code", None, "new"),))) == 19 + stopped[0]


async def test_two_processes_build_together_while_a_third_writes(
    mongo_place: UrlPlace, mongo_database: Database
) -> None:
    await old_store(mongo_place)
    stores = [await mongo_place.open() for _ in range(3)]
    builders = [asyncio.ensure_future(store.reindex(new_entries, 3)) for store in stores[:2]]
    while mongo_database["meta"].find_one({"_id": "store", "index": f"{INDEX_FORMAT}.1"}) is not None:
        await asyncio.sleep(0.01)
    await asyncio.gather(*builders, _write(stores[2]))
    for store in stores:
        await store.check()
        assert not store.needs_reindex()
    assert list(await stores[2].verify_index(new_entries)) == []


async def _write(store: Store) -> None:
    session = store.unbound_session()
    for number in range(20):
        await session.commit(commit_of(create(f"b{number}", entries=NEW), delete(f"a{number}")))


async def test_what_differs_from_the_bodies_is_named(mongo_place: UrlPlace, mongo_database: Database) -> None:
    store = await mongo_place.open()
    await store.unbound_session().commit(commit_of(*(create(id, entries=NEW) for id in "abcd")))
    resources = mongo_database["resource"]
    resources.update_one({"_id": "Observation/a"}, {"$set": {"e.k": []}})
    resources.update_one({"_id": "Observation/b"}, {"$set": {"z": {}}})
    resources.update_one({"_id": "Observation/c"}, {"$set": {"b": b"{}"}})
    assert list(await store.verify_index(new_entries)) == [
        "Observation/a/_history/1: keys differ",
        "Observation/b/_history/1: sort values differ",
        "Observation/c/_history/1: Observation/c version 1 is damaged in the store",
    ]


async def test_a_job_is_shared_by_processes_and_survives_a_pause(mongo_place: UrlPlace) -> None:
    stores = [await mongo_place.open() for _ in range(3)]
    session = stores[0].unbound_session()
    await session.commit(commit_of(*(create(f"a{number}", entries=OLD) for number in range(650))))
    job = IndexJob("SearchParameter/x", ("Observation",))
    await session.commit(Commit((), audit_of, index_jobs=(job,)))
    assert await stores[1].index_rules() == 0
    await session.commit(Commit((create("x", type="Flag", entries=OLD),), audit_of, index_jobs=(job,)))
    rules = await stores[1].index_rules()
    assert rules == 1

    async def work(store: Store) -> None:
        while (step := await store.run_index_job(new_entries, rules)) is not None and not step.complete:
            assert step.done <= 650

    await asyncio.gather(*map(work, stores), return_exceptions=True)
    assert list(await stores[0].index_jobs()) == [replace(job, done=650, total=650, complete=True)]
    assert await stores[0].index_rules() == 2
    assert await stores[0].unbound_session().count(Query("Observation", (TokenIs("code", None, "new"),))) == 650


async def test_a_claim_that_was_cleaned_is_not_taken_for_one_that_never_was(mongo_place: UrlPlace) -> None:
    store = await mongo_place.open()
    assert isinstance(store, MongoStore)
    session, key = store.unbound_session(), frozenset(("k",))
    early = await session.snapshot()
    await session.commit(Commit((create("a"),), audit_of, carries=key))
    after = await session.snapshot()
    mongo_place.clock.pass_ms(100_000)
    assert (await store.clean(50)).claims == 1
    assert await store.database["claim"].count_documents({}) == 0
    for basis in (early, after):
        with pytest.raises(Contended):
            await session.commit(Commit((create("b"),), audit_of, depends_on=key, basis=basis))
    basis = await session.snapshot()
    await session.commit(Commit((create("b"),), audit_of, carries=key, depends_on=key, basis=basis))
    assert (await store.clean(50)).claims == 0
