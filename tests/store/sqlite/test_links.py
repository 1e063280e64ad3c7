"""Chains and texts on the SQLite store: what drives them, what they cost at most, and that a plan says so."""

from collections.abc import Iterable

import pytest

from fhir_server.outcome import Invalid, TooCostly
from fhir_server.store.access import EVERYTHING, AccessFilter, Rule
from fhir_server.store.contract import Session
from fhir_server.store.criteria import (
    AnyOf,
    Chained,
    Criterion,
    HasWord,
    IdIs,
    InGroup,
    InHierarchy,
    IsPresent,
    Not,
    QuantityIs,
    Query,
    ReferenceTo,
    ReverseChained,
    SortKey,
    StringIs,
    SystemQuery,
    TermIs,
    TokenIs,
)
from fhir_server.store.entries import CANONICAL, Entries
from fhir_server.store.matching import CannotJudge
from fhir_server.store.sqlite.queries import resolve, search
from fhir_server.store.sqlite.store import SqliteStore
from fhir_server.store.values import Write
from tests.store.conformance.commits import create
from tests.store.places import UrlPlace
from tests.store.samples import SNOMED, body, commit_of, patient, rich_observation

CODE = TokenIs("code", SNOMED, "0000007")
BY_DATE = (SortKey("date", descending=True, type="date"),)
FAMILY = StringIs("family", "family7", "equals")
FEMALE = TokenIs("gender", None, "female")


@pytest.fixture
async def session(place: UrlPlace) -> Session:
    """Sixty patients with two thousand observations."""
    found = (await place.open()).unbound_session()
    await found.commit(commit_of(*map(patient, range(60))))
    for start in range(0, 2_000, 500):
        await found.commit(commit_of(*(rich_observation(n, f"p{n % 60}") for n in range(start, start + 500))))
    return found


async def steps(session: Session, *criteria: Criterion, type: str = "Observation", sort: Iterable[SortKey] = ()) -> str:
    """The steps of the plan, each as `does by actual`."""
    found = await session.explain(Query(type, criteria, tuple(sort)))
    assert found.microseconds > 0
    return "; ".join(f"{step.does} {step.by} {step.actual}" for step in found.steps)


async def test_a_selective_chain_is_looked_up_first_and_drives(session: Session) -> None:
    chain = Chained("subject", "Patient", (FAMILY,))
    assert await steps(session, chain) == (
        "search Observation None; resolve subject:Patient 1; drive posting 34; filter Resolved subject:Patient None;"
        " page rows given 34"
    )
    assert await session.count(Query("Observation", (chain,))) == 34


