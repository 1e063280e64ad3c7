"""Opening the store that a URL names."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from fhir_server.store.contract import Store
from fhir_server.store.migration.contract import Condition, Source, Target
from fhir_server.store.mongodb.own_mongod import MongodFailed, kept_mongod, url_of
from fhir_server.store.options import (
    DEFAULT_OPTIONS,
    RestoreRefused,
    StoreDamaged,
    StoreOptions,
    StoreRefused,
    StoreTooNew,
)
from fhir_server.store.sqlite.migration import source as sqlite_source
from fhir_server.store.sqlite.migration.target import SqliteTarget
from fhir_server.store.sqlite.store import SqliteStore
from fhir_server.store.sqlite.upkeep import restore

__all__ = [
    "IMPLEMENTATIONS",
    "MongodFailed",
    "OwnDatabase",
    "RestoreRefused",
    "StoreDamaged",
    "StoreOptions",
    "StoreRefused",
    "StoreTooNew",
    "accept_loss",
    "examine_store",
    "open_source",
    "open_store",
    "open_target",
    "own_mongodb",
    "restore_store",
    "sqlite_path",
]


class Implementation(NamedTuple):
    """How a kind of store is opened, given a backup back, used on after a loss; what is at a place, and how a record
    moves out of it and into it."""

    open: Callable[[str, StoreOptions], Awaitable[Store]]
    restore: Callable[[Path, str, StoreOptions, bool], None]
    accept_loss: Callable[[str, str, StoreOptions], list[str]]
    examine: Callable[[str, StoreOptions], Awaitable[Condition]]
    source: Callable[[str, StoreOptions], Awaitable[Source]]
    target: Callable[[str, StoreOptions], Awaitable[Target]]


async def _open_sqlite(url: str, options: StoreOptions) -> Store:
    return SqliteStore(sqlite_path(url), options)


def _restore_sqlite(source: Path, url: str, options: StoreOptions, force: bool) -> None:
    restore.restore(source, sqlite_path(url), options, force=force)


def _accept_sqlite(url: str, reason: str, options: StoreOptions) -> list[str]:
    return restore.accept_loss(sqlite_path(url), reason, options)


async def _examine_sqlite(url: str, options: StoreOptions) -> Condition:
    return sqlite_source.examine(sqlite_path(url), options)


async def _source_sqlite(url: str, options: StoreOptions) -> Source:
    return sqlite_source.SqliteSource(sqlite_path(url), options)


async def _target_sqlite(url: str, options: StoreOptions) -> Target:
    return SqliteTarget(sqlite_path(url), options)


async def _open_mongodb(url: str, options: StoreOptions) -> Store:
    from fhir_server.store.mongodb.store import open_mongodb  # the driver is loaded by those who use it

    return await open_mongodb(url, options)


def _restore_mongodb(source: Path, url: str, options: StoreOptions, force: bool) -> None:
    from fhir_server.store.mongodb.upkeep import restore as mongodb_restore

    mongodb_restore.restore(source, url, options, force=force)


def _accept_mongodb(url: str, reason: str, options: StoreOptions) -> list[str]:
    from fhir_server.store.mongodb.upkeep import restore as mongodb_restore

    return mongodb_restore.accept_loss(url, reason, options)


async def _examine_mongodb(url: str, options: StoreOptions) -> Condition:
    from fhir_server.store.mongodb.migration.source import examine

    return await examine(url)


async def _source_mongodb(url: str, options: StoreOptions) -> Source:
    from fhir_server.store.mongodb.migration.source import open_source as open_mongodb_source

    return await open_mongodb_source(url, options)


async def _target_mongodb(url: str, options: StoreOptions) -> Target:
    from fhir_server.store.mongodb.migration.target import open_target as open_mongodb_target

    return await open_mongodb_target(url, options)


_SQLITE = Implementation(_open_sqlite, _restore_sqlite, _accept_sqlite, _examine_sqlite, _source_sqlite, _target_sqlite)
_MONGODB = Implementation(
    _open_mongodb, _restore_mongodb, _accept_mongodb, _examine_mongodb, _source_mongodb, _target_mongodb
)

IMPLEMENTATIONS = {"sqlite": _SQLITE, "mongodb": _MONGODB, "mongodb+srv": _MONGODB}
"""The stores, by the scheme of their URLs."""


async def open_store(url: str, options: StoreOptions = DEFAULT_OPTIONS) -> Store:
    """Open the store at `url` (`sqlite:///PATH`; four slashes begin an absolute path; or `mongodb://HOST/DATABASE`),
    which is made if it is new.

    Raises ValueError for a URL that names no store, `StoreRefused` where the store cannot be opened safely.
    """
    return await _implementation(url).open(url, options)


def restore_store(source: Path, url: str, *, heads: Path | None = None, force: bool = False) -> None:
    """Put the backup in the folder `source` in the place of the store at `url`, which must not be there.

    `heads`: where the audit heads of that store are mirrored. Raises `RestoreRefused` for a damaged backup, for one
    that is older than those heads unless forced (the loss is then recorded in the chains), and where a store is there.
    """
    _implementation(url).restore(source, url, StoreOptions(heads=heads), force)


async def accept_loss(url: str, heads: Path | None, reason: str) -> list[str]:
    """Record that entries which the audit heads know are lost, so that the store can be opened again; the chains that
    lost some. Raises ValueError without a reason, `StoreRefused` while a server has the store open."""
    options = StoreOptions(heads=heads)
    return await asyncio.to_thread(_implementation(url).accept_loss, url, reason, options)


async def examine_store(url: str, options: StoreOptions = DEFAULT_OPTIONS) -> Condition:
    """What is in the place that a URL names; nothing is made or changed. Raises `StoreRefused` and its kinds for what
    is no store of this version, ValueError for a URL that names no place for one."""
    return await _implementation(url).examine(url, options)


async def open_source(url: str, options: StoreOptions = DEFAULT_OPTIONS) -> Source:
    """Open the store at `url` to move its record out. Raises as `open_store` does."""
    return await _implementation(url).source(url, options)


async def open_target(url: str, options: StoreOptions = DEFAULT_OPTIONS) -> Target:
    """The place at `url` to move a record into; nothing is made yet. Raises `StoreRefused`, ValueError."""
    return await _implementation(url).target(url, options)


def _implementation(url: str) -> Implementation:
    scheme = url.partition("://")[0]
    if scheme not in IMPLEMENTATIONS:
        raise ValueError(f"{scheme!r} is no kind of store; known: {', '.join(sorted(IMPLEMENTATIONS))}")
    return IMPLEMENTATIONS[scheme]


def sqlite_path(url: str) -> Path:
    """The file that a `sqlite:///PATH` names. Raises ValueError for anything else."""
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url == prefix:
        raise ValueError(f"a SQLite store is named sqlite:///PATH, not {url!r}")
    return Path(url.removeprefix(prefix))


class OwnDatabase(NamedTuple):
    """A database on a mongod that was started for it: the URL of the store, and how it is stopped."""

    url: str
    stop: Callable[[], None]


def own_mongodb(folder: Path, database: str = "fhir", cache_gb: float | None = 0.5) -> OwnDatabase:
    """A database on a mongod of our own on the loopback address, with its data in the folder: for `demo` and `bench`.
    `cache_gb`: how much it holds in memory, None: half of what there is. Raises `MongodFailed` where none is here or it
    does not start."""
    member = kept_mongod(folder, cache_gb)
    return OwnDatabase(url_of([member], database), member.stop)
