"""A database that several tests have one after the other: each finds it as if nobody had been there."""

from pathlib import Path

import pytest

from fhir_server.store.criteria import AuditQuery, HistoryQuery
from fhir_server.store.options import StoreOptions
from tests import mongod
from tests.store.conformance.commits import create
from tests.store.places import UrlPlace
from tests.store.samples import commit_of


async def _written(url: str, heads: Path) -> tuple[int, int, int, bytes]:
    """Write to the store in a database; how many versions, changes and audit entries it has then, and a secret."""
    place = UrlPlace(url, StoreOptions(heads=heads))
    store = await place.open()
    session = store.unbound_session()
    await session.commit(commit_of(create("a"), create("b")))
    versions = (await session.history(HistoryQuery())).versions
    entries = (await session.search_audit(AuditQuery())).entries
    told = len(versions), len(await store.events(0, 100)), len(entries), store.secret("pages", 16)
    await place.close()
    return told


async def test_a_database_that_is_lent_again_is_as_new(tmp_path: Path) -> None:
    mongod.available()
    found = []
    for turn in ("one", "two"):
        url = mongod.lend_database()
        found.append((url, await _written(url, tmp_path / turn)))
        mongod.take_back(url)
    (first, before), (second, after) = found
    assert first == second
    assert before[:3] == after[:3] == (2, 2, 1)
    assert before[3] != after[3]


async def test_a_database_is_lent_only_so_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mongod.available()
    monkeypatch.setattr(mongod, "MOST_LOANS", 1)
    url = mongod.lend_database()
    await _written(url, tmp_path / "heads")
    mongod.take_back(url)
    assert mongod.lend_database() != url


def test_a_database_without_a_store_is_not_lent_again() -> None:
    mongod.available()
    url = mongod.lend_database()
    mongod.drop_database(url)
    mongod.take_back(url)
    assert mongod.lend_database() != url
