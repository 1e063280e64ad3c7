"""A store against the oracle: random commits and questions, under every filter, at snapshots old and new."""

from dataclasses import replace

import pytest

from fhir_server.store.access import AccessFilter
from fhir_server.store.contract import Session, Store
from fhir_server.store.criteria import HistoryQuery, Query, SystemQuery
from fhir_server.store.masking import mask
from fhir_server.store.values import Page, Snapshot, Version
from tests.store.model import Model, Row
from tests.store.places import Place
from tests.store.scripts import IDS, PATIENTS, TYPES, Script


class OracleRules:
    """See the module. `exact_only`: without criteria on tokens."""

    exact_only = False

    @pytest.mark.parametrize("seed", range(6))
    async def test_answers_like_the_oracle(self, place: Place, seed: int) -> None:
        script, model, store = Script(seed, exact_only=self.exact_only), Model(), await place.open()
        writer = store.unbound_session()
        snapshots: list[tuple[int, Snapshot]] = [(0, await writer.snapshot())]
        for step in range(60):
            place.clock.pass_ms(script.random.choice((0, 1, 10)))
            commit = script.commit()
            model.apply(commit, await writer.commit(commit))
            if step % 5 == 0:
                snapshots.append((model.state, await writer.snapshot()))
            await _ask(script, model, store, script.random.choice(snapshots))
        if seed == 0:
            await _read_all(script, model, store)
        for _ in range(40):
            await _ask(script, model, store, script.random.choice(snapshots))

    @pytest.mark.parametrize("seed", range(2))
    async def test_cleaning_changes_no_answer_at_snapshots_that_live(self, place: Place, seed: int) -> None:
        """A snapshot lives as long as it was the last state within the time that is kept."""
        script, model, store = Script(100 + seed, exact_only=self.exact_only), Model(), await place.open()
        writer = store.unbound_session()
        snapshots: list[tuple[int, Snapshot]] = []
        for _ in range(50):
            place.clock.pass_ms(2_000)
            commit = script.commit()
            model.apply(commit, await writer.commit(commit))
            snapshots.append((model.state, await writer.snapshot()))
            if script.random.random() < 0.2:
                await store.clean(20)
                follower = dict(zip(snapshots, snapshots[1:], strict=False))
                cutoff = place.clock.now_ms - 20_000
                alive = [pair for pair in snapshots if pair not in follower or follower[pair][1].time_ms > cutoff]
                for pair in (alive[0], *alive[-2:]):
                    await _ask(script, model, store, pair)
        places = list(await store.verify_index(_entries_from(model)))
        assert places == []


def _entries_from(model: Model):  # type: ignore[no-untyped-def]
    async def entries_of(version: Version):  # type: ignore[no-untyped-def]
        row = model.at_version(version.type, version.id, version.version)
        assert row is not None
        return row.entries

    return entries_of


async def _ask(script: Script, model: Model, store: Store, at: tuple[int, Snapshot]) -> None:
    access = script.random.choice(script.filters)
    session = store.session(access)
    await _search(model, session, access, script.query(), at)
    await _search(model, session, access, script.system_query(), at)
    await _history(model, session, access, script.history(), at)
    type, id = script.random.choice(TYPES), script.random.choice(IDS)
    await _read(model, session, access, type, id)
    patient = script.random.choice(PATIENTS)
    assert await session.withheld(patient) == model.withheld(patient, access)


def _expected(model: Model, query: Query | SystemQuery, access: AccessFilter, state: int) -> list[Row]:
    if isinstance(query, SystemQuery):
        return model.search_all(query, access, state)
    return model.search(query, access, state)


async def _search(
    model: Model, session: Session, access: AccessFilter, query: Query | SystemQuery, at: tuple[int, Snapshot]
) -> None:
    state, snapshot = at
    query = replace(query, snapshot=snapshot)
    expected = _expected(model, query, access, state)
    found: list[Version] = []
    page = await session.search(query)
    pages = [page]
    while page.next is not None:
        page = await session.search(replace(query, after=page.next))
        pages.append(page)
    for page in pages:
        assert page.snapshot == snapshot
        found += page.versions
    assert [len(page.versions) for page in pages[:-1]] == [query.count] * (len(pages) - 1)
    assert found == [_shown(model, row, access) for row in expected]
    assert await session.count(query) == len(expected)
    assert await session.estimate(query) == len(expected)
    assert (await session.explain(query)).steps[-1].actual == len(pages[0].versions)
    now = len(_expected(model, query, access, model.state))
    assert await session.count(replace(query, snapshot=None)) == now
    await _back(session, query, pages)


async def _back(session: Session, query: Query | SystemQuery, pages: list[Page]) -> None:
    """The pages are the same on the way back."""
    page = pages[-1]
    for earlier in reversed(pages[:-1]):
        assert page.previous is not None
        page = await session.search(replace(query, before=page.previous))
        assert page.versions == earlier.versions
    assert page.previous is None


async def _history(
    model: Model, session: Session, access: AccessFilter, query: HistoryQuery, at: tuple[int, Snapshot]
) -> None:
    state, snapshot = at
    query = replace(query, snapshot=snapshot)
    expected = model.history(query, access, state)
    page: Page = await session.history(query)
    found = list(page.versions)
    while page.next is not None:
        page = await session.history(replace(query, after=page.next))
        found += page.versions
    assert found == [_shown(model, row, access) for row in expected]
    assert await session.count_history(query) == len(expected)


async def _read(model: Model, session: Session, access: AccessFilter, type: str, id: str) -> None:
    current = model.current(type, id)
    expected = None if not model.visible(current, access) or current is None else _shown(model, current, access)
    assert await session.read(type, id) == expected
    for version in range((current.version if current else 0) + 2):
        row = model.at_version(type, id, version)
        shown = None if row is None or not model.visible(row, access) else _shown(model, row, access)
        assert await session.read_version(type, id, version) == shown


async def _read_all(script: Script, model: Model, store: Store) -> None:
    for access in script.filters:
        for type in TYPES:
            for id in IDS:
                await _read(model, store.session(access), access, type, id)


def _shown(model: Model, row: Row, access: AccessFilter) -> Version:
    """The version as a session sees it. Which bytes masking leaves is `masking`'s own test."""
    content, masked = row.body, frozenset[str]()
    if content is not None:
        content, masked = mask(content, model.masked(row, access))
    return Version(row.type, row.id, row.version, row.time_ms, content, row.method, row.patients, masked)
