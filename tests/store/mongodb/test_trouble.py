"""What goes wrong on the way: groups that fail, callers that go away, a database that dies."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from fhir_server.outcome import Contended, FhirError, TooLarge, Unavailable
from fhir_server.store.criteria import HistoryQuery, Query
from fhir_server.store.entries import Entries
from fhir_server.store.mongodb import order
from fhir_server.store.mongodb.commits import transaction
from fhir_server.store.mongodb.commits.apply import Effects
from fhir_server.store.mongodb.commits.decide import Decision
from fhir_server.store.mongodb.order import Orders
from fhir_server.store.mongodb.store import MongoStore
from fhir_server.store.open import StoreOptions
from fhir_server.store.values import AuditEntry, Commit, Committed, Required
from tests import mongod
from tests.store.conformance.commits import create, delete, update
from tests.store.places import UrlPlace
from tests.store.processes import finished, killed, start
from tests.store.samples import audit_of, commit_of

# Servers that do not answer: the driver leaves sockets to the garbage collector then.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


async def opened(place: UrlPlace) -> MongoStore:
    store = await place.open()
    assert isinstance(store, MongoStore)
    return store


async def test_a_group_that_fails_as_a_whole_is_run_one_by_one(
    mongo_place: UrlPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(Effects):
        def add(self, commit: Commit, decision: Decision) -> None:
            if any(write.id == "bad" for write in commit.writes):
                raise OperationFailure("a fault of the program", 9)
            super().add(commit, decision)

    store = await opened(mongo_place)
    session = store.unbound_session()
    monkeypatch.setattr(transaction, "Effects", Failing)
    ids = ["a", "b", "bad", "c"]
    answers = await asyncio.gather(*(session.commit(commit_of(create(id))) for id in ids), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Committed, Committed, Unavailable, Committed]
    assert {version.id for version in (await session.search(Query("Observation"))).versions} == {"a", "b", "c"}
    assert [report.fault for report in await store.verify_audit() if report.fault] == []


async def test_a_resource_that_is_too_large_is_refused_alone(mongo_place: UrlPlace) -> None:
    session = (await opened(mongo_place)).unbound_session()
    large = create("large", f'"v":"{"x" * 17_000_000}"')
    writes = (create("a"), large, create("b"))
    answers = await asyncio.gather(*(session.commit(commit_of(write)) for write in writes), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Committed, TooLarge, Committed]


async def test_a_commit_that_waits_too_long_for_its_turn_is_given_up(mongo_place: UrlPlace) -> None:
    mongo_place.options = replace(mongo_place.options, queue_seconds=0.2)
    store = await opened(mongo_place)
    session = store.unbound_session()
    await session.commit(commit_of(create("a")))
    async with store.database.client.start_session() as other, await other.start_transaction():
        await store.database["slot"].update_one({"_id": 0}, {"$set": {"touched": 1}}, session=other)
        first = asyncio.ensure_future(session.commit(commit_of(update("a", '"v":2'))))
        await asyncio.sleep(0.05)
        with pytest.raises(Unavailable, match="nothing was written"):
            await session.commit(commit_of(create("b")))
        await other.abort_transaction()
        assert (await first).written[0].version == 2
    assert await session.read("Observation", "b") is None


async def test_a_rival_that_is_always_first_makes_a_commit_contended(
    mongo_place: UrlPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "MOST_CONFLICTS", 3)
    store = await opened(mongo_place)
    session = store.unbound_session()
    await session.commit(commit_of(create("a")))
    async with store.database.client.start_session() as other, await other.start_transaction():
        await store.database["resource"].update_one({"_id": "Observation/a"}, {"$set": {"q": 1}}, session=other)
        with pytest.raises(Contended, match="try again"):
            await session.commit(commit_of(update("a", '"v":2')))
        await other.abort_transaction()
    await session.commit(commit_of(update("a", '"v":2')))


async def test_a_caller_that_goes_away_harms_nobody(mongo_place: UrlPlace) -> None:
    store = await opened(mongo_place)
    session = store.unbound_session()
    tasks = [asyncio.ensure_future(session.commit(commit_of(create(f"a{n}")))) for n in range(10)]
    records = [asyncio.ensure_future(_record(store, n)) for n in range(10)]
    await asyncio.sleep(0)
    for task in (*tasks[::2], *records[::2]):
        task.cancel()
    answers = await asyncio.gather(*tasks, *records, return_exceptions=True)
    assert sum(isinstance(answer, asyncio.CancelledError) for answer in answers) == 10
    await session.commit(commit_of(create("last")))
    assert [report.fault for report in await store.verify_audit() if report.fault] == []


async def _record(store: MongoStore, number: int) -> None:
    await store.unbound_session().record(AuditEntry(b"{}", number))


async def test_closing_finishes_what_waits(mongo_place: UrlPlace) -> None:
    store = await opened(mongo_place)
    session = store.unbound_session()
    tasks = [asyncio.ensure_future(session.commit(commit_of(create(f"a{n}")))) for n in range(20)]
    tasks += [asyncio.ensure_future(_record(store, n)) for n in range(20)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await mongo_place.close()
    assert [
        error for error in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(error, Exception)
    ] == []
    for refused in (session.commit(commit_of(create("late"))), session.record(AuditEntry(b"late", 1))):
        with pytest.raises(Unavailable, match="clos"):
            await refused
    assert await (await opened(mongo_place)).unbound_session().count(Query("Observation")) == 20


async def test_after_an_error_of_the_disk_of_the_heads_nothing_more_is_written(
    mongo_place: UrlPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed by then is acknowledged all the same: it is in the database."""

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    store = await opened(mongo_place)
    session = store.unbound_session()
    monkeypatch.setattr("os.pwrite", fail)
    await session.commit(commit_of(create("a")))
    monkeypatch.undo()
    for refused in (session.commit(commit_of(create("b"))), session.record(AuditEntry(b"late", 1)), store.check()):
        with pytest.raises(Unavailable, match="error of the disk"):
            await refused
    again = await opened(mongo_place)
    assert await again.unbound_session().count(Query("Observation")) == 1


