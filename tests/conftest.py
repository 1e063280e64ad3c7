"""Fixtures that all tests share."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.running import Client, running

# The same examples each time, and no limit on an example's seconds: a busy machine is not a defect. New examples come
# with HYPOTHESIS_PROFILE=random.
settings.register_profile("same", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture
async def fhir(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of an application on a new store, with the default settings."""
    async with running(tmp_path) as client:
        yield client
