"""How searches run: by the index that was meant, and never by sorting what need not be sorted."""

from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fhir_server.store.access import EVERYTHING, AccessFilter, Rule
from fhir_server.store.criteria import (
    Criterion,
    DateIs,
    HistoryQuery,
    IdIs,
    InCompartment,
    InGroup,
    LastUpdatedIs,
    QuantityIs,
    Query,
    ReferenceTo,
    ReverseChained,
    SortKey,
    StringIs,
    TokenIs,
)
from fhir_server.store.entries import Entries
from fhir_server.store.options import StoreOptions
from fhir_server.store.sqlite.connection import open_connection
from fhir_server.store.sqlite.queries import budget, plan, search
from fhir_server.store.sqlite.queries.history import History
from fhir_server.store.sqlite.queries.ranges import successor
from fhir_server.store.sqlite.queries.search import Search
from fhir_server.store.sqlite.state import state_at
from fhir_server.store.values import Commit, PlanStep, Snapshot, Write
from tests.store.places import Clock, UrlPlace
from tests.store.samples import SNOMED, audit_of, body, commit_of, observation, patient

OPTIONS = StoreOptions(clock=Clock())
NEWEST = (SortKey("date", descending=True, type="date"),)
CODE = TokenIs("code", SNOMED, "0000007")
PATIENT = ReferenceTo("subject", "Patient", "p3")


@pytest.fixture
async def store(place: UrlPlace, tmp_path: Path) -> apsw.Connection:
    """A connection to a store of two thousand observations of twenty patients."""
    session = (await place.open()).unbound_session()
    for start in range(0, 2_000, 500):
        await session.commit(commit_of(*(observation(n, f"p{n % 20}") for n in range(start, start + 500))))
    return open_connection(tmp_path / "store.db")


