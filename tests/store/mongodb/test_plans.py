"""Which index drives a search, and pages where many rows have one order or one date."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import pytest

from fhir_server.outcome import TooCostly
from fhir_server.store.access import EVERYTHING, AccessFilter, Rule
from fhir_server.store.criteria import (
    AnyOf,
    Chained,
    Criterion,
    DateIs,
    HasWord,
    HistoryQuery,
    IdIs,
    InCompartment,
    InGroup,
    InHierarchy,
    LastUpdatedIs,
    Not,
    Prefix,
    QuantityIs,
    Query,
    ReferenceTo,
    ReverseChained,
    SortKey,
    TermIs,
    TokenIs,
)
from fhir_server.store.described import described
from fhir_server.store.entries import EARLIEST, LATEST, Entries
from fhir_server.store.mongodb.collections import RESOURCE
from fhir_server.store.mongodb.queries import drivers, estimate, resolve, search, windows
from fhir_server.store.mongodb.snapshots import Document, Reader, Stage
from tests.store.conformance.commits import create, delete
from tests.store.mongodb.loader import Bound, LoadedPlace, LoadedStore
from tests.store.samples import DAY, SNOMED, commit_of, observation, patient
from tests.store.scripts import START_MS

CODE = TokenIs("code", SNOMED, "0000003")
BARE = TokenIs("code", None, "0000003")
MINE = ReferenceTo("patient", "Patient", "p1")
HOUR = 3_600_000_000


@pytest.fixture
async def store(place: LoadedPlace) -> LoadedStore:
    """Ten patients with 400 observations."""
    opened = await place.open()
    writes = [patient(number) for number in range(10)]
    writes += [observation(number, f"p{number % 10}") for number in range(400)]
    await opened.unbound_session().commit(commit_of(*writes))
    return opened


async def steps(session: Bound, query: Query, does: str) -> list[str]:
    """What the plan does in this way."""
    return [step.by for step in (await session.explain(query)).steps if step.does == does]


async def test_the_index_that_finds_least_drives(store: LoadedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    session = store.unbound_session()
    asked: tuple[tuple[tuple[Criterion, ...], str, list[str]], ...] = (
        ((), "type", []),
        ((CODE,), "key", []),
        ((BARE,), "key", ["TokenIs code"]),
        ((CODE, MINE), "key", ["TokenIs code"]),
        ((TokenIs("status", None, "final"), IdIs(("00000003",))), "_id_", ["TokenIs status"]),
        ((DateIs("date", "ge", 0, 1),), "date_end", ["DateIs date"]),
        ((DateIs("date", "lt", 0, 1),), "date", ["DateIs date"]),
        ((LastUpdatedIs("gt", 0, 0),), "type", ["LastUpdatedIs"]),
        ((HasWord("_text", "pain"),), "key", ["HasWord _text"]),
        ((HasWord("_text", "of"),), "type", ["HasWord _text"]),
        ((TermIs("code:text", "body weight"),), "key", ["TermIs code:text"]),
        ((TermIs("code:text", "in"),), "type", ["TermIs code:text"]),
        ((AnyOf((CODE, MINE)),), "key", []),
        ((AnyOf((CODE, DateIs("date", "lt", 0, 1))),), "type", ["AnyOf(TokenIs code, DateIs date)"]),
        ((InGroup("pair", (TokenIs("1", None, "x"),)),), "key", ["InGroup pair"]),
    )
    for criteria, index, filters in asked:
        query = Query("Observation", criteria)
        assert await steps(session, query, "drive") == [index], criteria
        assert await steps(session, query, "filter") == filters
        assert (await session.explain(query)).steps[-1].actual == len((await session.search(query)).versions)


async def test_a_number_beside_a_code_drives(place: LoadedPlace) -> None:
    """Of very many values of a code the few that are asked for are found, whatever they are measured in."""
    session = (await place.open()).unbound_session()
    tokens = (("code", SNOMED, "weight"),)
    writes = [
        create(
            f"o{number}",
            entries=Entries(
                tokens=tokens,
                quantities=(("value", "", "kg", f"k{number:03}", f"k{number:03}"),),
                beside=(("code", "value"),),
            ),
        )
        for number in range(600)
    ]
    for start in range(0, 600, 200):
        await session.commit(commit_of(*writes[start : start + 200]))
    code = TokenIs("code", SNOMED, "weight")
    expected: dict[Prefix, int] = {"eq": 2, "lt": 300, "le": 301, "gt": 299, "ge": 300, "sa": 299, "eb": 300, "ap": 2}
    for prefix, count in expected.items():
        asked = QuantityIs("value", prefix, "k300", "k302", beside=("code",))
        assert await session.count(Query("Observation", (code, asked))) == count, prefix
    few = Query("Observation", (code, QuantityIs("value", "gt", "k590", "k590", beside=("code",))), count=20)
    (driving,) = [step for step in (await session.explain(few)).steps if step.does == "drive"]
    assert (driving.by, driving.actual) == ("key", 9)
    assert [version.id for version in (await session.search(few)).versions] == [f"o{n}" for n in range(599, 590, -1)]


async def test_a_date_beside_a_code_drives(place: LoadedPlace) -> None:
    """Of very many results of a code those of a day are found, and those since or until one."""
    session = (await place.open()).unbound_session()
    writes = [
        create(
            f"o{number}",
            entries=Entries(
                tokens=(("code", SNOMED, "weight"),),
                dates=(("date", number * DAY // 4, number * DAY // 4 + number % 3 * DAY + 1),),
                beside=(("code", "date"),),
            ),
        )
        for number in range(-300, 300)
    ]
    for start in range(0, 600, 200):
        await session.commit(commit_of(*writes[start : start + 200]))
    code = TokenIs("code", SNOMED, "weight")
    for prefix in get_args(Prefix):
        asked = DateIs("date", prefix, DAY, 2 * DAY, beside=("code",))
        together, apart = (Query("Observation", (code, each)) for each in (asked, replace(asked, beside=())))
        count = await session.count(apart)
        assert 0 < count < 600
        assert await session.count(together) == count, prefix
    few = Query("Observation", (code, DateIs("date", "eq", DAY, 2 * DAY, beside=("code",))))
    (driving,) = [step for step in (await session.explain(few)).steps if step.does == "drive"]
    assert (driving.by, driving.actual) == ("key", 7)


async def test_what_many_rows_have_is_not_counted_again(store: LoadedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing depends on it but the commands: what is frequent is asked for again without a count."""
    monkeypatch.setattr(drivers, "FIRST_LIMIT", 5)
    monkeypatch.setattr(drivers, "FEW", 2)
    session = store.unbound_session()
    query = Query("Observation", (TokenIs("status", None, "final"),), (SortKey("date", type="date"),))
    asked: list[str] = []
    ask = Reader.ask

    async def noted(self: Reader, collection: str, pipeline: Sequence[Stage], **options: Any) -> list[Document]:
        asked.append(f"{collection} {'count' if {'$count': 'n'} in pipeline else 'rows'}")
        return await ask(self, collection, pipeline, **options)

    monkeypatch.setattr(Reader, "ask", noted)
    first = await session.search(query)
    before, asked[:] = list(asked), []
    assert "resource count" in before
    again = await session.search(query)
    assert "resource count" not in asked
    assert [version.id for version in again.versions] == [version.id for version in first.versions]


