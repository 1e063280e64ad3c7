"""Places for the tests of the SQLite store's own parts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.store.places import UrlPlace


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[UrlPlace]:
    """An empty store at `tmp_path/store.db`, closed at the end."""
    place = UrlPlace(f"sqlite:///{tmp_path}/store.db")
    yield place
    await place.close()
