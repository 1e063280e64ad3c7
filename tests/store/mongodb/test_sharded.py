"""A sharded cluster, laid out by the commands of docs/mongodb.md. Runs where `FHIR_TEST_MONGODB_URL` names a mongos."""

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pymongo
import pytest

from fhir_server.store.mongodb.collections import COLLECTIONS
from fhir_server.store.options import StoreOptions
from tests.mongod import URL_VARIABLE, drop_database, new_database
from tests.store.conformance import StoreConformance
from tests.store.places import UrlPlace

PAGE = Path(__file__).parents[3] / "docs" / "mongodb.md"
COMMAND = re.compile(r'^sh\.shardCollection\("record\.(\w+)", +\{(\w+): "hashed"\}\)$', re.MULTILINE)
TOGETHER = {"meta", "slot", "lease", "secret", "index_job"}
"""Small ones, which stay on one shard"""


def documented() -> dict[str, str]:
    """By collection, the field by which the page has it sharded."""
    return dict(COMMAND.findall(PAGE.read_text(encoding="utf-8")))


def test_the_page_names_every_collection() -> None:
    assert set(documented()) == set(COLLECTIONS) - TOGETHER


def require_mongos() -> None:
    """Skips the test where no sharded cluster is at hand."""
    url = os.environ.get(URL_VARIABLE)
    if url:
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(url, serverSelectionTimeoutMS=5_000)
        with client:
            if client.admin.command("hello").get("msg") == "isdbgrid":
                return
    pytest.skip(f"{URL_VARIABLE} names no mongos: a sharded cluster was not tried")


def shard(url: str) -> None:
    """Lay the database out as the page says."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(url)
    with client:
        name = client.get_default_database().name
        client.admin.command("enableSharding", name)
        for collection, field in documented().items():
            client.admin.command("shardCollection", f"{name}.{collection}", key={field: "hashed"})


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Callable[[str], Awaitable[UrlPlace]]]:
    """Makes empty stores on the cluster."""
    require_mongos()
    places: list[UrlPlace] = []

    async def empty(name: str) -> UrlPlace:
        place = UrlPlace(new_database(), StoreOptions(heads=tmp_path / name))
        places.append(place)
        await place.open()
        await place.close()
        shard(place.url)
        return place

    yield empty
    for place in places:
        await place.close()
        drop_database(place.url)


@pytest.fixture
async def place(cluster: Callable[[str], Awaitable[UrlPlace]]) -> UrlPlace:
    """An empty store on the cluster."""
    return await cluster("heads")


@pytest.fixture
async def other_place(cluster: Callable[[str], Awaitable[UrlPlace]]) -> UrlPlace:
    """A second one."""
    return await cluster("other")


def test_a_sharded_cluster_is_at_hand() -> None:
    require_mongos()


class TestSharded(StoreConformance):
    """All of it; not even collected where no server is named."""

    __test__ = bool(os.environ.get(URL_VARIABLE))
