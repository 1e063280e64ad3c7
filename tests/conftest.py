"""Fixtures that all tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.running import Client, running


@pytest.fixture
async def fhir(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of an application on a new store, with the default settings."""
    async with running(tmp_path) as client:
        yield client
