"""Putting a backup back, and accepting a loss."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import apsw

from fhir_server.store.backups import Manifest, read_manifest
from fhir_server.store.chain import Head, HeadFile, mirrored_chains
from fhir_server.store.migration.contract import read_marker, unfinished
from fhir_server.store.options import DEFAULT_OPTIONS, RestoreRefused, StoreOptions, StoreRefused
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.audit import links, loss
from fhir_server.store.sqlite.audit.links import STORE_CHAIN
from fhir_server.store.sqlite.audit.search import chain_files
from fhir_server.store.sqlite.audit.worker import make_chain_file
from fhir_server.store.sqlite.connection import open_connection, require_engine
from fhir_server.store.sqlite.files import Files
from fhir_server.store.sqlite.lock import WriteLock, slots_taken
from fhir_server.store.sqlite.opening import new_epoch
from fhir_server.store.sqlite.upkeep.backup import AUDIT, DATABASE


def restore(source: Path, target: Path, options: StoreOptions = DEFAULT_OPTIONS, *, force: bool = False) -> None:
    """Put the backup in the folder `source` at the database path `target`.

    Every checksum is compared first. Raises `RestoreRefused` for a damaged backup, where there is a database already,
    and, unless forced, where the mirrored heads at the target know of entries that the backup lacks. A forced restore
    records in the chains that entries were lost.
    """
    require_engine()
    manifest = read_manifest(source)
    if manifest.schema > schema.SCHEMA_VERSION:
        raise RestoreRefused(f"{source} was made by a newer version of this program: use that one to restore it")
    files = Files(target, options.heads)
    _require_room(files)
    behind = [fault for chain in mirrored_chains(files.heads) for fault in _behind(source, files.heads, chain)]
    if behind and not force:
        raise RestoreRefused(
            f"the backup lacks what was written after it: {'; '.join(behind)}. Restore a later backup, or force this"
            " one: what it lacks is then lost, and the loss is recorded"
        )
    files.make_folders()
    _copy_files(source, manifest, files)
    _begin_new_life(files, manifest, options)


def accept_loss(path: Path, reason: str, options: StoreOptions = DEFAULT_OPTIONS) -> list[str]:
    """Record in every chain that does not reach its mirrored head that the loss is accepted, and why; these chains.

    Raises ValueError without a reason, `StoreRefused` while a server has the store open.
    """
    if not reason.strip():
        raise ValueError("a loss is accepted with a reason")
    files = Files(path, options.heads)
    if not files.database.exists():
        raise StoreRefused(f"there is no store at {files.database}: restore a backup")
    if slots_taken(files.audit):
        raise StoreRefused(f"a server has {files.database} open: stop it first")
    with _locked(files):
        _require_whole(files)
        return _accept(files, reason, options.clock())


def _require_whole(files: Files) -> None:
    with closing(open_connection(files.database)) as connection:
        marker = read_marker(schema.get(connection, schema.MIGRATION))
    if marker is not None:
        raise unfinished(str(files.database), marker)


def _require_room(files: Files) -> None:
    taken = [path for path in (files.database, *chain_files(files.audit).values()) if path.exists()]
    if taken:
        raise RestoreRefused(f"{taken[0]} exists: move the old store away first")


def _behind(source: Path, heads: Path, chain: str) -> Iterator[str]:
    """How the chain in the backup differs from what its mirrored head at the target says."""
    copy = source / DATABASE if chain == STORE_CHAIN else source / AUDIT / f"{chain}.db"
    try:
        mirrored = HeadFile(heads, chain).read()
    except ValueError as error:
        yield str(error)
        return
    if mirrored is None or mirrored.sequence == 0:
        return
    if not copy.exists():
        yield f"the chain {chain} has {mirrored.sequence} entries"
        return
    with closing(_open_copy(copy)) as connection:
        fault = links.head_fault(connection, mirrored, links.tail(connection))
    if fault is not None:
        yield f"the chain {chain} {fault}"


def _open_copy(path: Path) -> apsw.Connection:
    """A connection to a file of a backup that leaves it as it is."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(f"file:{quote(str(path.resolve()))}?immutable=1", flags=flags)


def _copy_files(source: Path, manifest: Manifest, files: Files) -> None:
    """The database last: until it is there, there is no store."""
    for name in sorted(manifest.files, key=lambda name: name == DATABASE):
        place = files.database if name == DATABASE else files.audit / Path(name).name
        part = place.with_name(place.name + ".part")
        shutil.copyfile(source / name, part)
        part.chmod(0o600)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(place)


def _begin_new_life(files: Files, manifest: Manifest, options: StoreOptions) -> None:
    """Record in the chains what they lack, mirror their heads, and let older snapshots expire."""
    for chain in sorted({*mirrored_chains(files.heads)} - {STORE_CHAIN, *chain_files(files.audit)}):
        make_chain_file(files.audit / f"{chain}.db").close()
    for chain, copied in manifest.heads.items():
        mirror = HeadFile(files.heads, chain)
        if not mirror.path.exists():
            mirror.write(Head(copied.sequence, bytes.fromhex(copied.hash)))
            mirror.sync()
        mirror.close()
    with _locked(files):
        _accept(files, f"restored from the backup made at {manifest.made_ms} ms", options.clock(), restored=True)


@contextmanager
def _locked(files: Files) -> Iterator[None]:
    lock = WriteLock(files.database)
    try:
        with lock:
            yield
    finally:
        lock.close()


def _accept(files: Files, reason: str, now_ms: int, *, restored: bool = False) -> list[str]:
    lost = []
    for chain in (STORE_CHAIN, *sorted({*mirrored_chains(files.heads), *chain_files(files.audit)} - {STORE_CHAIN})):
        with closing(_open_chain(files, chain)) as connection:
            mirror = HeadFile(files.heads, chain)
            if loss.accept(connection, mirror, reason, now_ms):
                lost.append(chain)
            if chain == STORE_CHAIN and (lost or restored):
                schema.put(connection, "epoch", new_epoch())
            mirror.write(links.tail(connection))
            mirror.sync()
            mirror.close()
    return lost


def _open_chain(files: Files, chain: str) -> apsw.Connection:
    if chain == STORE_CHAIN:
        return open_connection(files.database)
    return make_chain_file(files.audit / f"{chain}.db")
