"""Rivals: whoever decides upon what has changed looks again, and nothing is lost."""

import asyncio
from dataclasses import replace

import pytest

from fhir_server.outcome import Conflict, Contended, PreconditionFailed, Unprocessable
from fhir_server.store.contract import Session
from fhir_server.store.criteria import HistoryQuery, IdentifierIs, Query
from fhir_server.store.entries import Entries
from fhir_server.store.values import Commit, Committed, Required, Snapshot
from tests.store.conformance.commits import create, delete, update
from tests.store.places import Place
from tests.store.samples import audit_of, commit_of

NAMED = Entries(identifiers=(("identifier", "urn:x", "1"),))
KEY = frozenset(("Patient|identifier|urn:x|1",))


async def create_if_none(session: Session, id: str) -> str:
    """A conditional create, as an interaction does it; the id of the one resource there is then."""
    while True:
        basis = await session.snapshot()
        found = await session.search(Query("Patient", (IdentifierIs("identifier", "urn:x", "1"),), snapshot=basis))
        if found.versions:
            return found.versions[0].id
        write = create(id, type="Patient", entries=NAMED)
        try:
            await session.commit(Commit((write,), audit_of, carries=KEY, depends_on=KEY, basis=basis))
        except Contended:
            continue
        return id


class RaceRules:
    """See the module."""

    async def test_sixty_four_conditional_creates_make_one_resource(self, place: Place) -> None:
        stores = [await place.open(), await place.open()]
        winners = await asyncio.gather(*(create_if_none(stores[n % 2].unbound_session(), f"c{n}") for n in range(64)))
        assert len(set(winners)) == 1
        assert await stores[0].unbound_session().count(Query("Patient")) == 1

    async def test_a_rival_commit_that_carries_the_key_is_noticed(self, place: Place) -> None:
        session = (await place.open()).unbound_session()
        basis = await session.snapshot()
        mine = Commit((create("a", type="Patient"),), audit_of, carries=KEY, depends_on=KEY, basis=basis)
        await session.commit(Commit((create("other"),), audit_of, carries=frozenset(("another",))))
        await session.commit(mine)
        late = replace(mine, writes=(create("b", type="Patient"),))
        try:
            await session.commit(late)
        except Contended:
            assert await session.count(Query("Patient")) == 1
        else:
            raise AssertionError("the claim of a rival went unnoticed")
        await session.commit(replace(late, basis=await session.snapshot()))
        with pytest.raises(Contended):
            await session.commit(replace(late, basis=Snapshot("0" + basis.value, 0)))

    async def test_a_hundred_updates_of_one_version_have_one_winner(self, place: Place) -> None:
        stores = [await place.open(), await place.open()]
        session = stores[0].unbound_session()
        await session.commit(commit_of(create("a")))

        async def one(number: int) -> Committed | PreconditionFailed:
            write = replace(update("a", f'"v":{number}'), if_match=1)
            try:
                return await stores[number % 2].unbound_session().commit(commit_of(write))
            except PreconditionFailed as error:
                return error

        answers = await asyncio.gather(*(one(number) for number in range(100)))
        assert sum(isinstance(answer, Committed) for answer in answers) == 1
        assert [v.version for v in (await session.history(HistoryQuery())).versions] == [2, 1]

    async def test_updates_without_conditions_lose_no_history(self, place: Place) -> None:
        stores = [await place.open(), await place.open()]
        session = stores[0].unbound_session()

        async def one(number: int) -> int:
            write = update("a", f'"v":{number}')
            committed = await stores[number % 2].unbound_session().commit(commit_of(write))
            return committed.written[0].version

        versions = await asyncio.gather(*(one(number) for number in range(60)))
        assert sorted(versions) == list(range(1, 61))
        history = (await session.history(HistoryQuery(count=100))).versions
        assert [v.version for v in history] == list(range(60, 0, -1))
        times = [v.last_updated_ms for v in history]
        assert times == sorted(set(times), reverse=True)

    async def test_a_deletion_and_a_new_reference_do_not_both_succeed(self, place: Place) -> None:
        stores = [await place.open(), await place.open()]
        refers = Entries(targets=(("Patient", "p"),))
        for round in range(10):
            id = f"p{round}"
            refers = Entries(targets=(("Patient", id),))
            await stores[0].unbound_session().commit(commit_of(create(id, type="Patient")))
            needs = (Required("Patient", id, "Observation.subject", 0),)
            refer = Commit((create(f"o{round}", entries=refers),), audit_of, required=needs)
            drop = commit_of(replace(delete(id, type="Patient"), refuse_if_referenced=True))
            answers = await asyncio.gather(
                stores[round % 2].unbound_session().commit(refer),
                stores[1 - round % 2].unbound_session().commit(drop),
                return_exceptions=True,
            )
            kinds = [type(answer) for answer in answers]
            assert kinds in ([Committed, Conflict], [Unprocessable, Committed])

    async def test_a_commit_that_is_refused_leaves_its_neighbours_alone(self, place: Place) -> None:
        session = (await place.open()).unbound_session()
        await session.commit(commit_of(create("taken")))
        commits = [commit_of(create("taken" if number % 3 == 0 else f"n{number}")) for number in range(30)]
        answers = await asyncio.gather(*map(session.commit, commits), return_exceptions=True)
        assert [type(answer) for answer in answers] == [
            Conflict if number % 3 == 0 else Committed for number in range(30)
        ]
        assert await session.count(Query("Observation")) == 21