async def test_a_broad_chain_is_asked_of_each_candidate(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SOME", 10)
    monkeypatch.setattr(search, "FEW_TO_LEAD_OVER", 10)
    chain = Chained("subject", "Patient", (FEMALE,))
    assert "probe subject:Patient" in await steps(session, chain, CODE)
    broad = await session.search(Query("Observation", (chain,), BY_DATE, 10))
    assert len(broad.versions) == 10
    assert await session.count(Query("Observation", (chain,))) == 1_000


async def test_of_few_candidates_only_their_referrers_are_looked_for(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where even these are too many, each candidate is asked."""
    has = ReverseChained("Observation", "subject", (TokenIs("code", SNOMED, None),))
    for some, expected in (
        (resolve.SOME, "resolve _has:Observation:subject 1; drive id 1"),
        (10, "probe _has:Observation:subject None; drive string 1"),
    ):
        monkeypatch.setattr(resolve, "SOME", some)
        assert expected in await steps(session, has, FAMILY, type="Patient")
        assert await session.count(Query("Patient", (has, FAMILY))) == 1


async def test_what_refers_to_it_drives(session: Session) -> None:
    has = ReverseChained("Observation", "subject", (CODE, QuantityIs("value-quantity", "gt", "k90000", "", CANONICAL)))
    assert "resolve _has:Observation:subject 3; drive id 3" in await steps(session, has, type="Patient")


async def test_a_page_and_what_it_refers_to(session: Session) -> None:
    """`_include` and `_revinclude` are made of these."""
    page = await session.search(Query("Observation", (CODE,), BY_DATE, 40))
    ids = IdIs(tuple(version.id for version in page.versions))
    for param in ("subject", None):
        included = ReverseChained("Observation", param, (ids,))
        assert "drive id" in await steps(session, included, type="Patient")
        expected = {f"p{n % 60}" for n in range(2_000) if n % 50 == 7}
        found = await session.search(Query("Patient", (included,), count=100))
        assert {version.id for version in found.versions} == expected
    many = AnyOf(tuple(ReferenceTo("subject", "Patient", f"p{n}") for n in range(40)))
    assert "drive posting, word by word" in await steps(session, many)
    chained = Chained("subject", "Patient", (IdIs(tuple(f"p{n}" for n in range(40))),))
    assert await session.count(Query("Observation", (many,))) == await session.count(Query("Observation", (chained,)))


@pytest.mark.parametrize(
    ("criterion", "drives"),
    [
        (QuantityIs("value-quantity", "ge", "k95000", "k95000", CANONICAL, "g"), "drive number"),
        (QuantityIs("value-quantity", "lt", "k62", "k62"), "drive number"),
        (InGroup("code-value-quantity", (TokenIs("1", SNOMED, "0000007"),)), "drive posting"),
        (TermIs("code:text", "body measurement 7", "equals"), "drive posting"),
        (TermIs("code:text", "measurement 4", "contains"), "drive posting"),
        (HasWord("_content", "nowhere"), "drive posting"),
        (Not(IsPresent("encounter")), "drive posting"),
        (Not(IsPresent("never")), "drive posting"),
    ],
)
async def test_every_kind_of_entry_drives(session: Session, criterion: Criterion, drives: str) -> None:
    assert drives in await steps(session, criterion)


@pytest.mark.parametrize(
    ("key", "index"),
    [
        (SortKey("code-text", type="string"), "walk code-text"),
        (SortKey("value-quantity", descending=True, type="quantity"), "walk value-quantity"),
        (SortKey("code", type="token"), "sort code"),
    ],
)
async def test_sorting_walks_where_an_index_has_the_order(session: Session, key: SortKey, index: str) -> None:
    assert index in await steps(session, sort=(key,))


async def test_a_sort_over_too_many_is_refused_with_what_to_do(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SORT_STEPS", 0)
    with pytest.raises(TooCostly, match="narrow the search, or sort by a date"):
        await session.search(Query("Observation", (), (SortKey("code", type="token"),)))


async def test_too_many_texts_are_refused_with_what_to_do(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "MOST_TEXTS", 40)
    with pytest.raises(TooCostly, match="more than 40 different texts of `code:text` match: give more of the text"):
        await session.search(Query("Observation", (TermIs("code:text", "body"),)))


def location(id: str, part_of: str) -> Write:
    references = (("partof", "Location", part_of),)
    return Write("create", "Location", id, body("Location", id), Entries(references=references))


async def test_a_hierarchy_that_is_a_circle_ends_and_a_large_one_is_refused(
    place: UrlPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = (await place.open()).unbound_session()
    await session.commit(commit_of(location("a", "c"), location("b", "a"), location("c", "b"), location("d", "c")))
    for above, expected in ((False, "abcd"), (True, "abcd")):
        query = Query("Location", (InHierarchy("partof", "Location", "a", "partof", above),), (SortKey("_id"),))
        assert "".join(version.id for version in (await session.search(query)).versions) == expected
    monkeypatch.setattr(resolve, "MOST_IN_HIERARCHY", 2)
    with pytest.raises(TooCostly, match="ask for a part of it"):
        await session.search(query)


@pytest.mark.parametrize(
    "criterion",
    [
        Chained("subject", "Patient", ()),
        ReverseChained("Observation", "subject", ()),
        InHierarchy("subject", "Patient", "p1", "link"),
        HasWord("_text", "fall"),
        TermIs("code:text", "bo"),
    ],
)
async def test_a_rule_is_judged_on_one_row(place: UrlPlace, criterion: Criterion) -> None:
    access = AccessFilter((Rule(None, (criterion,)),))
    store = await place.open()
    await store.unbound_session().commit(commit_of(create("a")))
    with pytest.raises(CannotJudge, match=f"{type(criterion).__name__} cannot be judged on one row"):
        await store.session(access).search(Query("Observation"))


async def test_several_types_have_an_order_in_common(session: Session) -> None:
    query = SystemQuery((Query("Patient"), Query("Observation")), BY_DATE)
    with pytest.raises(Invalid, match="sorted by `_lastUpdated` or `_id`"):
        await session.search(query)
    assert await session.count(SystemQuery((Query("Patient"), Query("Observation", (CODE,))))) == 100
    nothing = await session.search(SystemQuery(()))
    assert (nothing.versions, nothing.next, nothing.previous) == ((), None, None)


async def test_a_plan_names_no_values(session: Session) -> None:
    criteria = (FAMILY, Not(ReverseChained("Observation", "subject", (CODE,))), AnyOf((FEMALE, IdIs(("p1",)))))
    found = await session.explain(Query("Patient", criteria))
    assert not [step for step in found.steps if "family7" in step.by or "p1" in step.by or "0000007" in step.by]


async def test_an_estimate_over_many_rows_is_near(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from fhir_server.store.sqlite.queries import budget, estimate

    monkeypatch.setattr(estimate, "COUNT_STEPS", 0)
    monkeypatch.setattr(estimate, "WINDOW_ROWS", 20)
    monkeypatch.setattr(budget, "STEPS_PER_REPORT", 1)
    for criterion, count in ((CODE, 40), (TokenIs("status", None, "final"), 2_000), (TokenIs("code", "", ""), 0)):
        assert abs(await session.estimate(Query("Observation", (criterion,))) - count) <= count // 2


async def test_terms_are_found_after_a_commit_that_failed_and_in_another_process(
    place: UrlPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = await place.open(), await place.open()
    session = store.unbound_session()
    entries = Entries(terms=(("code:text", "heart rate"),))
    assert isinstance(store, SqliteStore)
    failing = monkeypatch.context()
    with failing as patched:
        patched.setattr(store.writer._transactions, "_finish", _fail)
        with pytest.raises(RuntimeError):
            await session.commit(commit_of(create("a", entries=entries)))
    await session.commit(commit_of(create("a", entries=entries)))
    await other.unbound_session().commit(commit_of(create("b", entries=entries)))
    query = Query("Observation", (TermIs("code:text", "heart"),), (SortKey("_id"),))
    for opened in (store, other):
        found = await opened.session(EVERYTHING).search(query)
        assert [version.id for version in found.versions] == ["a", "b"]


def _fail(head: object) -> None:
    raise RuntimeError("no")