class Statements:
    """The plans of the statements that a question runs, as SQLite tells them."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.texts: list[str] = []

    def __enter__(self) -> "Statements":
        self.connection.exec_trace = self._trace
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.exec_trace = None

    def _trace(self, cursor: apsw.Cursor, text: str, bindings: object) -> bool:
        self.texts.append(cursor.expanded_sql)
        return True

    def plans(self) -> str:
        steps = [row[3] for text in self.texts for row in self.connection.execute(f"EXPLAIN QUERY PLAN {text}")]
        return "\n".join(steps)


def plans_of(connection: apsw.Connection, query: Query, access: AccessFilter = EVERYTHING) -> str:
    with Statements(connection) as statements:
        state = state_at(connection, query.snapshot, OPTIONS)
        Search(connection, access, state, query).page()
    return statements.plans()


def older(connection: apsw.Connection) -> Snapshot:
    now = state_at(connection, None, OPTIONS).snapshot
    epoch, _, sequence = now.value.partition(".")
    return Snapshot(f"{epoch}.{int(sequence) - 1}", 0)


@pytest.mark.parametrize("past", [False, True])
@pytest.mark.parametrize(
    ("criteria", "sort", "uses"),
    [
        ((CODE,), (), "posting"),
        ((CODE, PATIENT), (), "posting"),
        ((), (), "version_type"),
        ((), (SortKey("_lastUpdated"),), "version_type"),
        ((), (SortKey("_id"),), "version_key"),
        ((), NEWEST, "date_high"),
        ((), (SortKey("date", type="date"),), "PRIMARY KEY (field=?"),
        ((IdIs(("a", "b")),), (), "version_key"),
    ],
)
async def test_pages_without_sorting(
    store: apsw.Connection, criteria: tuple[Criterion, ...], sort: tuple[SortKey, ...], uses: str, past: bool
) -> None:
    plans = plans_of(store, Query("Observation", criteria, sort, 10, older(store) if past else None))
    assert uses in plans
    wanted = isinstance(criteria[0], IdIs) if criteria else sort == (SortKey("_id"),)
    assert ("USE TEMP B-TREE FOR ORDER BY" in plans) == (wanted and sort == ())
    assert "SCAN v" not in plans.replace("SCAN v USING INDEX version_", "")


async def test_few_candidates_are_sorted_and_many_are_walked(
    store: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = Query("Observation", (CODE,), NEWEST, 10)
    assert "date_high" not in plans_of(store, query)
    monkeypatch.setattr(plan, "LEAST_PROBE", 10)
    monkeypatch.setattr(plan, "MOST_PROBE", 10)
    walked = plans_of(store, query)
    assert "date_high" in walked
    assert "B-TREE" not in walked


async def test_the_rarest_index_drives(store: apsw.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "LEAST_PROBE", 1_000)
    everything, some = TokenIs("status", None, "final"), StringIs("code-text", "weight 7")
    drivers = [name for name in ("posting", "string") if f"SEARCH {name}" in last_plan(store, (everything, some))]
    assert drivers == ["string"]
    assert "SCAN p VIRTUAL TABLE" in last_plan(store, (PATIENT, DateIs("date", "ge", 0, 1)))


def last_plan(connection: apsw.Connection, criteria: tuple[Criterion, ...]) -> str:
    """The plan of the statement that finds the rows, without those that count."""
    with Statements(connection) as statements:
        Search(connection, EVERYTHING, state_at(connection, None, OPTIONS), Query("Observation", criteria)).page()
    statements.texts = statements.texts[-1:]
    return statements.plans()


async def test_a_filter_narrows_the_search_too(store: apsw.Connection) -> None:
    access = AccessFilter((Rule(None, (InCompartment("Patient", "p3"),)),))
    plans = plans_of(store, Query("Observation", (), (), 10), access)
    assert "posting" in plans
    assert "B-TREE" not in plans


async def test_recent_changes_are_found_from_the_newest_end(store: apsw.Connection) -> None:
    now = state_at(store, None, OPTIONS).snapshot.time_ms * 1000
    plans = plans_of(store, Query("Observation", (CODE, LastUpdatedIs("ge", now, now + 1)), (), 10))
    assert "p.rowid>=" not in plans
    assert "version_type (type=? AND last_updated>?)" in plans


@pytest.mark.parametrize(
    ("query", "uses"),
    [
        (HistoryQuery(), "SCAN v"),
        (HistoryQuery(since_ms=5), "SEARCH v USING INTEGER PRIMARY KEY (rowid>?)"),
        (HistoryQuery("Observation"), "version_type (type=?"),
        (HistoryQuery("Observation", since_ms=5), "version_type (type=? AND last_updated>?)"),
        (HistoryQuery("Observation", "x"), "version_key (type=? AND id=?)"),
    ],
)
async def test_history_is_never_sorted(store: apsw.Connection, query: HistoryQuery, uses: str) -> None:
    with Statements(store) as statements:
        History(store, EVERYTHING, state_at(store, None, OPTIONS), query).page()
    plans = statements.plans()
    assert uses in plans
    assert "B-TREE" not in plans


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), st.text(max_size=2))
def test_a_text_starts_with_another_exactly_between_it_and_its_successor(text: str, more: str) -> None:
    upper = successor(text)
    for other in (text + more, more, text[:-1] + more):
        if any("\ud800" <= sign <= "\udfff" for sign in other):
            continue
        between = text.encode() <= other.encode() and (upper is None or other.encode() < upper.encode())
        assert between == other.startswith(text)


def test_successors_at_the_edges() -> None:
    assert successor("") is None
    assert successor("\U0010ffff") is None
    assert successor("a\U0010ffff") == "b"
    assert successor("\ud7ff") == "\ue000"


async def test_a_code_with_a_quantity_is_found_by_both_at_once(place: UrlPlace, tmp_path: Path) -> None:
    """However many have the code, and however many the quantity: where few have both, these alone are looked at."""
    values = [Write("update", "Observation", f"v{n}", body("Observation", f"v{n}"), _valued(n)) for n in range(600)]
    await (await place.open()).unbound_session().commit(Commit(tuple(values), audit_of))
    connection = open_connection(tmp_path / "store.db")
    high = QuantityIs("value", "gt", "k5", "k5", None, None, (), ("code",))
    for criteria in ((TokenIs("code", "urn:s", "rare"), high), (_in_pair(TokenIs("1", None, "rare"), "2"),)):
        search = Search(
            connection, EVERYTHING, state_at(connection, None, OPTIONS), Query("Observation", criteria, (), 20)
        )
        found = search.page()
        assert len(found.vids) == 2
        assert search.steps[0] == PlanStep("drive", "number by code", 2)


async def test_a_code_with_a_date_is_found_by_both_at_once(place: UrlPlace, tmp_path: Path) -> None:
    """However many have the code, and however much is of the day: where little is both, that alone is looked at."""
    entries = [
        Entries(
            tokens=(("code", "urn:s", "rare" if number % 2 else "frequent"),),
            dates=(("date", day := 1 + (number % 2 or number // 3), day + 1),),
            beside=(("code", "date"),),
        )
        for number in range(600)
    ]
    entries[5] = structs.replace(entries[5], dates=(("date", 7, 8),))
    values = [
        Write("update", "Observation", f"v{n}", body("Observation", f"v{n}"), made) for n, made in enumerate(entries)
    ]
    await (await place.open()).unbound_session().commit(Commit(tuple(values), audit_of))
    connection = open_connection(tmp_path / "store.db")
    for prefix in ("eq", "sa", "ge", "gt", "ap"):
        asked = TokenIs("code", "urn:s", "rare"), DateIs("date", prefix, 6, 8, (), ("code",))
        search = Search(
            connection, EVERYTHING, state_at(connection, None, OPTIONS), Query("Observation", asked, (), 20)
        )
        found = search.page()
        count = 0 if prefix in ("sa", "gt") else 1
        assert len(found.vids) == count, prefix
        assert search.steps[0] == PlanStep("drive", "date by code", count)


def _in_pair(token: TokenIs, param: str) -> InGroup:
    return InGroup("pair", (token, QuantityIs(param, "gt", "k5", "k5")))


def _valued(number: int) -> Entries:
    """Every other one has the rare code, every other one a high value; two have both."""
    code = "rare" if number % 2 else "frequent"
    value = "k9" if number % 2 == 0 or number in (1, 3) else "k1"
    inner = Entries(tokens=(("1", "urn:s", code),), quantities=(("2", "", "", value, value),))
    return Entries(
        tokens=(("code", "urn:s", code),),
        quantities=(("value", "", "", value, value),),
        groups=(("pair", inner),),
        beside=(("code", "value"),),
    )


async def test_a_stream_with_few_matches_gives_way(store: apsw.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the many that have the code few are of the day: those of the day are looked through instead."""
    monkeypatch.setattr(plan, "LEAST_PROBE", 10)
    monkeypatch.setattr(plan, "MOST_PROBE", 10)
    low, high = store.execute("SELECT min(low), max(high) FROM date").get
    days = DateIs("date", "eq", low, high)
    query = Query("Observation", (CODE, days), (), 10)
    streamed = Search(store, EVERYTHING, state_at(store, None, OPTIONS), query)
    expected = streamed.page()
    assert expected.vids
    assert [step.by for step in streamed.steps] == ["posting"]
    monkeypatch.setattr(search, "STREAM_STEPS", 0)
    monkeypatch.setattr(search, "SMALL", 1_000)
    monkeypatch.setattr(budget, "STEPS_PER_REPORT", 100)
    given_way = Search(store, EVERYTHING, state_at(store, None, OPTIONS), query)
    assert given_way.page() == expected
    assert [step.by for step in given_way.steps] == ["posting", "date"]


async def test_few_candidates_are_all_that_referrers_are_looked_for(place: UrlPlace, tmp_path: Path) -> None:
    """Of two people only their own observations are looked at, not those of all who have the status."""
    session = (await place.open()).unbound_session()
    await session.commit(commit_of(*(observation(n, f"p{n % 1_000}") for n in range(2_000))))
    await session.commit(commit_of(*(patient(n) for n in range(1_000))))
    connection = open_connection(tmp_path / "store.db")
    family = StringIs("family", "family7", "equals")
    having = ReverseChained("Observation", "patient", (TokenIs("status", None, "final"),))
    query = Query("Patient", (family, having), (SortKey("_id"),), 20)
    asked = Search(connection, EVERYTHING, state_at(connection, None, OPTIONS), query)
    assert [connection.execute("SELECT id FROM version WHERE vid=?", (vid,)).get for vid in asked.page().vids] == [
        "p7",
        "p707",
    ]
    assert asked.steps[0] == PlanStep("resolve", "_has:Observation:patient", actual=2)
