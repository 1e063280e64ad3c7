"""Asserts in the shared suite say what differs, as those in test files do."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from fhir_server.store.options import StoreOptions
from tests import mongod
from tests.store.places import UrlPlace

pytest.register_assert_rewrite("tests.store.conformance", "tests.store.model")


@pytest.fixture
async def mongo_place(tmp_path: Path) -> AsyncIterator[UrlPlace]:
    """An empty store in a database of its own; what was opened there is closed at the end, and the database goes."""
    place = UrlPlace(mongod.new_database(), StoreOptions(heads=tmp_path / "heads"))
    yield place
    await place.close()
    mongod.drop_database(place.url)


@pytest.fixture
def mongo_database(mongo_place: UrlPlace) -> Iterator[Database[dict[str, Any]]]:
    """The database of `mongo_place` itself, past the store."""
    with pymongo.MongoClient[dict[str, Any]](mongo_place.url) as client:
        yield client.get_default_database()