async def test_more_in_a_millisecond_than_a_slot_has_numbers_moves_the_time_on() -> None:
    orders = Orders(lambda: 5)
    orders.use_slot(3)
    most = 1 << order.REGION_BITS
    first = orders.take(orders.now(), most - 1)
    second = orders.take(orders.now(), 1)
    assert (first >> 20, second) == (5, first + most - 1)
    assert orders.now() == 6
    third = orders.take(orders.now(), 1)
    assert third == (6 << 20) + (3 << order.REGION_BITS)
    orders.met((9 << 20) + 1)
    assert orders.now() == 10


async def test_two_deletions_and_references_in_one_group_see_each_other(mongo_place: UrlPlace) -> None:
    """What commits of one group leave is what the next ones find, as if each had been alone."""
    session = (await opened(mongo_place)).unbound_session()
    await session.commit(commit_of(create("p", type="Patient"), create("q", type="Patient")))
    refers = Entries(targets=(("Patient", "p"),))
    needs = (Required("Patient", "p", "Observation.subject", 0),)
    drop = replace(delete("p", type="Patient"), refuse_if_referenced=True)
    answers: list[Any] = await asyncio.gather(
        session.commit(Commit((create("a", entries=refers),), audit_of, required=needs)),
        session.commit(commit_of(drop)),
        session.commit(commit_of(replace(update("a", '"v":2'), based_on=1))),
        session.commit(commit_of(drop)),
        session.commit(Commit((create("b", entries=refers),), audit_of, required=needs)),
        session.commit(commit_of(replace(create("x"), holds=("k",)))),
        session.commit(commit_of(replace(create("y"), holds=("k",)))),
        session.commit(commit_of(delete("x"), replace(create("z"), holds=("k",)))),
        session.commit(commit_of(update("a", '"v":3'))),
        return_exceptions=True,
    )
    kinds = [
        answer.written[0].version if isinstance(answer, Committed) else type(answer).__name__ for answer in answers
    ]
    assert kinds == [1, "Conflict", 2, 2, "Unprocessable", 1, "Conflict", 2, 3]
    assert "Observation/a" in str(answers[1])
    assert await session.holders(["k"]) == {"k": ("Observation", "z")}
    versions = (await session.history(HistoryQuery("Observation", "a"))).versions
    assert [version.version for version in versions] == [3, 2, 1]


