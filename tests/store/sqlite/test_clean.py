"""Cleaning up: the index of superseded versions goes, and is counted."""

from pathlib import Path

import apsw
import pytest

from fhir_server.store.criteria import Query, TokenIs
from fhir_server.store.entries import Entries
from tests.store.conformance.commits import create, update
from tests.store.places import UrlPlace
from tests.store.samples import commit_of


async def test_index_entries_that_only_expired_snapshots_could_name_are_removed_once(place: UrlPlace) -> None:
    store = await place.open()
    for step in range(4):
        place.clock.pass_ms(1_000)
        await store.unbound_session().commit(commit_of(update("a", f'"v":{step}')))
    assert (await store.clean(1.5)).index_entries > 0
    assert (await store.clean(1.5)).index_entries == 0


@pytest.mark.parametrize("known", [True, False])
async def test_the_full_text_index_is_merged(place: UrlPlace, tmp_path: Path, known: bool) -> None:
    """Also in a store that was made before there was a rule for it."""
    store = await place.open()
    session = store.unbound_session()
    entries = Entries(tokens=(("code", "s", "c"),))
    for number in range(30):
        await session.commit(commit_of(create(f"a{number}", entries=entries)))
    connection = apsw.Connection(str(tmp_path / "store.db"))
    if not known:
        connection.execute("DELETE FROM posting_config WHERE k='usermerge'")
    segments = "SELECT count(DISTINCT segid) FROM posting_idx"
    before = connection.execute(segments).get
    await store.clean(3600)
    assert before > 5
    assert connection.execute(segments).get <= 2
    assert connection.execute("SELECT v FROM posting_config WHERE k='usermerge'").get == 2
    connection.close()
    assert await session.count(Query("Observation", (TokenIs("code", "s", "c"),))) == 30
