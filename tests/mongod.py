"""A real mongod for the tests: a replica set of one in a temporary folder, started at its first use.

`FHIR_TEST_MONGODB_URL` names another server, on which databases are then made and dropped. Where neither is to be had
the tests skip and say so.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.database import Database
from pymongo.errors import PyMongoError

from fhir_server.store.mongodb.collections import META
from fhir_server.store.mongodb.meta import STORE, index_version
from fhir_server.store.mongodb.opening import first_meta, new_epoch
from fhir_server.store.mongodb.own_mongod import (
    Mongod,
    await_primary,
    free_port,
    initiate,
    mongod_binary,
    url_of,
)
from fhir_server.store.options import DEFAULT_OPTIONS

__all__ = [
    "SHARED",
    "URL_VARIABLE",
    "Mongod",
    "await_primary",
    "drop_database",
    "drop_lent",
    "free_port",
    "initiate",
    "lend_database",
    "mongod_binary",
    "new_database",
    "take_back",
    "url_of",
]

URL_VARIABLE = "FHIR_TEST_MONGODB_URL"
MOST_LOANS = 15
"""So often a database is lent: what was deleted stays in its indexes as long as the database keeps history."""


class _Shared:
    """The server of this test process."""

    def __init__(self) -> None:
        self.member: Mongod | None = None
        self.folder: Path | None = None
        self.databases = 0

    def server(self) -> Mongod:
        if self.member is None:
            self.folder = Path(tempfile.mkdtemp(prefix="fhir-mongod-"))
            self.member = Mongod(binary(), self.folder)
            initiate([self.member])
        return self.member

    def stop(self) -> None:
        if self.member is not None:
            self.member.kill()
            self.member = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


SHARED = _Shared()


def binary() -> Path:
    """The mongod that runs here; skips the test where there is none."""
    found = mongod_binary()
    if found is None:
        pytest.skip(f"no mongod runs here; set {URL_VARIABLE} to test the store on MongoDB")
    return found


def available() -> None:
    """Skips the test where no server is to be had."""
    if not os.environ.get(URL_VARIABLE):
        SHARED.server()


def new_database() -> str:
    """The URL of a database that nobody has used: on the server of this test process, or the one that is named."""
    SHARED.databases += 1
    name = f"fhir_test_{os.getpid()}_{SHARED.databases}"
    if given := os.environ.get(URL_VARIABLE):
        before, _, options = given.partition("?")
        return f"{before.rstrip('/')}/{name}" + (f"?{options}" if options else "")
    return url_of([SHARED.server()], name)


def drop_database(url: str) -> None:
    """Remove a database that `new_database` named."""
    with _client(url) as client:
        client.drop_database(client.get_default_database().name)


def _client(url: str) -> pymongo.MongoClient[dict[str, Any]]:
    return pymongo.MongoClient(url, serverSelectionTimeoutMS=5_000)


_free: list[str] = []
_loans: dict[str, int] = {}


def lend_database() -> str:
    """The URL of an empty database for one test: new, or one whose indexes another test has made, which saves most of
    the time that opening a store takes."""
    url = _free.pop() if _free else new_database()
    _loans[url] = _loans.get(url, 0) + 1
    return url


def take_back(url: str) -> None:
    """Empty a database that was lent. One that cannot be lent again is dropped."""
    with _client(url) as client:
        if _loans[url] < MOST_LOANS and _emptied(client.get_default_database()):
            _free.append(url)
            return
    del _loans[url]
    drop_database(url)


def drop_lent() -> None:
    """Remove the databases that are free again from the server that was named; our own goes with all that it has."""
    while _free and os.environ.get(URL_VARIABLE):
        drop_database(_free.pop())


def _emptied(database: Database[dict[str, Any]]) -> bool:
    """Whether it is now as a store that was never written to; not where its index is of other rules."""
    meta, rules = database[META].find_one({"_id": STORE}), index_version(DEFAULT_OPTIONS)
    if meta is None or meta["index"] != rules:
        return False
    try:
        with pymongo.timeout(5):
            for name in database.list_collection_names():
                database[name].delete_many({})
            database[META].insert_one({"_id": STORE, **first_meta(new_epoch(), rules)})
    except PyMongoError:  # a transaction of a server that was killed is still open
        return False
    return True
