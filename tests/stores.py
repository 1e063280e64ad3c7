"""Which kind of store a test runs on, and where the store of a folder is.

A test that asks for the fixture `on_both_stores` runs once on each; where a module shares a server, its fixture asks
for `module_on_both_stores`. `FHIR_TEST_STORE=mongodb` runs all others on MongoDB too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fhir_server.bench.server import RunningServer
from fhir_server.store.mongodb.session import MongoSession
from fhir_server.store.options import StoreOptions
from fhir_server.store.sqlite.session import SqliteSession
from tests import mongod

KINDS = ("sqlite", "mongodb")
_kinds = [os.environ.get("FHIR_TEST_STORE", "sqlite")]
_databases: dict[Path, str] = {}


def store_of(folder: Path) -> tuple[str, dict[str, str]]:
    """The URL of the store in this folder, and the settings that go with it: the same each time."""
    if _kinds[-1] == "sqlite":
        return f"sqlite:///{folder / 'store.db'}", {}
    if folder not in _databases:
        _databases[folder] = mongod.lend_database()
    return _databases[folder], {"audit_heads": str(folder / "heads")}


def options_of(folder: Path, **options: Any) -> tuple[str, StoreOptions]:
    """The URL of the store in this folder, and the options with which it is opened."""
    url, settings = store_of(folder)
    heads = Path(settings["audit_heads"]) if settings else None
    return url, StoreOptions(heads=heads, **options)


def kind() -> str:
    """The kind of store that the test runs on."""
    return _kinds[-1]


def fewer(number: int) -> int:
    """So many examples of a property on SQLite; on MongoDB, which takes three times as long for each, a third."""
    return number if kind() == "sqlite" else max(1, number // 3)


def session_class() -> type[SqliteSession] | type[MongoSession]:
    """The class of the sessions of the store that the test runs on."""
    return SqliteSession if _kinds[-1] == "sqlite" else MongoSession


def server_on(folder: Path, workers: int) -> RunningServer:
    """A server with the store of this folder, not started yet."""
    url, settings = store_of(folder)
    named = tuple((f"FHIR_{name.upper()}", value) for name, value in settings.items())
    return RunningServer(url, workers, folder / "log", settings=named)


@contextmanager
def on(kind: str) -> Iterator[None]:
    """Stores are of this kind; databases that were made meanwhile go at the end."""
    if kind == "mongodb":
        mongod.available()
    before = set(_databases)
    _kinds.append(kind)
    try:
        yield
    finally:
        _kinds.pop()
        for folder in set(_databases) - before:
            mongod.take_back(_databases.pop(folder))
