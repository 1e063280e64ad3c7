"""What goes along with a page: found by few commands, and the same as what is found type by type."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fhir_server.store.access import EVERYTHING, NOTHING, AccessFilter, Rule
from fhir_server.store.criteria import (
    AnyOf,
    IdIs,
    InCompartment,
    Query,
    ReferenceTo,
    ReverseChained,
    SortKey,
    SystemQuery,
)
from fhir_server.store.entries import Entries
from fhir_server.store.mongodb.queries import system, together
from fhir_server.store.mongodb.snapshots import Reader
from fhir_server.store.values import Page, Write
from tests.store.conformance.commits import create, delete, update
from tests.store.mongodb.loader import Bound, LoadedPlace, LoadedStore
from tests.store.samples import commit_of

BY_ID = (SortKey("_id"),)
PLANS = ("CarePlan", "Condition", "Flag")
TELECOM, SUBJECT = "Patient.telecom", "Observation.subject"


def about(type: str, id: str, patient: str, *performers: str) -> Write:
    """A resource that is about a patient."""
    references = (("subject", "Patient", patient), *(("performer", "Practitioner", id) for id in performers))
    return create(id, type=type, entries=Entries(references=references, compartments=(("Patient", patient),)))


@pytest.fixture
async def store(place: LoadedPlace) -> LoadedStore:
    """Two patients with plans, problems, flags and observations by three practitioners."""
    opened = await place.open()
    people = [create(id, type="Patient", entries=Entries(compartments=(("Patient", id),))) for id in ("p1", "p2")]
    people += [create(f"d{n}", type="Practitioner", entries=Entries()) for n in range(3)]
    rows = [about(type, f"{type[:2].lower()}{n}", f"p{1 + n % 2}") for type in PLANS for n in range(4)]
    rows += [about("Observation", f"o{n}", f"p{1 + n % 2}", f"d{n % 3}", f"d{n % 2}") for n in range(6)]
    await opened.unbound_session().commit(commit_of(*people, *rows))
    return opened


def referring(*patients: str, types: Sequence[str] = PLANS) -> SystemQuery:
    links = AnyOf(tuple(ReferenceTo("subject", "Patient", id) for id in patients))
    return SystemQuery(tuple(Query(type, (links,)) for type in types), BY_ID, 500)


def referred(*observations: str) -> SystemQuery:
    """Whom these observations are about and by."""
    subject, performer = (
        ReverseChained("Observation", param, (IdIs(observations),), (f"Observation.{param}",))
        for param in ("subject", "performer")
    )
    parts = (Query("Patient", (AnyOf((subject, performer)),)), Query("Practitioner", (performer,)))
    return SystemQuery(parts, BY_ID, 500)


def ids(page: Page) -> list[str]:
    return [version.id for version in page.versions]


async def commands(
    monkeypatch: pytest.MonkeyPatch, session: Bound, query: Query | SystemQuery, along: Page | None = None
) -> int:
    """How many commands a search sends."""
    sent: list[str] = []
    ask = Reader._command

    async def counted(self: Reader, command: dict[str, object]) -> dict[str, object]:
        sent.append(next(iter(command)))
        return await ask(self, command)

    with monkeypatch.context() as patch:
        patch.setattr(Reader, "_command", counted)
        await session.search(query, along)
    return len(sent)


async def test_one_command_finds_what_refers_and_two_what_is_referred_to(
    store: LoadedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And none looks at what is now, where a page that is shown with it has just been found."""
    session = store.unbound_session()
    page = await session.search(Query("Patient", (IdIs(("p1",)),)))
    for query, expected in (
        (referring("p1"), ["ca0", "ca2", "co0", "co2", "fl0", "fl2"]),
        (referred("o0", "o2"), ["d0", "d2", "p1"]),
    ):
        known = replace(query, snapshot=page.snapshot)
        assert ids(await session.search(query)) == ids(await session.search(known, page)) == expected
        fewest = 1 if query.parts[0].type == "CarePlan" else 2
        assert await commands(monkeypatch, session, known, page) == fewest
        assert await commands(monkeypatch, session, known) == fewest + 1


MINE = AccessFilter((Rule(None, (InCompartment("Patient", "p1"),)), Rule(frozenset({"Practitioner"}))))
FILTERS = (
    EVERYTHING,
    NOTHING,
    MINE,
    replace(MINE, deny=(Rule(frozenset({"Flag"}), (IdIs(("fl2",)),)),)),
    AccessFilter((Rule(None, (), frozenset({SUBJECT, "Flag.subject", TELECOM})),)),
    AccessFilter((*MINE.allow, Rule(None, (), frozenset({"Observation.performer"})))),
)


@pytest.mark.parametrize("access", FILTERS)
async def test_together_or_apart_the_same_is_found(
    store: LoadedStore, access: AccessFilter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Now and at a snapshot since which rows were changed, removed, and moved to another patient."""
    session = store.session(access)
    before = await session.snapshot()
    queries = [referring("p1"), referring("p1", "p2"), referred("o0", "o2"), referred("o0", "o1", "o5"), referred()]
    queries += [replace(query, count=2) for query in queries]
    queries += [replace(query, sort=(SortKey("_lastUpdated", descending=True),)) for query in queries]

    async def found() -> list[list[tuple[str, str, int, frozenset[str]]]]:
        every = []
        for query in queries:
            for snapshot in (None, before):
                page = await session.search(replace(query, snapshot=snapshot))
                rows = [*page.versions]
                while page.next is not None:
                    page = await session.search(replace(query, snapshot=page.snapshot, after=page.next))
                    rows += page.versions
                every.append([(row.type, row.id, row.version, row.masked) for row in rows])
        return every

    for changed in ((), (delete("ca0", type="CarePlan"), update("d0", type="Practitioner"), hidden("fl0"))):
        if changed:
            await store.loader.commit(commit_of(*changed))
        at_once = await found()
        with monkeypatch.context() as patch:
            patch.setattr(together, "MOST", 0)
            patch.setattr(system, "FEW_TYPES", 0)
            assert await found() == at_once
        assert any(at_once) == (access != NOTHING)


def hidden(id: str) -> Write:
    """The flag, which is another patient's now."""
    moved = Entries(references=(("subject", "Patient", "p2"),), compartments=(("Patient", "p2"),))
    return update(id, type="Flag", entries=moved)


async def test_what_another_patient_has_now_does_not_go_along(store: LoadedStore) -> None:
    session = store.session(MINE)
    before = await session.snapshot()
    await store.loader.commit(commit_of(hidden("fl0")))
    assert ids(await session.search(replace(referring("p1", types=("Flag",)), snapshot=before))) == ["fl2"]


async def test_a_reference_that_is_masked_leads_nowhere(store: LoadedStore) -> None:
    """Beside one that is not, of the same observations."""
    session = store.session(AccessFilter((Rule(None, (), frozenset({SUBJECT})),)))
    assert ids(await session.search(referred("o0", "o2"))) == ["d0", "d2"]


async def test_few_candidates_are_not_counted_first(store: LoadedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at what is now; the candidates; what refers to them; the page."""
    session = store.unbound_session()
    has = ReverseChained("Observation", "subject", (IdIs(("o0", "o2", "o3")),))
    two = Query("Patient", (InCompartment("Patient", "p1"), has))
    assert ids(await session.search(two)) == ["p1"]
    assert await commands(monkeypatch, session, two) == 4
    many = replace(two, criteria=(InCompartment("Patient", "p9"), has))
    assert await commands(monkeypatch, session, many) == 2