async def test_how_many_rows_a_day_has_is_known_without_a_look_at_them(store: LoadedStore) -> None:
    """So the rows of a day drive, and not those of a code that are many more."""
    final = TokenIs("status", "http://hl7.org/fhir/observation-status", "final")
    day = DateIs("date", "eq", 0, DAY)
    query = Query("Observation", (final, day))
    assert await steps(store.unbound_session(), query, "drive") == ["date"]
    assert await store.unbound_session().count(query) == 2


async def test_a_plan_names_no_values(store: LoadedStore) -> None:
    chained = Chained("patient", "Patient", (TokenIs("gender", None, "male"),))
    explained = await store.unbound_session().explain(Query("Observation", (chained, CODE), (SortKey("_id"),)))
    text = repr(explained)
    assert "'male'" not in text
    assert "0000003" not in text
    assert [step.does for step in explained.steps] == ["search", "resolve", "drive", "sort", "filter", "page"]
    assert described(AnyOf((CODE,))) == "AnyOf(TokenIs code)"


async def test_a_filter_drives_where_nothing_else_does(store: LoadedStore) -> None:
    home = AccessFilter(tuple(Rule(None, (InCompartment("Patient", f"p{number}"),)) for number in (1, 2)))
    session = store.session(home)
    assert await steps(session, Query("Observation"), "drive") == ["key"]
    assert await session.count(Query("Observation")) == 80
    assert await session.count_history(HistoryQuery()) == 82
    assert len((await session.history(HistoryQuery(count=100))).versions) == 82
    assert await session.count_history(HistoryQuery("Patient")) == 2


