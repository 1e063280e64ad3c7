"""Opening: what is refused, with what to do about it, and what is made where it is missing."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collection import Collection as SyncCollection
from pymongo.database import Database as SyncDatabase
from pymongo.errors import OperationFailure

from fhir_server.outcome import Unavailable
from fhir_server.store.criteria import Query, TokenIs
from fhir_server.store.entries import Entries
from fhir_server.store.mongodb import indexes, server
from fhir_server.store.mongodb.collections import COLLECTIONS, INDEXES, Index
from fhir_server.store.mongodb.connection import Client
from fhir_server.store.mongodb.own_mongod import OWN_SET
from fhir_server.store.mongodb.server import check_server, only_loopback, require_version
from fhir_server.store.mongodb.store import MongoStore
from fhir_server.store.open import StoreRefused, StoreTooNew, open_store
from fhir_server.store.values import Write
from tests import mongod
from tests.store.conformance.commits import create
from tests.store.places import UrlPlace
from tests.store.samples import commit_of

# Servers that do not answer: the driver leaves sockets to the garbage collector then.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

Database = SyncDatabase[dict[str, Any]]


class Server:
    """A client of a server that answers commands as it is told."""

    def __init__(self, hosts: tuple[str, ...] = ("127.0.0.1",), **answers: Any) -> None:
        self.nodes = frozenset((host, 27017) for host in hosts)
        self.admin = self
        self.answers: dict[str, Any] = {
            "hello": {"setName": "rs0"},
            "buildInfo": {"versionArray": [8, 0, 17, 0]},
            "getParameter": {
                "featureCompatibilityVersion": {"version": "8.0"},
                "minSnapshotHistoryWindowInSeconds": 60,
            },
            "connectionStatus": {"authInfo": {"authenticatedUsers": [{"user": "fhir"}]}},
            "getDefaultRWConcern": {"defaultWriteConcern": {"w": "majority"}},
            **answers,
        }

    async def command(self, command: Any, *_: Any, **__: Any) -> Any:
        answer = self.answers[command if isinstance(command, str) else next(iter(command))]
        if isinstance(answer, Exception):
            raise answer
        return answer


OWN: dict[str, Any] = {"hello": {"setName": OWN_SET}}


async def checked(*, hosts: tuple[str, ...] = ("127.0.0.1",), **answers: Any) -> int:
    return await check_server(cast(Client, Server(hosts, **answers)))


FORBIDDEN = OperationFailure("not authorized", 13)


async def test_a_sound_server_tells_how_long_it_keeps_history() -> None:
    assert await checked() == 60
    assert await checked(hello={"msg": "isdbgrid"}, getParameter=FORBIDDEN, getDefaultRWConcern=FORBIDDEN) == 300


@pytest.mark.parametrize(
    ("answers", "advice"),
    [
        ({"hello": {"isWritablePrimary": True}}, r"--replSet rs0.*mongosh --eval 'rs\.initiate\(\)'"),
        ({"hello": {"isreplicaset": True}}, r"mongosh --eval 'rs\.initiate\(\)'"),
        ({"hello": {"setName": "rs0", "arbiters": ["c:1"]}}, "arbiter.*rs.remove"),
        ({"getDefaultRWConcern": {"defaultWriteConcern": {"w": 1}}}, "setDefaultRWConcern"),
        ({"getParameter": {"featureCompatibilityVersion": {"version": "5.0"}}}, "setFeatureCompatibilityVersion"),
        ({"hello": FORBIDDEN}, "authSource"),
    ],
)
async def test_a_server_that_cannot_keep_the_record_is_refused(answers: dict[str, Any], advice: str) -> None:
    with pytest.raises(StoreRefused, match=advice):
        await checked(**answers)


async def test_a_server_on_the_network_asks_who_is_there() -> None:
    nobody: dict[str, Any] = {"authInfo": {"authenticatedUsers": []}}
    assert await checked(connectionStatus=nobody) == 60
    assert await checked(hosts=("10.0.0.1",)) == 60
    with pytest.raises(StoreRefused, match="security.authorization"):
        await checked(hosts=("127.0.0.1", "10.0.0.1"), connectionStatus=nobody)


@pytest.mark.parametrize(
    "version", ["6.0.26", "6.3.2", "7.0.27", "7.3.4", "8.0.16", "8.1.2", "8.2.2", "5.0.32", "4.4.30"]
)
def test_versions_that_leak_their_memory_or_are_too_old_are_refused(version: str) -> None:
    with pytest.raises(StoreRefused, match="6.0.27, 7.0.28, 8.0.17, 8.2.3"):
        require_version((*map(int, version.split(".")), 0), exempt=False)


@pytest.mark.parametrize("version", ["6.0.27", "7.0.28", "8.0.17", "8.0.30", "8.2.3", "8.3.0", "9.0.0"])
def test_versions_that_are_mended_are_used(version: str) -> None:
    require_version((*map(int, version.split(".")), 0), exempt=False)


async def test_a_server_of_the_tests_may_be_old_but_only_on_this_machine() -> None:
    old = {"versionArray": [6, 0, 5, 0]}
    assert await checked(**OWN, buildInfo=old) == 60
    with pytest.raises(StoreRefused, match="CVE-2025-14847"):
        await checked(buildInfo=old)
    with pytest.raises(StoreRefused, match="CVE-2025-14847"):
        await checked(**OWN, hosts=("10.0.0.1",), buildInfo=old)


def test_what_the_loopback_address_is() -> None:
    assert only_loopback(("127.0.0.1", "127.0.1.9", "::1", "localhost", "/run/mongodb-27017.sock"))
    assert not any(map(only_loopback, [("10.0.0.1",), ("db.example",), ("0.0.0.0",), ("127.0.0.1", "db.example")]))


async def test_a_server_that_is_not_there_is_refused() -> None:
    with pytest.raises(StoreRefused, match="cannot be reached"):
        await open_store(f"mongodb://127.0.0.1:{mongod.free_port()}/fhir")


async def test_a_server_that_is_no_replica_set_yet_is_refused(tmp_path: Path) -> None:
    binary = mongod.mongod_binary()
    if binary is None:
        pytest.skip("no mongod runs here")
    member = mongod.Mongod(binary, tmp_path)
    try:
        with pytest.raises(StoreRefused, match=r"rs\.initiate\(\)"):
            await open_store(f"mongodb://{member.address}/fhir?directConnection=true")
    finally:
        member.stop()


@pytest.mark.parametrize("url", ["mongodb://", "mongodb://h", "mongodb://h/", "mongodb://h/a b", "mongodb://h/$x"])
async def test_a_url_names_a_database(url: str) -> None:
    with pytest.raises(ValueError, match="mongodb://HOST/DATABASE"):
        await open_store(url)


async def test_four_processes_that_open_at_once_make_one_store(mongo_place: UrlPlace, mongo_database: Database) -> None:
    stores = await asyncio.gather(*(mongo_place.open() for _ in range(4)))
    assert all(isinstance(store, MongoStore) for store in stores)
    assert len({store.epoch for store in stores if isinstance(store, MongoStore)}) == 1
    for number, store in enumerate(stores):
        await store.unbound_session().commit(commit_of(create(f"a{number}")))
    assert sorted(await asyncio.to_thread(mongo_database.list_collection_names)) == sorted(COLLECTIONS)


async def test_a_newer_store_is_refused_untouched(mongo_place: UrlPlace, mongo_database: Database) -> None:
    await mongo_place.open()
    await mongo_place.close()
    mongo_database["meta"].update_one({"_id": "store"}, {"$set": {"schema": 2}})
    with pytest.raises(StoreTooNew, match="schema version 2"):
        await mongo_place.open()


@pytest.mark.parametrize("name", ["resource", "meta"])
async def test_a_database_of_others_is_refused(mongo_place: UrlPlace, mongo_database: Database, name: str) -> None:
    mongo_database[name].insert_one({"_id": "theirs"})
    with pytest.raises(StoreRefused, match="not this program's"):
        await mongo_place.open()
    assert mongo_database.list_collection_names() == [name]


async def built(resources: SyncCollection[dict[str, Any]]) -> None:
    """Wait until the collection has all of its indexes."""
    async with asyncio.timeout(30):
        while set(resources.index_information()) != {"_id_", *(index.name for index in INDEXES["resource"])}:
            await asyncio.sleep(0.05)


async def test_a_missing_index_is_made_and_another_one_refused(mongo_place: UrlPlace, mongo_database: Database) -> None:
    await (await mongo_place.open()).unbound_session().commit(commit_of(create("a")))
    await mongo_place.close()
    resources = mongo_database["resource"]
    resources.drop_index("date")
    await mongo_place.open()
    await built(resources)
    await mongo_place.close()
    right = next(list(index.keys) for index in INDEXES["resource"] if index.name == "date")
    for keys, sparse in (([("e.d.l", 1)], True), (right, False)):
        resources.drop_index("date")
        resources.create_index(keys, name="date", sparse=sparse)
        with pytest.raises(StoreRefused, match="the index date of resource is another than this program's"):
            await mongo_place.open()


async def test_a_missing_index_is_built_while_the_store_is_used(
    mongo_place: UrlPlace, mongo_database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What needs it is refused until it is there; all else goes on, and what is written meanwhile is found later."""
    caplog.set_level("INFO")
    entries = Entries(tokens=(("code", "s", "x"),))
    await (await mongo_place.open()).unbound_session().commit(commit_of(create("a", entries=entries)))
    await mongo_place.close()
    resources = mongo_database["resource"]
    resources.drop_index("key")
    gate, build = asyncio.Event(), indexes._build

    async def gated(database: AsyncDatabase[dict[str, Any]], name: str, missing: Sequence[Index]) -> None:
        if missing and name == "resource":
            await gate.wait()
        await build(database, name, missing)

    monkeypatch.setattr(indexes, "_build", gated)
    monkeypatch.setattr(indexes, "PROGRESS_SECONDS", 0.05)
    session = (await mongo_place.open()).unbound_session()
    by_code = Query("Observation", (TokenIs("code", "s", "x"),))
    with pytest.raises(Unavailable, match="an index that this needs is being built"):
        await session.search(by_code)
    with pytest.raises(Unavailable, match="an index that this needs is being built"):
        await session.commit(commit_of(Write("delete", "Observation", "a", refuse_if_referenced=True)))
    await session.commit(commit_of(create("b", entries=entries)))
    assert [version.id for version in (await session.search(Query("Observation"))).versions] == ["b", "a"]
    assert await session.read("Observation", "a") is not None
    await asyncio.sleep(0.1)
    gate.set()
    async with asyncio.timeout(30):
        while "the indexes of resource are there: key" not in caplog.text:
            await asyncio.sleep(0.05)
    await session.commit(commit_of(create("c")))  # a state from before the index does not have it
    assert [version.id for version in (await session.search(by_code)).versions] == ["b", "a"]
    await session.commit(commit_of(Write("delete", "Observation", "a", refuse_if_referenced=True)))
    assert "building missing indexes of resource: key" in caplog.text
    assert "indexes of resource are being built" in caplog.text


async def test_times_go_on_after_opening_with_a_clock_that_is_behind(mongo_place: UrlPlace) -> None:
    store = await mongo_place.open()
    first = await store.unbound_session().commit(commit_of(create("a")))
    await mongo_place.close()
    mongo_place.clock.pass_ms(-3_600_000)
    again = await (await mongo_place.open()).unbound_session().commit(commit_of(create("b")))
    assert again.time_ms > first.time_ms


async def test_another_version_of_the_index_waits_for_its_building(mongo_place: UrlPlace) -> None:
    await mongo_place.open()
    await mongo_place.close()
    mongo_place.options = replace(mongo_place.options, entries_version="2")
    assert (await mongo_place.open()).needs_reindex()


def test_the_table_of_mended_versions_is_in_order() -> None:
    assert list(server._FIXED) == sorted(server._FIXED, reverse=True)
