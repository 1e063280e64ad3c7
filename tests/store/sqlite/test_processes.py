"""Several processes on one file: nothing is lost, nobody starves, and what dies takes nothing along."""

from collections import Counter

from fhir_server.store.criteria import HistoryQuery, IdIs, Query
from fhir_server.store.entries import Entries
from fhir_server.store.sqlite.store import SqliteStore
from fhir_server.store.values import Version
from tests.store.places import UrlPlace
from tests.store.processes import finished, killed, start
from tests.store.samples import observation


async def test_four_processes_lose_no_update(place: UrlPlace) -> None:
    store = await place.open()
    children = [start("count", place.url, f"c{number}", 50) for number in range(4)]
    assert [finished(child) for child in children] == [["done"]] * 4
    history = (await store.unbound_session().history(HistoryQuery("Basic", "counter", count=1_000))).versions
    assert [version.version for version in history] == list(range(200, 0, -1))
    times = [version.last_updated_ms for version in history]
    assert times == sorted(set(times), reverse=True)
    authors = Counter((version.body or b"").split(b'"by":"')[1][:2] for version in history)
    assert authors == {b"c0": 50, b"c1": 50, b"c2": 50, b"c3": 50}


async def test_pages_hold_still_while_other_processes_write(place: UrlPlace) -> None:
    store = await place.open()
    session = store.unbound_session()
    children = [start("rows", place.url, f"r{number}", 150) for number in range(2)]
    checked = 0
    while any(child.poll() is None for child in children):
        page = await session.search(Query("Flag", count=7))
        snapshot, found = page.snapshot, [version.id for version in page.versions]
        total = await session.count(Query("Flag", snapshot=snapshot))
        while page.next is not None:
            page = await session.search(Query("Flag", count=7, snapshot=snapshot, after=page.next))
            found += [version.id for version in page.versions]
        assert len(found) == len(set(found)) == total
        assert Counter(id[:-2] for id in found) == Counter({id[:-2]: 2 for id in found})
        checked += 1
    assert [finished(child) for child in children] == [["done"]] * 2
    assert checked > 3
    assert await session.count(Query("Flag")) == 600


async def test_a_process_that_is_killed_takes_nothing_along(place: UrlPlace) -> None:
    """Kill under load, again and again: what was acknowledged is there, what was not is whole or absent."""
    for round in range(4):
        child = start("forever", place.url, f"k{round}", 12)
        acknowledged = killed(child, after=100 + 37 * round)
        store = await place.open()
        assert isinstance(store, SqliteStore)
        session = store.unbound_session()
        for written in " ".join(acknowledged).split():
            id, _, version = written.partition("/")
            assert await session.read_version("Observation", id, int(version)) is not None
        whole = [v.id for v in (await session.search(Query("Observation", count=100_000))).versions]
        trios = Counter(id[:-2] for id in whole if id.count("-") == 3)
        assert set(trios.values()) == {3}
        assert [report.fault for report in await store.verify_audit()] == [None] * len(await store.verify_audit())
        await place.close()


async def test_processes_take_turns_at_the_write_lock(place: UrlPlace) -> None:
    """Of two writers that never pause, each goes on while the other does: neither has to wait for the other to end."""
    store = await place.open()
    first = start("forever", place.url, "g0", 4)
    second = start("forever", place.url, "g1", 4)
    killed(second, after=100)
    killed(first, after=100)
    history = (await store.unbound_session().history(HistoryQuery("Observation", count=100_000))).versions
    by = [version.id[:2] for version in reversed(history)]
    changes = sum(one != other for one, other in zip(by, by[1:], strict=False))
    assert changes > 20


async def _entries_of(version: Version) -> Entries:
    """The entries of the child's observations, by the number that stands in their bodies."""
    assert version.body is not None
    number = version.body.partition(b'"for":"o-')[2].partition(b'"')[0]
    return observation(int(number), "p1").entries


async def test_the_index_is_whole_after_a_kill(place: UrlPlace) -> None:
    child = start("forever", place.url, "k", 12)
    killed(child, after=150)
    store = await place.open()
    session = store.unbound_session()
    assert list(await store.verify_index(_entries_of)) == []
    for version in (await session.search(Query("Observation", count=50))).versions:
        assert await session.count(Query("Observation", (IdIs((version.id,)),))) == 1