async def test_four_processes_lose_no_update(mongo_place: UrlPlace, tmp_path: Path) -> None:
    store = await opened(mongo_place)
    heads = tmp_path / "heads"
    children = [start("count", mongo_place.url, f"c{number}", 25, heads) for number in range(4)]
    assert [finished(child) for child in children] == [["done"]] * 4
    history = (await store.unbound_session().history(HistoryQuery("Basic", "counter", count=1_000))).versions
    assert [version.version for version in history] == list(range(100, 0, -1))
    times = [version.last_updated_ms for version in history]
    assert times == sorted(set(times), reverse=True)
    assert [report.fault for report in await store.verify_audit() if report.fault] == []


async def test_a_process_that_is_killed_takes_nothing_along(mongo_place: UrlPlace, tmp_path: Path) -> None:
    """What was acknowledged is there, what was not is whole or absent; its slot stays taken for a while."""
    heads = tmp_path / "heads"
    child = start("forever", mongo_place.url, "k", 12, heads)
    acknowledged = killed(child, after=120)
    store = await opened(mongo_place)
    assert (await store.desks.held()).slot.number == 1
    await _is_whole(store, acknowledged)


async def _is_whole(store: MongoStore, acknowledged: list[str]) -> None:
    session = store.unbound_session()
    for written in " ".join(acknowledged).split():
        id, _, version = written.partition("/")
        assert await session.read_version("Observation", id, int(version)) is not None
    trios: dict[str, int] = {}
    async for document in store.database["resource"].find({"t": "Observation"}, {"i": 1}):
        if document["i"].count("-") == 3:
            trios[document["i"][:-2]] = trios.get(document["i"][:-2], 0) + 1
    assert set(trios.values()) == {3}
    assert [report.fault for report in await store.verify_audit() if report.fault] == []


@pytest.fixture
async def own_place(tmp_path: Path) -> AsyncIterator[tuple[UrlPlace, mongod.Mongod]]:
    """A store on a server of its own."""
    binary = mongod.mongod_binary()
    if binary is None:
        pytest.skip("no mongod runs here")
    member = mongod.Mongod(binary, tmp_path / "server")
    try:
        mongod.initiate([member])
        options = StoreOptions(heads=tmp_path / "heads")
        place = UrlPlace(mongod.url_of([member], "fhir"), options)
        yield place, member
        await place.close()
    finally:
        member.kill()


async def test_a_database_that_is_killed_and_comes_back_has_lost_nothing(
    own_place: tuple[UrlPlace, mongod.Mongod],
) -> None:
    """Those that were writing go on by themselves; nothing is there twice."""
    place, member = own_place
    store = await opened(place)
    session = store.unbound_session()
    acknowledged: list[str] = []
    refused: list[FhirError] = []
    stop = asyncio.Event()

    async def write(client: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            id = f"{client}-{number}"
            try:
                await session.commit(commit_of(create(f"{id}-a"), create(f"{id}-b")))
                await session.record(AuditEntry(b"{}", number))
            except FhirError as error:
                refused.append(error)
            else:
                acknowledged.append(id)

    clients = [asyncio.ensure_future(write(client)) for client in range(8)]
    for _ in range(2):
        await asyncio.sleep(0.7)
        await asyncio.to_thread(member.kill)
        await asyncio.to_thread(member.start)
        await asyncio.to_thread(mongod.await_primary, [member])
        before = len(acknowledged)
        while len(acknowledged) < before + 20:
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*clients)
    assert [str(error) for error in refused] == []
    found = {document["i"] async for document in store.database["resource"].find({}, {"i": 1})}
    assert found == {f"{id}-{part}" for id in acknowledged for part in "ab"}
    assert len(await store.events(0, 100_000)) == len(found)
    assert [report.fault for report in await store.verify_audit() if report.fault] == []


async def test_two_commits_that_each_change_what_the_other_found_unchanged_are_not_both_done(
    mongo_place: UrlPlace,
) -> None:
    """One after the other, the second would have found what the first has changed."""
    stores = [await opened(mongo_place), await opened(mongo_place)]
    for round in range(15):
        x, y = f"x{round}", f"y{round}"
        await stores[0].unbound_session().commit(commit_of(create(x), create(y)))
        first = commit_of(replace(update(x), if_match=1), update(y, '"v":2'))
        second = commit_of(replace(update(y), if_match=1), update(x, '"v":2'))
        answers = await asyncio.gather(
            stores[0].unbound_session().commit(first),
            stores[1].unbound_session().commit(second),
            return_exceptions=True,
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["Committed", "PreconditionFailed"]
