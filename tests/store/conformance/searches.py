"""Searching: pages that hold still while others write, and snapshots that expire."""

from dataclasses import replace

import pytest

from fhir_server.outcome import Invalid, SnapshotExpired
from fhir_server.store.contract import Session
from fhir_server.store.criteria import DateIs, HistoryQuery, IdIs, Query, SortKey, TokenIs
from fhir_server.store.entries import Entries
from fhir_server.store.values import Page, Snapshot
from tests.store.conformance.commits import create, delete, update
from tests.store.places import Place
from tests.store.samples import commit_of

CODED = Entries(tokens=(("code", "urn:a", "x"),), dates=(("date", 0, 10),))


async def ids(session: Session, query: Query) -> list[str]:
    """The ids of all pages."""
    page: Page = await session.search(query)
    found = [version.id for version in page.versions]
    while page.next is not None:
        page = await session.search(replace(query, after=page.next, snapshot=page.snapshot))
        found += [version.id for version in page.versions]
    return found


class SearchRules:
    """See the module."""

    async def test_an_empty_store_has_empty_answers(self, place: Place) -> None:
        session = (await place.open()).unbound_session()
        for query in (
            Query("Patient"),
            Query("Patient", (TokenIs("code", None, "x"),), (SortKey("date", type="date"),)),
        ):
            page = await session.search(query)
            assert (page.versions, page.next, page.snapshot) == ((), None, await session.snapshot())
            assert await session.count(query) == 0
        assert (await session.history(HistoryQuery())).versions == ()

    async def test_a_page_of_none_has_no_next(self, place: Place) -> None:
        session = (await place.open()).unbound_session()
        await session.commit(commit_of(create("a")))
        page = await session.search(Query("Observation", count=0))
        assert (page.versions, page.next) == ((), None)
        history = await session.history(HistoryQuery(count=0))
        assert (history.versions, history.next) == ((), None)

    @pytest.mark.parametrize(
        "criterion", [TokenIs("code", None, "x"), DateIs("date", "ge", 0, 1), IdIs(tuple("abcdef"))]
    )
    @pytest.mark.parametrize("sort", [(), (SortKey("date", descending=True, type="date"),), (SortKey("_id"),)])
    async def test_pages_hold_still_while_others_write(
        self, place: Place, criterion: TokenIs | DateIs | IdIs, sort: tuple[SortKey, ...]
    ) -> None:
        session = (await place.open()).unbound_session()
        for id in "abcdef":
            await session.commit(commit_of(create(id, entries=CODED)))
        query = Query("Observation", (criterion,), sort, count=2)
        expected = await ids(session, query)
        assert sorted(expected) == list("abcdef")
        page = await session.search(query)
        found = [version.id for version in page.versions]
        for step in range(2):
            await session.commit(
                commit_of(
                    update(found[0], f'"v":{step}', entries=CODED),
                    delete(expected[-1 - step]),
                    create(f"new{step}", entries=CODED),
                )
            )
            page = await session.search(replace(query, after=page.next, snapshot=page.snapshot))
            found += [version.id for version in page.versions]
            assert {version.version for version in page.versions} == {1}
        assert found == expected
        assert page.next is None

    async def test_a_snapshot_expires_after_its_time(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a")))
        old = await session.snapshot()
        place.clock.pass_ms(10_000)
        await session.commit(commit_of(update("a", '"v":2')))
        place.clock.pass_ms(3_599_000)
        assert [v.version for v in (await session.search(Query("Observation", snapshot=old))).versions] == [1]
        place.clock.pass_ms(2_000)
        for _ in range(2):
            with pytest.raises(SnapshotExpired):
                await session.search(Query("Observation", snapshot=old))
            with pytest.raises(SnapshotExpired):
                await session.count(Query("Observation", snapshot=old))
            with pytest.raises(SnapshotExpired):
                await session.history(HistoryQuery(snapshot=old))
            await store.clean(3_600)

    async def test_the_last_state_never_expires(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        await session.commit(commit_of(create("a")))
        quiet = await session.snapshot()
        place.clock.pass_ms(90_000_000)
        await store.clean(3_600)
        assert await ids(session, Query("Observation", snapshot=quiet)) == ["a"]

    async def test_a_snapshot_of_another_store_is_refused(self, place: Place) -> None:
        session = (await place.open()).unbound_session()
        value = (await session.snapshot()).value
        for other in ("0" + value, value + "7"):
            with pytest.raises(SnapshotExpired):
                await session.search(Query("Observation", snapshot=Snapshot(other, 0)))

    @pytest.mark.parametrize(
        "text", ["", "x", "[", "[1]", '["a",2,3,4]', "[[1],2]", "[99999999999999999999999,1]", "{}"]
    )
    async def test_a_cursor_that_is_none_is_refused(self, place: Place, text: str) -> None:
        session = (await place.open()).unbound_session()
        await session.commit(commit_of(create("a")))
        with pytest.raises(Invalid):
            await session.search(Query("Observation", sort=(SortKey("_id"),), after=text))
        with pytest.raises(Invalid):
            await session.history(HistoryQuery(after=text))

    async def test_history_goes_on_where_the_page_ended(self, place: Place) -> None:
        session = (await place.open()).unbound_session()
        for step in range(5):
            await session.commit(commit_of(update("a", f'"v":{step}'), update("b", f'"v":{step}', type="Patient")))
        for query in (HistoryQuery(count=3), HistoryQuery("Patient", count=3), HistoryQuery("Patient", "b", count=3)):
            page = await session.history(query)
            found = [(v.type, v.version) for v in page.versions]
            await session.commit(commit_of(update("b", f'"w":{id(query)}', type="Patient")))
            while page.next is not None:
                page = await session.history(replace(query, after=page.next, snapshot=page.snapshot))
                found += [(v.type, v.version) for v in page.versions]
            assert len(found) == len(set(found))
            assert len(found) == await session.count_history(replace(query, snapshot=page.snapshot))

    async def test_many_alternatives_are_no_trouble(self, place: Place) -> None:
        session = (await place.open()).unbound_session()
        await session.commit(commit_of(create("a", entries=CODED)))
        names = tuple(f"n{number}" for number in range(1_500))
        assert await ids(session, Query("Observation", (IdIs((*names, "a")),))) == ["a"]
