"""Snapshots: what their names hold, when they end, and that nothing that was committed late is taken for nothing."""

from dataclasses import replace
from time import monotonic

import pytest
from bson.timestamp import Timestamp

from fhir_server.outcome import Invalid, SnapshotExpired, TooCostly, Unavailable
from fhir_server.store.access import AccessFilter, Rule
from fhir_server.store.criteria import HistoryQuery, IdIs, InCompartment, Query, SortKey, StringIs
from fhir_server.store.entries import Entries
from fhir_server.store.mongodb import snapshots
from fhir_server.store.mongodb.collections import META, ORDER_BITS, RESOURCE
from fhir_server.store.mongodb.queries import visibility
from fhir_server.store.mongodb.queries.state import LATE_MS, Named, named_by
from fhir_server.store.values import Snapshot
from tests.store.conformance.commits import create, update
from tests.store.mongodb.loader import LoadedPlace, LoadedStore
from tests.store.samples import commit_of
from tests.store.scripts import START_MS

MINE = Entries(compartments=(("Patient", "p1"),), strings=(("name", "anna"),))
LAST = "0123456789abcdef"
P1 = AccessFilter((Rule(None, (InCompartment("Patient", "p1"),)),))


async def one(place: LoadedPlace) -> LoadedStore:
    """A store with Observation/a."""
    store = await place.open()
    await store.unbound_session().commit(commit_of(create("a", entries=MINE)))
    return store


def test_a_name_is_read_back() -> None:
    named = Named("e1", Timestamp(5, 6), 70_001, LAST)
    snapshot = named.snapshot()
    assert named_by(snapshot.value) == named
    assert snapshot.time_ms == 70_001 - LATE_MS
    assert named.late == 1 << ORDER_BITS


@pytest.mark.parametrize(
    "text", ["", "x", "e.1.2.3", "e.1.2.3.4", "e.1.2.3.x.0", "e.1.2.-3.4.0", f"e.1.2.3.{LAST}.0\n", "…"]
)
async def test_what_is_no_name_is_invalid(place: LoadedPlace, text: str) -> None:
    store = await one(place)
    with pytest.raises(Invalid):
        await store.unbound_session().search(Query("Observation", snapshot=Snapshot(text, 0)))


@pytest.mark.parametrize(
    "named",
    [
        Named("other", Timestamp(1, 1), START_MS, LAST),
        Named("e1", Timestamp(2**32 - 1, 1), START_MS, LAST),
        Named("e1", Timestamp(1, 1), START_MS, LAST),
    ],
)
async def test_names_of_other_times_have_expired(place: LoadedPlace, named: Named) -> None:
    """Of another store, of the future, and of a time of which the database has nothing any more."""
    store = await one(place)
    for question in (Query("Observation", snapshot=named.snapshot()), HistoryQuery(snapshot=named.snapshot())):
        session = store.unbound_session()
        with pytest.raises(SnapshotExpired):
            await (session.search(question) if isinstance(question, Query) else session.history(question))


async def test_a_changed_name_has_expired(place: LoadedPlace) -> None:
    store = await one(place)
    value = (await store.unbound_session().snapshot()).value
    changed = value.replace(str(START_MS), str(START_MS + 1))
    with pytest.raises(SnapshotExpired):
        await store.unbound_session().count(Query("Observation", snapshot=Snapshot(changed, 0)))


async def test_a_quiet_store_names_its_state_once(place: LoadedPlace) -> None:
    store = await one(place)
    session = store.unbound_session()
    first = await session.snapshot()
    assert await session.snapshot() == first
    await session.commit(commit_of(create("b")))
    second = await session.snapshot()
    assert second != first
    place.clock.pass_ms(5_000)
    assert (await session.snapshot()).time_ms == second.time_ms + 5_000


async def test_a_late_commit_of_a_lower_order_is_noticed(place: LoadedPlace) -> None:
    """Another process with a clock that is behind commits after the snapshot, below its greatest order."""
    store = await one(place)
    session = store.unbound_session()
    store.loader.last = (START_MS + 1_000) << ORDER_BITS
    await session.commit(commit_of(create("b", entries=MINE)))
    old = await session.snapshot()
    other = await place.open()
    await other.unbound_session().commit(commit_of(update("a", '"v":2', entries=Entries())))
    query = Query("Observation", sort=(SortKey("_id"),), snapshot=old)
    assert [(v.id, v.version) for v in (await session.search(query)).versions] == [("a", 1), ("b", 1)]
    hidden = await store.session(P1).search(query)
    assert [v.id for v in hidden.versions] == ["b"]


