"""A world for the tests of this folder, which run on both kinds of store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.access.serving import World, world


@pytest.fixture(autouse=True)
def _stores(on_both_stores: None) -> None:
    """Each test here runs on both."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    """A new world in which everything is allowed, until a test says otherwise."""
    async with world(tmp_path / "here") as made:
        yield made
