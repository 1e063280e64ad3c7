"""A world for the tests of this folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.access.serving import World, world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    """A new world in which everything is allowed, until a test says otherwise."""
    async with world(tmp_path / "here") as made:
        yield made
