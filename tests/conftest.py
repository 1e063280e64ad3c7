"""Fixtures that all tests share."""

import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import mongod, stores
from tests.differences import pytest_addoption, pytest_itemcollected, pytest_terminal_summary
from tests.differences import pytest_sessionfinish as stores_agree
from tests.running import Client, running

__all__ = ["pytest_addoption", "pytest_itemcollected", "pytest_terminal_summary"]

# The same examples each time, and no limit on an example's seconds: a busy machine is not a defect. New examples come
# with HYPOTHESIS_PROFILE=random.
settings.register_profile("same", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(params=stores.KINDS)
def on_both_stores(request: pytest.FixtureRequest) -> Iterator[None]:
    """The test runs once on each kind of store."""
    with stores.on(request.param):
        yield


@pytest.fixture(scope="module", params=stores.KINDS)
def module_on_both_stores(request: pytest.FixtureRequest) -> Iterator[None]:
    """The tests of the module run once on each kind of store, and share what a fixture of the module has made there."""
    with stores.on(request.param):
        yield


@pytest.fixture
async def fhir(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of an application on a new store, with the default settings."""
    async with running(tmp_path) as client:
        yield client


def pytest_collection_finish() -> None:
    """What the modules of the tests hold stays: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the database that tests have started in this process, and look whether the stores agree."""
    stores_agree(session)
    mongod.drop_lent()
    mongod.SHARED.stop()
