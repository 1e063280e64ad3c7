"""A full disk, a failing disk, damage, a busy store: nothing half written, nothing silently less."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from fhir_server.outcome import FhirError, StoreFull, TooCostly, Unavailable
from fhir_server.store.chain import Head
from fhir_server.store.criteria import AnyOf, HistoryQuery, IdIs, Not, Query, SortKey, StringIs, TokenIs
from fhir_server.store.entries import NO_ENTRIES, Entries
from fhir_server.store.sqlite.commits import transaction
from fhir_server.store.sqlite.commits.apply import Group
from fhir_server.store.sqlite.commits.decide import Decision
from fhir_server.store.sqlite.connection import open_connection
from fhir_server.store.sqlite.lock import WriteLock
from fhir_server.store.sqlite.packing import pack
from fhir_server.store.sqlite.store import SqliteStore
from fhir_server.store.values import AuditEntry, Commit, Committed, Version
from tests.store.conformance.commits import contents, create
from tests.store.places import UrlPlace
from tests.store.samples import commit_of, observation


async def opened(place: UrlPlace) -> SqliteStore:
    store = await place.open()
    assert isinstance(store, SqliteStore)
    return store


async def until_full(action: Callable[[int], Awaitable[object]]) -> int:
    """How often it could be done until there was no room."""
    for number in range(5_000):
        try:
            await action(number)
        except StoreFull:
            assert number > 5
            return number
    raise AssertionError("there is always room")


async def test_a_full_disk_refuses_writes_and_recovers(place: UrlPlace) -> None:
    await (await opened(place)).unbound_session().commit(commit_of(create("first")))
    await place.close()
    place.options = replace(place.options, max_pages=120)
    store = await opened(place)
    session = store.unbound_session()
    written = await until_full(lambda n: session.commit(commit_of(observation(n, "p1"), create(f"x{n}"))))
    assert await session.count(Query("Observation")) == 2 * written + 1
    before = await contents(store)
    answers = await asyncio.gather(
        *(session.commit(commit_of(observation(5_000 + n, "p1"))) for n in range(20)), return_exceptions=True
    )
    assert {type(answer) for answer in answers} <= {StoreFull, Committed}
    assert StoreFull in {type(answer) for answer in answers}
    with pytest.raises(StoreFull):
        await store.check()
    assert len((await session.history(HistoryQuery(count=10_000))).versions) >= len(before[0])  # type: ignore[arg-type]
    assert [report.fault for report in await store.verify_audit()] == [None, None]
    await place.close()
    place.options = replace(place.options, max_pages=100_000)
    store = await opened(place)
    await store.unbound_session().commit(commit_of(create("last")))
    await store.check()


async def test_a_read_that_cannot_be_recorded_is_refused(place: UrlPlace) -> None:
    await opened(place)
    await place.close()
    place.options = replace(place.options, max_pages=120)
    store = await opened(place)
    session = store.unbound_session()
    recorded = await until_full(lambda n: session.record(AuditEntry(b"x" * 900, n, ("p1",))))
    assert store.worker.head.sequence == recorded
    assert [report.entries for report in await store.verify_audit() if report.chain == "w0"] == [recorded]


async def test_after_an_error_of_the_disk_nothing_more_is_written(
    place: UrlPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What such a commit left behind is not known, so no later one may build on it."""
    store = await opened(place)
    session = store.unbound_session()
    await session.commit(commit_of(create("a")))

    def fails(head: Head) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(store._mirror, "write", fails)
    with pytest.raises(Unavailable):
        await session.commit(commit_of(create("b")))
    monkeypatch.undo()
    with pytest.raises(Unavailable):
        await session.commit(commit_of(create("c")))
    with pytest.raises(Unavailable, match="restart"):
        await store.check()
    assert await session.read("Observation", "a") is not None
    assert await session.read("Observation", "c") is None


