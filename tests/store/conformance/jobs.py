"""Leases, secrets, health, cleaning, rebuilding and backing up."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fhir_server.outcome import Contended, RulesChanged
from fhir_server.store.contract import Store
from fhir_server.store.criteria import Query, TokenIs
from fhir_server.store.entries import Entries
from fhir_server.store.values import CleanReport, Commit, IndexJob, Version, Write
from tests.store.conformance.commits import contents, create, update
from tests.store.places import Place
from tests.store.samples import audit_of, commit_of


class JobRules:
    """See the module."""

    async def test_a_lease_has_one_holder_until_it_runs_out(self, place: Place) -> None:
        one, two = await place.open(), await place.open()
        assert await one.acquire_lease("clean", "a", 10)
        assert not await two.acquire_lease("clean", "b", 10)
        assert await two.acquire_lease("other", "b", 10)
        place.clock.pass_ms(9_000)
        assert await one.acquire_lease("clean", "a", 10)
        place.clock.pass_ms(9_000)
        assert not await two.acquire_lease("clean", "b", 10)
        await two.release_lease("clean", "b")
        assert not await two.acquire_lease("clean", "b", 10)
        place.clock.pass_ms(1_000)
        assert await two.acquire_lease("clean", "b", 10)
        await two.release_lease("clean", "b")
        assert await one.acquire_lease("clean", "a", 10)

    async def test_a_secret_is_made_once(self, place: Place) -> None:
        one, two = await place.open(), await place.open()
        key = one.secret("links", 32)
        assert len(key) == 32
        assert two.secret("links", 32) == key
        assert two.secret("others", 32) != key
        with pytest.raises(ValueError, match="32 bytes"):
            one.secret("links", 16)
        await place.close()
        assert (await place.open()).secret("links", 32) == key

    async def test_a_store_that_works_is_found_well(self, place: Place) -> None:
        await (await place.open()).check()

    async def test_cleaning_tells_what_it_removed_and_keeps_history(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        for step in range(4):
            place.clock.pass_ms(1_000)
            keys = frozenset((f"key-{step}",))
            await session.commit(Commit((update("a", f'"v":{step}'),), audit_of, carries=keys))
        before = await contents(store)
        report = await store.clean(1.5)
        assert report.claims > 0
        assert await contents(store) == before
        assert [v.version for v in (await session.search(Query("Observation"))).versions] == [4]
        assert await store.clean(1.5) == CleanReport()

    async def test_a_decision_older_than_the_claims_that_are_kept_is_contended(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        basis = await session.snapshot()
        rival = Commit((create("a"),), audit_of, carries=frozenset(("k",)))
        await session.commit(rival)
        place.clock.pass_ms(100_000)
        await session.commit(commit_of(create("b")))
        place.clock.pass_ms(100_000)
        await store.clean(50)
        late = Commit((create("c"),), audit_of, depends_on=frozenset(("k",)), basis=basis)
        with pytest.raises(Contended):
            await session.commit(late)

    async def test_a_backup_is_made_into_a_folder_of_its_own(self, place: Place, tmp_path: Path) -> None:
        store = await place.open()
        await store.unbound_session().commit(commit_of(create("a")))
        await store.backup(tmp_path / "backup")
        assert (tmp_path / "backup" / "manifest.json").is_file()
        with pytest.raises(FileExistsError):
            await store.backup(tmp_path / "backup")

    async def test_entries_by_other_rules_are_refused(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        rules = await store.index_rules()
        job = IndexJob("SearchParameter/x", ("Observation",))
        await session.commit(Commit((create("a"),), audit_of, index_rules=rules, index_jobs=(job,)))
        assert await store.index_rules() == rules + 1
        with pytest.raises(RulesChanged):
            await session.commit(Commit((create("b"),), audit_of, index_rules=rules))
        with pytest.raises(RulesChanged):
            await store.run_index_job(_new_entries, rules)
        await session.commit(Commit((create("b"),), audit_of, index_rules=rules + 1))
        assert [each.id for each in await store.events(0, 10)] == ["a", "b"]

    async def test_a_job_indexes_what_is_there_and_no_more(self, place: Place) -> None:
        """In two processes at once, each of which does what the other has not done yet."""
        one, two = await place.open(), await place.open()
        session = one.unbound_session()
        await session.commit(commit_of(*(create(f"a{number}", entries=OLD) for number in range(450))))
        await session.commit(commit_of(update("a0", '"v":2', entries=OLD), Write("delete", "Observation", "a1")))
        old = await session.snapshot()
        job = IndexJob("SearchParameter/x", ("Observation", "Flag"))
        await session.commit(Commit((create("x", entries=NEW),), audit_of, index_jobs=(job,)))
        rules = await one.index_rules()
        assert list(await two.index_jobs()) == [job]
        first = await one.run_index_job(_new_entries, rules)
        assert first == IndexJob(job.source, job.types, 200, 450)
        await session.commit(commit_of(update("a449", '"v":2', entries=NEW)))
        done = [step async for step in _steps(two, rules)]
        assert done[-1] == IndexJob(job.source, job.types, 450, 450, complete=True)
        assert await one.index_rules() == rules + 1
        assert await one.run_index_job(_new_entries, rules + 1) is None
        for code, expected in (("new", 450), ("old", 0)):
            assert await session.count(Query("Observation", (TokenIs("code", None, code),))) == expected
        assert len((await session.search(Query("Observation", count=1000, snapshot=old))).versions) == 449
        assert list(await one.verify_index(_new_entries)) == []

    async def test_a_source_has_one_job(self, place: Place) -> None:
        store = await place.open()
        session = store.unbound_session()
        for types in (("Observation",), ("Flag", "Observation")):
            job = IndexJob("SearchParameter/x", types)
            await session.commit(Commit((update("a", f'"v":{len(types)}'),), audit_of, index_jobs=(job,)))
        assert [each.types for each in await store.index_jobs()] == [("Flag", "Observation")]


OLD = Entries(tokens=(("code", "", "old"),), strings=(("name", "old"),), dates=(("date", 1, 2),))
NEW = Entries(tokens=(("code", "", "new"),), strings=(("name", "new"),), dates=(("date", 1, 2), ("date", 3, 4)))


async def _new_entries(version: Version) -> Entries:
    return NEW


async def _steps(store: Store, rules: int) -> AsyncIterator[IndexJob]:
    while (job := await store.run_index_job(_new_entries, rules)) is not None:
        yield job
        if job.complete:
            return
