"""The store that a measured server works on: a new file, or a database on a mongod that is started for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import apsw
from pymongo import MongoClient

from fhir_server.store.open import own_mongodb

StoreKind = Literal["sqlite", "mongodb"]
NAMES: dict[StoreKind, str] = {"sqlite": "SQLite", "mongodb": "MongoDB"}


@dataclass(frozen=True, slots=True)
class Bytes:
    """What a store holds on the disk: bodies, and what searches need beside them (index, and each version's own).
    `keys`: index keys for each resource, where the store tells."""

    bodies: int
    index: int
    versions: int
    keys: float | None = None


@dataclass(frozen=True, slots=True)
class MeasuredStore:
    """A store for `RunningServer`, the settings that go with it, and how its bytes are counted."""

    kind: StoreKind
    store: Path | str
    settings: tuple[tuple[str, str], ...]
    bytes_used: Callable[[], Bytes]


@contextmanager
def measured_store(kind: StoreKind, folder: Path, name: str) -> Iterator[MeasuredStore]:
    """The store `name` in the folder: what an earlier run left there, or a new one. Raises `MongodFailed` where a
    mongod is wanted and none is here."""
    if kind == "sqlite":
        file = folder / f"{name}.db"
        yield MeasuredStore(kind, file, (), lambda: _bytes_of_file(file))
        return
    database = own_mongodb(folder / "mongodb", name, cache_gb=None)
    try:
        settings = (("FHIR_AUDIT_HEADS", str(folder / "mongodb" / f"{name}-heads")),)
        yield MeasuredStore(kind, database.url, settings, lambda: _bytes_of_database(database.url))
    finally:
        database.stop()


_INDEX = ("posting", "date", "string", "number", "quantity", "position", "term", "words")


def _bytes_of_file(store: Path) -> Bytes:
    """Of an embedded store; audit and claims are left out."""
    sizes: dict[str, int] = {}
    connection = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        names = dict(connection.execute("SELECT name, tbl_name FROM sqlite_schema"))
        for name, size in connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
            table = names.get(name, name)
            sizes[table] = sizes.get(table, 0) + size
    finally:
        connection.close()
    index = sum(size for table, size in sizes.items() if table in _INDEX or table.startswith("posting_"))
    return Bytes(sizes.get("body", 0), index, sizes.get("version", 0))


_COLLECTIONS = ("resource", "version")
_BODIES = {"$group": {"_id": None, "bytes": {"$sum": {"$binarySize": {"$ifNull": ["$b", ""]}}}}}


def _bytes_of_database(url: str) -> Bytes:
    """Of a database: bodies as they are, documents as they are compressed on the disk, indexes."""
    client: MongoClient[dict[str, Any]] = MongoClient(url)
    with client:
        database = client.get_default_database()
        stats = [database.command("collStats", name) for name in _COLLECTIONS]
        bodies = sum(row["bytes"] for name in _COLLECTIONS for row in database[name].aggregate([_BODIES]))
        checked = database.command("validate", _COLLECTIONS[0])
    keys = sum(checked["keysPerIndex"].values()) / max(checked["nrecords"], 1)
    documents = sum(int(each["storageSize"]) for each in stats)
    return Bytes(bodies, sum(int(each["totalIndexSize"]) for each in stats), documents, keys)
