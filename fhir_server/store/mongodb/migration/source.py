"""A store on MongoDB that a record moves out of."""

from collections.abc import Mapping
from typing import Any

from pymongo.errors import PyMongoError

from fhir_server.store.contract import Store
from fhir_server.store.migration.contract import Condition, MigrationRefused, read_marker
from fhir_server.store.mongodb import leases
from fhir_server.store.mongodb.collections import COLLECTIONS, META, SCHEMA_VERSION, SLOT
from fhir_server.store.mongodb.connection import MAJORITY, Database, open_client, refusal
from fhir_server.store.mongodb.meta import MIGRATED, MIGRATION, STORE
from fhir_server.store.mongodb.migration.content import MongoContent
from fhir_server.store.mongodb.opening import database_name, open_database
from fhir_server.store.mongodb.server import check_server
from fhir_server.store.mongodb.store import MongoStore
from fhir_server.store.options import StoreOptions, StoreRefused, StoreTooNew

_OPEN = {"$expr": {"$gt": ["$until", "$$NOW"]}}


async def examine(url: str) -> Condition:
    """What is in the database that the URL names; nothing is made or changed. Raises `StoreRefused` and its kinds for
    what is no store, or one of another version, and ValueError for a URL that names no database."""
    name = await database_name(url)
    client = open_client(url)
    try:
        await check_server(client)
        return await _examined(client.get_database(name), name)
    except PyMongoError as error:
        raise StoreRefused(f"the database refuses what the store needs ({type(error).__name__})") from error
    finally:
        await client.close()


async def _examined(database: Database, name: str) -> Condition:
    if not set(await database.list_collection_names()) & set(COLLECTIONS):
        return Condition("mongodb", name, "nothing")
    found = await database.get_collection(META, read_concern=MAJORITY).find_one({"_id": STORE})
    if found is None:
        raise StoreRefused(
            f"{name} has collections of the same names that are not this program's, or holds an unfinished restore:"
            " name another database, or drop this one"
        )
    _require_schema(name, int(found["schema"]))
    marker = read_marker(found.get(MIGRATION))
    return Condition(
        "mongodb",
        name,
        "store" if marker is None else "unfinished",
        epoch=found["epoch"],
        marker=marker,
        migrated=read_marker(found.get(MIGRATED)),
        in_use=await _is_open(database),
    )


def _require_schema(name: str, version: int) -> None:
    if version > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{name} has schema version {version}, this program knows versions up to {SCHEMA_VERSION}: "
            "use the newer program"
        )
    if version < SCHEMA_VERSION:
        raise MigrationRefused(f"{name} has schema version {version}, this program {SCHEMA_VERSION}: upgrade it first")


async def _is_open(database: Database) -> bool:
    """Whether a process has a slot of the store."""
    slot: Mapping[str, Any] | None = await database.get_collection(SLOT, read_concern=MAJORITY).find_one(_OPEN)
    return slot is not None


class MongoSource(MongoContent):
    """See `migration.contract.Source`. The store takes no slot, since nothing is written under one."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._database = store.database

    @property
    def store(self) -> Store:
        return self._store

    async def in_use(self) -> bool:
        try:
            return await _is_open(self._database)
        except PyMongoError as error:
            raise refusal(error) from error

    async def close(self) -> None:
        await self._database.client.close()


async def open_source(url: str, options: StoreOptions) -> MongoSource:
    """Open the store at `url` to read all of it. Raises `StoreRefused` and its kinds."""
    opened = await open_database(url, options)
    return MongoSource(MongoStore(url, opened, options, await leases.known_secrets(opened.database)))