async def test_a_group_that_fails_as_a_whole_is_run_one_by_one(
    place: UrlPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(Group):
        def write(self, commit: Commit, decision: Decision) -> None:
            if any(write.id == "bad" for write in commit.writes):
                raise apsw.ConstraintError("a fault of the program")
            super().write(commit, decision)

    store = await opened(place)
    session = store.unbound_session()
    monkeypatch.setattr(transaction, "Group", Failing)
    ids = ["a", "b", "bad", "c"]
    answers = await asyncio.gather(*(session.commit(commit_of(create(id))) for id in ids), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Committed, Committed, Unavailable, Committed]
    assert {version.id for version in (await session.search(Query("Observation"))).versions} == {"a", "b", "c"}
    assert [report.fault for report in await store.verify_audit()] == [None, None]


async def test_a_commit_that_waits_too_long_for_its_turn_is_given_up(place: UrlPlace, tmp_path: Path) -> None:
    place.options = replace(place.options, queue_seconds=0.2)
    store = await opened(place)
    session = store.unbound_session()
    other = WriteLock(tmp_path / "store.db")
    with other:
        first = asyncio.ensure_future(session.commit(commit_of(create("a"))))
        with pytest.raises(Unavailable, match="nothing was written"):
            await first
        assert await session.read("Observation", "a") is None
    other.close()
    await session.commit(commit_of(create("b")))
    assert await session.read("Observation", "a") is None


async def test_a_caller_that_goes_away_harms_nobody(place: UrlPlace) -> None:
    store = await opened(place)
    session = store.unbound_session()
    tasks = [asyncio.ensure_future(session.commit(commit_of(create(f"a{n}")))) for n in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers[:3]] == [Committed] * 3
    assert isinstance(answers[3], asyncio.CancelledError)
    await session.commit(commit_of(create("b")))


async def test_a_closed_store_refuses(place: UrlPlace) -> None:
    store = await opened(place)
    session = store.unbound_session()
    waiting = [asyncio.ensure_future(session.commit(commit_of(create(f"a{n}")))) for n in range(20)]
    await asyncio.sleep(0)
    await place.close()
    assert [type(answer) for answer in await asyncio.gather(*waiting)] == [Committed] * 20
    with pytest.raises(Unavailable):
        await session.commit(commit_of(create("late")))
    store = await opened(place)
    assert await store.unbound_session().count(Query("Observation")) == 20


async def test_a_search_that_takes_too_long_is_refused(place: UrlPlace) -> None:
    store = await opened(place)
    session = store.unbound_session()
    for start in range(0, 3_000, 500):
        await session.commit(commit_of(*(observation(n, "p1") for n in range(start, start + 500))))
    await place.close()
    place.options = replace(place.options, search_seconds=0.0)
    session = (await opened(place)).unbound_session()
    absent = tuple(Not(StringIs("never", f"{n}")) for n in range(60))
    with pytest.raises(TooCostly, match="too much work"):
        await session.count(Query("Observation", absent))
    with pytest.raises(TooCostly, match="too much work"):
        await session.search(Query("Observation", absent, (SortKey("date", type="date"),), count=10_000))
    with pytest.raises(TooCostly):
        await session.search(Query("Observation", (IdIs(tuple(f"{n}" for n in range(10_000))),)))


def flip(table: str, column: str) -> Callable[[apsw.Connection], object]:
    """One byte of a column changed, as a decaying disk does."""
    text = f"UPDATE {table} SET {column}=CAST(substr({column},1,40)||x'7F'||substr({column},42) AS BLOB)"
    return lambda connection: connection.execute(text)


async def test_a_decayed_body_is_never_shown(place: UrlPlace, tmp_path: Path) -> None:
    store = await opened(place)
    session = store.unbound_session()
    await session.commit(commit_of(create("a")))
    connection = apsw.Connection(str(tmp_path / "store.db"))
    flip("body", "bytes")(connection)
    connection.close()
    questions = (
        session.read("Observation", "a"),
        session.read_version("Observation", "a", 1),
        session.search(Query("Observation")),
        session.history(HistoryQuery()),
    )
    for question in questions:
        with pytest.raises(Unavailable, match="is damaged in the store"):
            await question


async def test_a_body_that_stands_beside_anothers_id_is_never_shown(place: UrlPlace, tmp_path: Path) -> None:
    store = await opened(place)
    session = store.unbound_session()
    await session.commit(commit_of(create("a"), create("b")))
    connection = apsw.Connection(str(tmp_path / "store.db"))
    connection.execute("UPDATE body SET vid=-vid").fetchall()
    connection.execute("UPDATE body SET vid=3+vid").fetchall()
    connection.close()
    with pytest.raises(Unavailable, match="is damaged in the store"):
        await session.read("Observation", "a")


async def test_a_damaged_index_is_an_error_not_fewer_rows(place: UrlPlace, tmp_path: Path) -> None:
    store = await opened(place)
    session = store.unbound_session()
    for start in range(0, 600, 100):
        await session.commit(commit_of(*(observation(n, "p1") for n in range(start, start + 100))))
    query = Query("Observation", (TokenIs("status", None, "final"),), count=1_000)
    assert len((await session.search(query)).versions) == 600
    await place.close()
    connection = apsw.Connection(str(tmp_path / "store.db"))
    connection.execute("UPDATE posting_data SET block=zeroblob(8) WHERE id>10")
    connection.close()
    session = (await opened(place)).unbound_session()
    with pytest.raises(FhirError) as caught:
        await session.search(query)
    assert type(caught.value) is Unavailable
    assert list(await (await opened(place)).verify_index(_no_entries)) != []


async def test_a_row_that_lacks_a_word_of_the_full_text_index_is_named(place: UrlPlace, tmp_path: Path) -> None:
    store = await opened(place)
    await store.unbound_session().commit(commit_of(*(observation(n, "p1", id=f"o{n}") for n in range(20))))
    entries = {f"o{n}": observation(n, "p1").entries for n in range(20)}

    async def entries_of(version: Version) -> Entries:
        return entries[version.id]

    assert list(await store.verify_index(entries_of)) == []
    connection = open_connection(tmp_path / "store.db")
    (vid, id) = connection.execute("SELECT vid, id FROM version WHERE vid>5 LIMIT 1").get
    words = pack("Observation", entries[id]).postings.split()
    connection.execute("DELETE FROM posting WHERE rowid=?", (vid,))
    connection.execute("INSERT INTO posting(rowid, hashes) VALUES(?, ?)", (vid, " ".join(words[1:])))
    connection.close()
    assert list(await store.verify_index(entries_of)) == [f"Observation/{id}/_history/1: postings are missing"]


async def _no_entries(version: Version) -> Entries:
    return NO_ENTRIES


class FailingCommit:
    """A connection whose transactions end with an error of the disk."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, text: str, *values: Any) -> object:
        if text == "COMMIT":
            raise apsw.IOError("disk I/O error")
        return self._connection.execute(text, *values)


async def test_a_flush_that_fails_is_not_tried_again(place: UrlPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second flush may seem to succeed although the first one lost the pages."""
    store = await opened(place)
    session = store.unbound_session()
    transactions = store.writer._transactions
    monkeypatch.setattr(transactions, "_connection", FailingCommit(transactions._connection))
    answers = await asyncio.gather(
        *(session.commit(commit_of(create(f"a{n}"))) for n in range(5)), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {Unavailable}
    monkeypatch.undo()
    with pytest.raises(Unavailable, match="restart"):
        await session.commit(commit_of(create("b")))
    assert await session.count(Query("Observation")) == 0
    await place.close()
    store = await opened(place)
    await store.unbound_session().commit(commit_of(create("b")))
    assert [report.fault for report in await store.verify_audit()] == [None, None]


async def test_a_search_for_too_many_things_is_refused(place: UrlPlace) -> None:
    session = (await opened(place)).unbound_session()
    many = tuple(TokenIs("code", None, f"{n}") for n in range(3_900))
    for criteria in ((AnyOf(many * 2),), tuple(AnyOf(many) for _ in range(9))):
        with pytest.raises(TooCostly):
            await session.search(Query("Observation", criteria))
