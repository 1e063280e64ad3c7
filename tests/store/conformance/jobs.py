"""Leases, secrets, health, cleaning, rebuilding and backing up."""

from pathlib import Path

import pytest

from fhir_server.outcome import Contended
from fhir_server.store.criteria import Query
from fhir_server.store.values import Commit
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
        assert report.index_entries > 0
        assert report.claims > 0
        assert await contents(store) == before
        assert [v.version for v in (await session.search(Query("Observation"))).versions] == [4]
        assert (await store.clean(1.5)).index_entries == 0

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