async def test_however_much_had_changed_a_state_that_still_is_keeps_its_name(place: LoadedPlace) -> None:
    """What has not changed since is that of now, even when the database has long forgotten the time of its name."""
    store = await one(place)
    session = store.unbound_session()
    for start in range(0, 1_200, 100):
        await session.commit(commit_of(*(create(f"b{number}") for number in range(start, start + 100))))
    busy = await session.snapshot()
    place.clock.pass_ms(3_600_001)
    assert await session.count(Query("Observation", snapshot=busy)) == 1_201
    await session.commit(commit_of(create("c")))
    place.clock.pass_ms(3_600_001)
    with pytest.raises(SnapshotExpired):
        await session.count(Query("Observation", snapshot=busy))


@pytest.mark.parametrize("index", ["0.1", "building 1.1"])
async def test_an_index_of_another_version_is_not_relied_on(place: LoadedPlace, index: str) -> None:
    store = await one(place)
    database = store.loader.database
    await database[META].update_one({"_id": "store"}, {"$set": {"index": index}})
    await database[RESOURCE].update_many({}, {"$set": {"x": index}})
    everything, mine = store.unbound_session(), store.session(P1)
    for asked in (everything.search(Query("Observation")), mine.search(Query("Observation"))):
        with pytest.raises(Unavailable):
            await asked
    for refused in (
        mine.history(HistoryQuery()),
        mine.read("Observation", "a"),
        mine.withheld("p1"),
        mine.holders("k"),
    ):
        with pytest.raises(Unavailable):
            await refused
    assert await everything.read("Observation", "a") is not None
    assert len((await everything.history(HistoryQuery())).versions) == 1
    assert not await everything.withheld("p1")


async def test_too_many_masks_since_are_too_costly(place: LoadedPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visibility, "MOST_MASKED_SINCE", 1)
    store = await place.open()
    session = store.unbound_session()
    await session.commit(commit_of(*(create(id, entries=MINE) for id in "abc")))
    old = await session.snapshot()
    await session.commit(commit_of(*(update(id, '"v":2', entries=Entries()) for id in "abc")))
    access = AccessFilter((Rule(None, (), frozenset(("Observation.note",))), *P1.allow))
    name = StringIs("name", "anna", elements=("Observation.note",))
    with pytest.raises(TooCostly):
        await store.session(access).count(Query("Observation", (name,), snapshot=old))
    monkeypatch.setattr(visibility, "MOST_MASKED_SINCE", 3)
    assert await store.session(access).count(Query("Observation", (name,), snapshot=old)) == 0
    assert await session.count(Query("Observation", (name,), snapshot=old)) == 3


async def test_a_search_has_its_time(place: LoadedPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    place.options = replace(place.options, search_seconds=10)
    store = await one(place)
    query = Query("Observation", (IdIs(("a",)),), (SortKey("name", type="string"),))
    assert len((await store.unbound_session().search(query)).versions) == 1
    monkeypatch.setattr(snapshots, "monotonic", lambda: monotonic() + 11)
    with pytest.raises(TooCostly):
        await store.unbound_session().search(query)


async def test_a_damaged_body_is_not_shown(place: LoadedPlace) -> None:
    store = await one(place)
    await store.loader.database[RESOURCE].update_one({"i": "a"}, {"$set": {"b": b"{}"}})
    session = store.unbound_session()
    for asked in (
        session.read("Observation", "a"),
        session.read_version("Observation", "a", 1),
        session.search(Query("Observation")),
        session.history(HistoryQuery()),
    ):
        with pytest.raises(Unavailable, match="Observation/a version 1 is damaged"):
            await asked


async def test_a_database_without_a_store_is_unavailable(place: LoadedPlace) -> None:
    store = await place.open()
    await store.loader.database[META].delete_many({})
    with pytest.raises(Unavailable):
        await store.unbound_session().snapshot()
