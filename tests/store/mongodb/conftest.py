"""Databases for the tests of the store on MongoDB."""

import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from fhir_server.store.options import DEFAULT_OPTIONS
from tests.mongod import drop_database, new_database
from tests.store.mongodb.loader import LoadedPlace
from tests.store.places import Clock


@pytest.fixture(autouse=True)
def _sockets_of_the_driver() -> Iterator[None]:
    """The driver leaves sockets to the garbage collector where a server does not answer; they are collected here, so
    that they are no fault of a later test. What was there before is not looked through: that would take seconds."""
    gc.freeze()
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
async def place() -> AsyncIterator[LoadedPlace]:
    """An empty database, dropped at the end."""
    url, clock = new_database(), Clock()
    place = LoadedPlace(url, clock, replace(DEFAULT_OPTIONS, clock=clock))
    yield place
    await place.close()
    drop_database(url)
