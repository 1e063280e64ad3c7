"""Opening the store that a URL names."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from fhir_server.store.contract import Store
from fhir_server.store.options import (
    DEFAULT_OPTIONS,
    RestoreRefused,
    StoreDamaged,
    StoreOptions,
    StoreRefused,
    StoreTooNew,
)
from fhir_server.store.sqlite.store import SqliteStore
from fhir_server.store.sqlite.upkeep import restore

__all__ = [
    "IMPLEMENTATIONS",
    "RestoreRefused",
    "StoreDamaged",
    "StoreOptions",
    "StoreRefused",
    "StoreTooNew",
    "accept_loss",
    "open_store",
    "restore_store",
    "sqlite_path",
]


class Implementation(NamedTuple):
    """How a kind of store is opened, given a backup back, and used on after a loss."""

    open: Callable[[str, StoreOptions], Awaitable[Store]]
    restore: Callable[[Path, str, StoreOptions, bool], None]
    accept_loss: Callable[[str, str, StoreOptions], list[str]]


async def _open_sqlite(url: str, options: StoreOptions) -> Store:
    return SqliteStore(sqlite_path(url), options)


def _restore_sqlite(source: Path, url: str, options: StoreOptions, force: bool) -> None:
    restore.restore(source, sqlite_path(url), options, force=force)


def _accept_sqlite(url: str, reason: str, options: StoreOptions) -> list[str]:
    return restore.accept_loss(sqlite_path(url), reason, options)


IMPLEMENTATIONS = {"sqlite": Implementation(_open_sqlite, _restore_sqlite, _accept_sqlite)}
"""The stores, by the scheme of their URLs."""


async def open_store(url: str, options: StoreOptions = DEFAULT_OPTIONS) -> Store:
    """Open the store at `url` (`sqlite:///PATH`; four slashes begin an absolute path), which is made if it is new.

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
    return await asyncio.to_thread(_implementation(url).accept_loss, url, reason, StoreOptions(heads=heads))


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
