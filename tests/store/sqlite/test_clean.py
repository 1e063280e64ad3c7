"""Cleaning up: the index of superseded versions goes, and is counted."""

from tests.store.conformance.commits import update
from tests.store.places import UrlPlace
from tests.store.samples import commit_of


async def test_index_entries_that_only_expired_snapshots_could_name_are_removed_once(place: UrlPlace) -> None:
    store = await place.open()
    for step in range(4):
        place.clock.pass_ms(1_000)
        await store.unbound_session().commit(commit_of(update("a", f'"v":{step}')))
    assert (await store.clean(1.5)).index_entries > 0
    assert (await store.clean(1.5)).index_entries == 0
