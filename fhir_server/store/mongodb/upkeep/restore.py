"""Putting a backup back, and accepting a loss."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from bson import decode_file_iter
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.errors import PyMongoError

from fhir_server.store.backups import Manifest, make_folder, read_manifest
from fhir_server.store.chain import EMPTY, Head, HeadFile, mirrored_chains
from fhir_server.store.migration.contract import read_marker, unfinished
from fhir_server.store.mongodb.audit.links import entry_id, tail
from fhir_server.store.mongodb.audit.loss import accept
from fhir_server.store.mongodb.collections import AUDIT, COLLECTIONS, META, SCHEMA_VERSION, SLOT
from fhir_server.store.mongodb.connection import DURABLE, Client, Database, open_client
from fhir_server.store.mongodb.indexes import make_collections
from fhir_server.store.mongodb.meta import MIGRATION, STORE
from fhir_server.store.mongodb.opening import database_name, heads_folder, new_epoch
from fhir_server.store.mongodb.server import check_server
from fhir_server.store.mongodb.upkeep.backup import COPIED, file_name
from fhir_server.store.options import DEFAULT_OPTIONS, RestoreRefused, StoreOptions, StoreRefused

BATCH = 1_000

_Result = TypeVar("_Result")
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


def restore(source: Path, url: str, options: StoreOptions = DEFAULT_OPTIONS, *, force: bool = False) -> None:
    """Put the backup in the folder `source` into the empty database at `url`.

    Every checksum is compared first. Raises `RestoreRefused` for a damaged backup, where there is a store already,
    and, unless forced, where the heads that are mirrored here know of entries that the backup lacks. A forced restore
    records in the chains that entries were lost.
    """
    manifest = read_manifest(source)
    if manifest.schema > SCHEMA_VERSION:
        raise RestoreRefused(f"{source} was made by a newer version of this program: use that one to restore it")
    if any(file_name(name) not in manifest.files for name in COPIED):
        raise RestoreRefused(f"{source} is no backup of a store on MongoDB")
    _run(_restore(source, manifest, url, options, force=force))


def accept_loss(url: str, reason: str, options: StoreOptions = DEFAULT_OPTIONS) -> list[str]:
    """Record in every chain that does not reach its mirrored head that the loss is accepted, and why; these chains.

    Raises ValueError without a reason, `StoreRefused` while a server has the store open.
    """
    if not reason.strip():
        raise ValueError("a loss is accepted with a reason")
    return _run(_accept_loss(url, reason, options))


def _run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run to the end, in an event loop of its own, whether or not the caller has one."""
    with ThreadPoolExecutor(1, "store-restore") as thread:
        return thread.submit(asyncio.run, work).result()


async def _restore(source: Path, manifest: Manifest, url: str, options: StoreOptions, *, force: bool) -> None:
    name = await database_name(url)
    heads = heads_folder(name, options)
    behind = _behind(source, heads)
    if behind and not force:
        raise RestoreRefused(
            f"the backup lacks what was written after it: {'; '.join(behind)}. Restore a later backup, or force this"
            " one: what it lacks is then lost, and the loss is recorded"
        )
    async with _connected(url) as client:
        await check_server(client)
        database = client.get_database(name, write_concern=DURABLE)
        if taken := set(await database.list_collection_names()) & set(COLLECTIONS):
            raise RestoreRefused(f"{name} has {', '.join(sorted(taken))} already: name a database without a store")
        make_folder(heads)
        for collection in COPIED:
            if collection != META:
                await _fill(database, collection, source / file_name(collection))
        await _begin_new_life(database, source, manifest, heads, options)


async def _accept_loss(url: str, reason: str, options: StoreOptions) -> list[str]:
    name = await database_name(url)
    async with _connected(url) as client:
        await check_server(client)
        database = client.get_database(name, write_concern=DURABLE)
        store = await database[META].find_one({"_id": STORE})
        if store is None:
            raise StoreRefused(f"there is no store in {name}: restore a backup")
        if (marker := read_marker(store.get(MIGRATION))) is not None:
            raise unfinished(name, marker)
        if await database[SLOT].find_one({"$expr": {"$gt": ["$until", "$$NOW"]}}) is not None:
            raise StoreRefused(f"a server has {name} open, or was killed within the last minute: stop it first")
        lost = await accept(database, heads_folder(name, options), reason, options.clock())
        if lost:
            await database[META].update_one({"_id": STORE}, {"$set": {"epoch": new_epoch()}})
        return lost


class _connected:
    """A client for the time of a block; what the database says against it is a refusal."""

    def __init__(self, url: str) -> None:
        self._client = open_client(url)

    async def __aenter__(self) -> Client:
        return self._client

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await self._client.close()
        if isinstance(error, PyMongoError):
            raise StoreRefused(f"the database refused ({type(error).__name__}); nothing is usable yet") from error


def _behind(source: Path, heads: Path) -> list[str]:
    """How the chains in the backup differ from what their mirrored heads here say."""
    faults: list[str] = []
    wanted: dict[str, tuple[str, Head]] = {}
    for chain in mirrored_chains(heads):
        try:
            mirrored = HeadFile(heads, chain).read() or EMPTY
        except ValueError as error:
            faults.append(str(error))
            continue
        if mirrored != EMPTY:
            wanted[entry_id(chain, mirrored.sequence)] = (chain, mirrored)
    for document in _documents(source / file_name(AUDIT)):
        chain, mirrored = wanted.pop(document["_id"], ("", EMPTY))
        if chain and document["h"] != mirrored.hash:
            faults.append(f"the chain {chain} differs from its mirrored head at entry {mirrored.sequence}")
    return faults + [
        f"the chain {chain} ends before entry {mirrored.sequence}, which had been written"
        for chain, mirrored in wanted.values()
    ]


def _documents(path: Path) -> Iterator[RawBSONDocument]:
    with path.open("rb") as file:
        yield from decode_file_iter(file, codec_options=_RAW)


async def _fill(database: Database, collection: str, path: Path) -> None:
    await database.create_collection(collection)
    batch: list[Any] = []
    for document in _documents(path):
        batch.append(document)
        if len(batch) == BATCH:
            await database[collection].insert_many(batch, ordered=False)
            batch = []
    if batch:
        await database[collection].insert_many(batch, ordered=False)


async def _begin_new_life(
    database: Database, source: Path, manifest: Manifest, heads: Path, options: StoreOptions
) -> None:
    """Record in the chains what they lack, mirror their heads, and let older snapshots expire. `meta` comes last: until
    it is there, there is no store."""
    for chain, copied in manifest.heads.items():
        mirror = HeadFile(heads, chain)
        if not mirror.path.exists():
            _mirror(mirror, Head(copied.sequence, bytes.fromhex(copied.hash)))
    await make_collections(database, counter=False)
    await accept(database, heads, f"restored from the backup made at {manifest.made_ms} ms", options.clock())
    for chain in mirrored_chains(heads):
        _mirror(HeadFile(heads, chain), await tail(database, chain))
    for document in _documents(source / file_name(META)):
        fresh = dict(document)
        if fresh["_id"] == STORE:
            fresh |= {"epoch": new_epoch(), "slots": 0}
        await database[META].insert_one(fresh)


def _mirror(mirror: HeadFile, head: Head) -> None:
    mirror.write(head)
    mirror.sync()
    mirror.close()