async def test_rows_of_one_order_are_all_given(store: LoadedStore) -> None:
    """Two processes may give one order; no page loses a row for that."""
    session = store.unbound_session()
    await store.loader.database[RESOURCE].update_many({}, [{"$set": {"o": {"$subtract": ["$o", {"$mod": ["$o", 7]}]}}}])
    await store.loader.database[RESOURCE].update_many({"t": "Patient"}, {"$set": {"o": 5}})
    for key in (SortKey("_lastUpdated", True), SortKey("_lastUpdated"), SortKey("subject", type="reference")):
        query = Query("Observation", sort=(key,), count=3)
        page = await session.search(query)
        found = [version.id for version in page.versions]
        while page.next is not None:
            back = page
            page = await session.search(replace(query, after=page.next))
            found += [version.id for version in page.versions]
            assert page.previous is not None
            assert (await session.search(replace(query, before=page.previous))).versions == back.versions
        assert len(found) == len(set(found)) == 400
    history = await session.history(HistoryQuery(count=3))
    seen = [(version.type, version.id) for version in history.versions]
    while history.next is not None:
        history = await session.history(HistoryQuery(count=3, after=history.next))
        seen += [(version.type, version.id) for version in history.versions]
    assert len(seen) == len(set(seen)) == 410


async def test_whole_indexes_are_counted_without_what_is_deleted(
    store: LoadedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = store.unbound_session()
    await session.commit(commit_of(*(delete(observation(number, "p").id) for number in (3, 4, 53))))
    for many in (5_000, 2):
        monkeypatch.setattr(search, "MANY_DELETED", many)
        assert await session.count(Query("Observation")) == 397
        assert await session.count(Query("Observation", (CODE,))) == 6
        assert await session.estimate(Query("Observation", (CODE,))) == 6


async def test_an_estimate_is_near(store: LoadedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "FEW", 100)
    monkeypatch.setattr(estimate, "SAMPLE", 100)
    found = await store.unbound_session().estimate(Query("Observation", (DateIs("date", "ne", 0, 1),)))
    assert 360 <= found <= 440
    everything = AccessFilter((*EVERYTHING.allow,), (Rule(None, (TokenIs("code", None, "none"),)),))
    assert await store.session(everything).estimate(Query("Observation", (TokenIs("status", None, "final"),))) == 400


DATES: tuple[tuple[int, int], ...] = (
    (EARLIEST, 5),
    (EARLIEST, LATEST),
    (7, LATEST),
    *((START_MS * 1000 + number * HOUR, START_MS * 1000 + (number + 1) * HOUR) for number in range(-40, 40)),
    *((number * 1000 * HOUR, number * 1000 * HOUR + 1) for number in range(-500, 500, 100)),
    *((77, 78) for _ in range(30)),
)


@pytest.mark.parametrize(("name", "many"), [("period", 3), ("period", 2_000), ("date", 2_000)])
@pytest.mark.parametrize("descending", [True, False])
async def test_dates_are_walked_without_a_gap(
    place: LoadedPlace, monkeypatch: pytest.MonkeyPatch, descending: bool, name: str, many: int
) -> None:
    """However they are spread, and whatever the criteria leave of them; `date` has an index in its order."""
    monkeypatch.setattr(windows, "MANY_IN_WINDOW", many)
    monkeypatch.setattr(search, "PATIENCE_SECONDS", 60)
    session = (await place.open()).unbound_session()
    dated = [Entries(dates=((name, *date), (name, date[0], date[0] + 1))) for date in DATES]
    entries = [*dated, Entries(), Entries(dates=(("other", 1, 2),))]
    await session.commit(commit_of(*(create(f"o{number}", entries=each) for number, each in enumerate(entries))))
    key = SortKey(name, descending, type="date")
    for criteria in ((), (DateIs(name, "ge", 0, 1),), (DateIs(name, "le", 0, 100),), (DateIs(name, "ne", 0, 1),)):
        query = Query("Observation", criteria, (key,), 7)
        pages = [await session.search(query)]
        while pages[-1].next is not None:
            pages.append(await session.search(replace(query, after=pages[-1].next)))
        found = [version.id for page in pages for version in page.versions]
        assert len(found) == len(set(found)) == await session.count(query)
        assert in_order([entries[int(id[1:])] for id in found], name, descending)
        for earlier, page in pairwise(pages):
            assert page.previous is not None
            assert (await session.search(replace(query, before=page.previous))).versions == earlier.versions


def in_order(entries: Sequence[Entries], name: str, descending: bool) -> bool:
    """Those without a date last."""
    found = [[date[2 if descending else 1] for date in each.dates if date[0] == name] for each in entries]
    values = [(max if descending else min)(each) for each in found if each]
    return values == sorted(values, reverse=descending) and all(found[: len(values)])


async def test_a_walk_that_takes_long_gives_way(store: LoadedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    session = store.unbound_session()
    query = Query("Observation", (), (SortKey("issued", type="date"),))
    expected = (await session.search(query)).versions
    monkeypatch.setattr(search, "PATIENCE_SECONDS", -1)
    assert (await session.search(query)).versions == expected
    assert await steps(session, query, "sort") == ["issued"]


async def test_an_index_in_the_order_is_read_no_further_than_a_page(
    store: LoadedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sorted by `date`, many rows of it, is found without sorting; where that takes long, it is sorted."""
    monkeypatch.setattr(drivers, "FEW", 10)
    monkeypatch.setattr(search, "FEW", 10)
    session = store.unbound_session()
    final = TokenIs("status", "http://hl7.org/fhir/observation-status", "final")
    query = Query("Observation", (final,), (SortKey("date", True, type="date"),), 10)
    expected = (await session.search(query)).versions
    assert await steps(session, query, "walk") == ["date"]
    assert await steps(session, query, "sort") == []
    monkeypatch.setattr(search, "PATIENCE_SECONDS", 0)
    assert (await session.search(query)).versions == expected
    assert await steps(session, query, "sort") == ["date"]


async def test_chains_that_lead_too_far_are_followed_from_the_other_end(
    store: LoadedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are gone through, as few at a time as it takes; only what leads too far from a single one is refused."""
    session = store.unbound_session()
    chained = Query("Observation", (Chained("patient", "Patient", (TokenIs("gender", None, "male"),)),), count=7)
    backwards = Query("Patient", (ReverseChained("Observation", "patient", ()),), count=3)
    below = Query("Observation", (InHierarchy("patient", "Patient", "p1", "link"),))
    pages = {query: await session.search(query) for query in (chained, backwards)}
    assert await session.count(chained) == 200
    assert await session.count(backwards) == 10
    assert await session.count(below) == 40
    monkeypatch.setattr(resolve, "MOST", 45)
    assert await session.count(backwards) == 10
    assert await steps(session, backwards, "probe") == ["ReverseChained patient"]
    monkeypatch.setattr(resolve, "MOST", 4)
    for query in (chained, replace(chained, after=pages[chained].next)):
        assert await steps(session, query, "probe") == ["Chained patient"]
        assert (await session.search(query)).versions
    assert await session.search(chained) == pages[chained]
    assert await session.count(chained) == await session.estimate(chained) == 200
    both = Query("Observation", (*chained.criteria, Not(chained.criteria[0])))
    assert await session.count(both) == 0
    monkeypatch.setattr(resolve, "MOST_IN_HIERARCHY", 0)
    for query in (backwards, below):
        with pytest.raises(TooCostly):
            await session.count(query)


async def test_few_candidates_are_asked_where_they_lead(store: LoadedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many a chain would lead over by itself."""
    monkeypatch.setattr(resolve, "MOST", 100)
    session = store.unbound_session()
    female = Chained("patient", "Patient", (TokenIs("gender", None, "male"),))
    assert await session.count(Query("Observation", (MINE, female))) == 40
    with_code = ReverseChained("Observation", "patient", (TokenIs("status", None, "final"),))
    assert await session.count(Query("Patient", (IdIs(("p1", "p2")), with_code))) == 2


async def test_the_number_of_counted_indexes_is_bounded(store: LoadedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "MOST_COUNTED", 1)
    query = Query("Observation", (TokenIs("status", None, "final"), MINE), (SortKey("_id"),))
    assert await steps(store.unbound_session(), query, "drive") == ["key"]
    assert await store.unbound_session().count(query) == 40
