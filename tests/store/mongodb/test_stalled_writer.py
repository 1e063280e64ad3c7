"""A snapshot never changes, not even where a writer that began before it commits after it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from fhir_server.store.contract import Session
from fhir_server.store.criteria import HistoryQuery, Query, SortKey, TokenIs
from fhir_server.store.entries import Entries
from fhir_server.store.mongodb.commits.transaction import Transactions
from fhir_server.store.mongodb.store import MongoStore
from fhir_server.store.values import Snapshot
from tests.store.conformance.commits import create, update
from tests.store.places import UrlPlace
from tests.store.samples import commit_of

CODED = Entries(tokens=(("code", "s", "x"),))
BY_CODE = (TokenIs("code", "s", "x"),)


@asynccontextmanager
async def stalled(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """What this process commits has written everything, and then waits for the event before it commits."""
    proceed, reached = asyncio.Event(), asyncio.Event()
    commit = Transactions._commit

    async def waiting(self: Transactions, *asked: Any) -> None:
        if self is store.writer._transactions:
            reached.set()
            await proceed.wait()
        await commit(self, *asked)

    monkeypatch.setattr(Transactions, "_commit", waiting)
    task = asyncio.create_task(
        store.unbound_session().commit(commit_of(update("a", '"v":2', entries=CODED), create("b", entries=CODED)))
    )
    async with asyncio.timeout(20):
        await reached.wait()
    yield proceed
    proceed.set()
    await task


async def seen(session: Session, snapshot: Snapshot | None) -> dict[str, Any]:
    """What each way of asking tells of the state."""
    asked = {
        "newest": Query("Observation", snapshot=snapshot),
        "by id": Query("Observation", (), (SortKey("_id"),), snapshot=snapshot),
        "by code": Query("Observation", BY_CODE, snapshot=snapshot),
        "by code and id": Query("Observation", BY_CODE, (SortKey("_id"),), snapshot=snapshot),
    }
    found: dict[str, Any] = {}
    for name, query in asked.items():
        versions = (await session.search(query)).versions
        found[name] = sorted((version.id, version.version) for version in versions)
        assert await session.count(query) == len(versions)
    history = HistoryQuery(snapshot=snapshot)
    versions = (await session.history(history)).versions
    found["history"] = sorted((version.id, version.version) for version in versions)
    assert await session.count_history(history) == len(versions)
    return found


async def test_a_writer_that_stalls_changes_no_snapshot_of_meanwhile(
    mongo_place: UrlPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = cast(MongoStore, await mongo_place.open()), await mongo_place.open()
    session = quick.unbound_session()
    await session.commit(commit_of(create("a", entries=CODED)))
    async with stalled(slow, monkeypatch) as proceed:
        before = await session.snapshot()
        first = await seen(session, before)
        assert first == dict.fromkeys(first, [("a", 1)])
        await session.commit(commit_of(create("c", entries=CODED)))
        between = await session.snapshot()
        second = await seen(session, between)
        assert second == dict.fromkeys(second, [("a", 1), ("c", 1)])
        assert await seen(session, before) == first
        proceed.set()
    after = await seen(session, None)
    assert after == {
        **dict.fromkeys(after, [("a", 2), ("b", 1), ("c", 1)]),
        "history": [("a", 1), ("a", 2), ("b", 1), ("c", 1)],
    }
    for store in (slow, quick):
        assert await seen(store.unbound_session(), before) == first
        assert await seen(store.unbound_session(), between) == second
