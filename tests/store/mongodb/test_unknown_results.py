"""Commits whose answer does not come: done once, or not at all, and never twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fhir_server.outcome import Unavailable
from fhir_server.store.contract import Store
from fhir_server.store.criteria import HistoryQuery
from fhir_server.store.mongodb.audit import reads
from fhir_server.store.mongodb.commits import transaction
from fhir_server.store.values import AuditEntry, Committed
from tests.store.conformance.commits import create, update
from tests.store.mongodb.proxy import Line, proxy, through
from tests.store.places import UrlPlace
from tests.store.samples import commit_of

COMMIT = b"commitTransaction"


@asynccontextmanager
async def behind(place: UrlPlace) -> AsyncIterator[tuple[Store, Line]]:
    """A store that is reached through a proxy."""
    async with proxy(place.url) as line:
        far = replace(place, url=through(place.url, line), opened=[])
        try:
            yield await far.open(), line
        finally:
            line.down = False
            line.cuts.clear()
            await far.close()


async def all_is_there_once(place: UrlPlace, count: int) -> None:
    """So many versions, no event twice, and chains without a fault; seen by another process."""
    store = await place.open()
    history = (await store.unbound_session().history(HistoryQuery(count=1_000))).versions
    assert len(history) == len({(version.id, version.version) for version in history}) == count
    assert len(await store.events(0, 1_000)) == count
    assert [report.fault for report in await store.verify_audit() if report.fault] == []


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("times", [1, 2, 3, 5])
async def test_an_answer_that_is_lost_on_the_way(mongo_place: UrlPlace, where: str, times: int) -> None:
    async with behind(mongo_place) as (store, line):
        session = store.unbound_session()
        await session.commit(commit_of(create("a")))
        line.cut_at(COMMIT, where, times)
        tasks = [session.commit(commit_of(update("a", f'"v":{number}'), create(f"b{number}"))) for number in range(5)]
        versions = [done.written[0].version for done in await asyncio.gather(*tasks)]
        assert versions == [2, 3, 4, 5, 6]
        assert line.seen == times
        await session.commit(commit_of(update("a", '"v":"last"')))
    await all_is_there_once(mongo_place, 12)


@pytest.mark.parametrize("where", ["before", "after"])
async def test_where_no_commit_gets_through_the_slot_tells_what_has_happened(
    mongo_place: UrlPlace, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "COMMIT_SECONDS", 0.0)
    async with behind(mongo_place) as (store, line):
        session = store.unbound_session()
        await session.commit(commit_of(create("a")))
        line.cut_at(COMMIT, where, 2)  # the driver's first attempt and its second
        done = await session.commit(commit_of(update("a", '"v":2')))
        assert done.written[0].version == 2
        assert line.seen == 2
    await all_is_there_once(mongo_place, 2)


async def test_a_database_that_is_gone_while_it_commits_leaves_one_answer_open(
    mongo_place: UrlPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asked is told that it is not known; afterwards everything goes on, with or without it."""
    monkeypatch.setattr(transaction, "COMMIT_SECONDS", 0.1)
    monkeypatch.setattr(transaction, "PATIENCE_SECONDS", 0.5)
    async with behind(mongo_place) as (store, line):
        session = store.unbound_session()
        await session.commit(commit_of(create("a")))
        line.cut_at(COMMIT, "after", 1)
        lost = asyncio.ensure_future(session.commit(commit_of(update("a", '"v":2'))))
        while not line.seen:
            await asyncio.sleep(0.001)
        line.down = True
        line.break_all()
        with pytest.raises(Unavailable, match="whether this was written is not known"):
            await lost
        with pytest.raises(Unavailable, match="nothing was written"):
            await session.commit(commit_of(create("never")))
        line.down = False
        done = await _as_soon_as_it_answers(store)
        assert done.written[0].version == 3
    await all_is_there_once(mongo_place, 3)


async def _as_soon_as_it_answers(store: Store) -> Committed:
    for _ in range(60):
        try:
            return await store.unbound_session().commit(commit_of(update("a", '"v":3')))
        except Unavailable:
            await asyncio.sleep(0.2)
    raise AssertionError("the store does not come back")


@pytest.mark.parametrize("word", [b"findAndModify", b"insert", b"find\x00"])
async def test_a_connection_that_breaks_in_the_middle_is_begun_again(mongo_place: UrlPlace, word: bytes) -> None:
    async with behind(mongo_place) as (store, line):
        session = store.unbound_session()
        await session.commit(commit_of(create("a")))
        for where in ("before", "after"):
            line.cut_at(word, where, 1)
            await session.commit(commit_of(update("a", f'"v":"{where}"')))
        assert line.seen == 2
    await all_is_there_once(mongo_place, 3)


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("times", [1, 2])
async def test_an_entry_of_a_read_is_recorded_once(
    mongo_place: UrlPlace, where: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "PAUSE_SECONDS", 0.01)
    async with behind(mongo_place) as (store, line):
        session = store.unbound_session()
        await session.record(AuditEntry(b"first", 1))
        line.cut_at(b"insert", where, times)
        await asyncio.gather(*(session.record(AuditEntry(b"%d" % number, number)) for number in range(20)))
        assert line.seen == times
        reports = {report.chain: report for report in await store.verify_audit()}
        assert reports["r0"].fault is None
        assert reports["r0"].entries == 21


async def test_two_stores_behind_a_bad_line_agree(mongo_place: UrlPlace, tmp_path: Path) -> None:
    """Counting up by both, while connections break at random places."""
    async with behind(mongo_place) as (one, line), behind(mongo_place) as (two, other):
        await one.unbound_session().commit(commit_of(create("a")))

        async def count(store: Store, number: int) -> None:
            for step in range(15):
                await store.unbound_session().commit(commit_of(update("a", f'"by":"{number}.{step}"')))

        async def trouble() -> None:
            for step in range(12):
                await asyncio.sleep(0.05)
                (line, other)[step % 2].cut_at(COMMIT, ("before", "after")[step // 2 % 2], 1 + step % 3)

        await asyncio.gather(count(one, 1), count(two, 2), trouble())
    await all_is_there_once(mongo_place, 31)
