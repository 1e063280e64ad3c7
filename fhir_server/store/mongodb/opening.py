"""Opening the database: made if it is new, refused if it is newer, is another's, or has lost something."""

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo.asynchronous.uri_parser import parse_uri
from pymongo.errors import DuplicateKeyError, InvalidURI, PyMongoError

from fhir_server.store.backups import make_folder
from fhir_server.store.migration.contract import read_marker, unfinished
from fhir_server.store.mongodb.audit.heads import require_mirrored_heads
from fhir_server.store.mongodb.collections import (
    COLLECTIONS,
    META,
    RESOURCE,
    SCHEMA_VERSION,
)
from fhir_server.store.mongodb.connection import DURABLE, MAJORITY, Client, Database, open_client
from fhir_server.store.mongodb.indexes import Missing, make_ready
from fhir_server.store.mongodb.meta import (
    BEGINNING,
    MIGRATION,
    OUTBOX_COUNTER,
    STORE,
    Meta,
    index_version,
    meta_of,
)
from fhir_server.store.mongodb.order import Orders
from fhir_server.store.mongodb.server import check_server, refused
from fhir_server.store.options import StoreOptions, StoreRefused, StoreTooNew

_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclass(slots=True)
class Opened:
    """A database that is ready for use."""

    client: Client
    database: Database
    heads: Path
    meta: Meta
    history_seconds: int
    orders: Orders
    missing: Missing
    """Indexes that are still to be built"""


async def open_database(url: str, options: StoreOptions) -> Opened:
    """Connect, check the server and the database, make what is missing. Raises `StoreRefused` and its kinds, and
    ValueError for a URL without the name of a database."""
    name = await database_name(url)
    client = open_client(url)
    try:
        history = await check_server(client)
        database = client.get_database(name, write_concern=DURABLE)
        meta = await _check_store(database, options)
        missing = await make_ready(database)
        heads = heads_folder(name, options)
        make_folder(heads)
        await require_mirrored_heads(database, heads)
        orders = Orders(options.clock)
        newest = await database.get_collection(RESOURCE, read_concern=MAJORITY).find_one({}, {"o": 1}, sort=[("o", -1)])
        if newest is not None:
            orders.met(newest["o"])
    except PyMongoError as error:
        await client.close()
        raise refused(error, name) from error
    except BaseException:
        await client.close()
        raise
    return Opened(client, database, heads, meta, history, orders, missing)


async def database_name(url: str) -> str:
    """The database that the URL names. Raises ValueError where it names none that this store can have."""
    try:
        parsed: dict[str, Any] = await parse_uri(url)
    except InvalidURI as error:
        raise ValueError(f"a store on MongoDB is named mongodb://HOST/DATABASE: {error}") from error
    except PyMongoError as error:
        raise StoreRefused("the hosts that the URL names cannot be found") from error
    name = parsed["database"]
    if not name or not _NAME.fullmatch(name):
        raise ValueError("a store on MongoDB is named mongodb://HOST/DATABASE, with letters, digits, - and _")
    return str(name)


def heads_folder(database: str, options: StoreOptions) -> Path:
    """Where the heads of the audit chains are mirrored: by default beside where the server was started."""
    return (options.heads or Path(f"{database}.heads")).resolve()


async def _check_store(database: Database, options: StoreOptions) -> Meta:
    meta = await _meta_document(database, options)
    known = int(meta["schema"])
    if known > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{database.name} has schema version {known}, this program knows versions up to {SCHEMA_VERSION}: "
            "use the newer program, or restore a backup that this one made"
        )
    marker = read_marker(meta.get(MIGRATION))
    if marker is not None:
        raise unfinished(database.name, marker)
    return meta_of(meta)


async def _meta_document(database: Database, options: StoreOptions) -> dict[str, Any]:
    """The document in `meta`, made if the database is new. Which collections there are is asked first: where another
    process is making them at this moment, its document was there before them."""
    others = set(await database.list_collection_names()) & set(COLLECTIONS)
    collection = database.get_collection(META, read_concern=MAJORITY, write_concern=DURABLE)
    found = await collection.find_one({"_id": STORE})
    if found is not None:
        return found
    foreign = {"_id": {"$nin": [STORE, OUTBOX_COUNTER]}}
    if others - {META} or await collection.find_one(foreign) is not None:
        raise StoreRefused(
            f"{database.name} has collections of the same names that are not this program's, or holds an unfinished"
            " restore: name another database, or drop this one"
        )
    first = first_meta(new_epoch(), index_version(options))
    with suppress(DuplicateKeyError):  # another process was first
        await collection.update_one({"_id": STORE}, {"$setOnInsert": first}, upsert=True)
    return await _meta_document(database, options)


def first_meta(epoch: str, index: str) -> dict[str, Any]:
    """What a new store says of itself."""
    return {"schema": SCHEMA_VERSION, "epoch": epoch, "index": index, "rules": 0, "horizon": BEGINNING, "slots": 0}


def new_epoch() -> str:
    """Names one life of a store: snapshots of the life before a restore mean nothing in the next."""
    return secrets.token_hex(6)
