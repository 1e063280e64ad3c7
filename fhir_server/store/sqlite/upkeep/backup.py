"""Backups: an exact copy of every file while the server works, and putting one back.

The main database is copied first: the workers' chains are then ahead of the checkpoints in it, never behind. Checksums
and heads go into `manifest.json`, which is written last: a folder without it is no backup.
"""

import hashlib
import os
from pathlib import Path

import apsw
import msgspec

from fhir_server.store.options import RestoreRefused
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.audit.search import chain_files
from fhir_server.store.sqlite.audit.worker import open_chain_file
from fhir_server.store.sqlite.connection import open_connection, run_script
from fhir_server.store.sqlite.files import Files, make_folder

MANIFEST = "manifest.json"
DATABASE = "store.db"
AUDIT = "audit"
STEP_PAGES = 2_000


class CopiedHead(msgspec.Struct, frozen=True):
    """The last entry of a chain in the backup."""

    sequence: int
    hash: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds: each file's SHA-256 by its path in the folder, and the heads of the chains."""

    made_ms: int
    schema: int
    files: dict[str, str]
    heads: dict[str, CopiedHead]


def back_up(files: Files, target: Path, now_ms: int) -> None:
    """Copy the store into the folder `target`, which is made, or is empty. Raises FileExistsError where it is not."""
    make_folder(target)
    if any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty; a backup needs a folder of its own")
    make_folder(target / AUDIT)
    heads = {links.STORE_CHAIN: _copy(open_connection(files.database), target / DATABASE)}
    for name, path in chain_files(files.audit).items():
        worker = open_chain_file(path)
        if worker is not None:
            heads[name] = _copy(worker, target / AUDIT / path.name)
    sums = {str(path.relative_to(target)): checksum(path) for path in sorted(target.rglob("*.db"))}
    manifest = Manifest(now_ms, schema.SCHEMA_VERSION, sums, heads)
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    _write_durably(target / MANIFEST, text + b"\n")


def _copy(source: apsw.Connection, path: Path) -> CopiedHead:
    """Copy a database as it stands at one moment, in steps, so that others go on."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    target = apsw.Connection(str(path))
    try:
        run_script(target, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")
        source.execute("BEGIN")
        head = links.tail(source)
        with target.backup("main", source, "main") as copy:
            while not copy.done:
                copy.step(STEP_PAGES)
        source.execute("COMMIT")
    finally:
        target.close()
        source.close()
    _make_durable(path)
    return CopiedHead(head.sequence, head.hash.hex())


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def read_manifest(source: Path) -> Manifest:
    """The manifest of a backup whose files are all there, unchanged. Raises `RestoreRefused`."""
    try:
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise RestoreRefused(f"{source} holds no complete backup: its {MANIFEST} cannot be read") from error
    for name, expected in manifest.files.items():
        path = source / name
        if ".." in Path(name).parts or not path.is_file() or checksum(path) != expected:
            raise RestoreRefused(f"{name} in {source} is missing or was changed since the backup was made")
    return manifest


def _make_durable(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _write_durably(path: Path, content: bytes) -> None:
    """Write a file under another name first, so that it is there whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    _make_durable(path.parent)
