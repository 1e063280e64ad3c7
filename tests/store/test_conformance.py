"""Each kind of store passes the conformance suite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.store.conformance import StoreConformance
from tests.store.places import UrlPlace
from tests.stores import options_of


@pytest.fixture
async def place(on_both_stores: None, tmp_path: Path) -> AsyncIterator[UrlPlace]:
    """An empty store, and what was opened there is closed at the end."""
    place = UrlPlace(*options_of(tmp_path))
    yield place
    await place.close()


@pytest.fixture
async def other_place(on_both_stores: None, tmp_path: Path) -> AsyncIterator[UrlPlace]:
    """A second store."""
    place = UrlPlace(*options_of(tmp_path / "other"))
    yield place
    await place.close()


class TestStore(StoreConformance):
    """All of it. On SQLite with few candidates, which are fetched and sorted; its other ways are in `test_sqlite`."""
