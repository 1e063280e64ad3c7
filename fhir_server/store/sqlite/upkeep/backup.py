"""Backups: an exact copy of every file while the server works, and putting one back.

The main database is copied first: the workers' chains are then ahead of the checkpoints in it, never behind. Checksums
and heads go into `manifest.json`, which is written last: a folder without it is no backup.
"""

import os
from pathlib import Path

import apsw

from fhir_server.store.backups import (
    CopiedHead,
    Manifest,
    checksum,
    make_durable,
    make_empty_folder,
    make_folder,
    write_manifest,
)
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.audit.search import chain_files
from fhir_server.store.sqlite.audit.worker import open_chain_file
from fhir_server.store.sqlite.connection import open_connection, run_script
from fhir_server.store.sqlite.files import Files

DATABASE = "store.db"
AUDIT = "audit"
STEP_PAGES = 2_000


def back_up(files: Files, target: Path, now_ms: int) -> None:
    """Copy the store into the folder `target`, which is made, or is empty. Raises FileExistsError where it is not."""
    make_empty_folder(target)
    make_folder(target / AUDIT)
    heads = {links.STORE_CHAIN: _copy(open_connection(files.database), target / DATABASE)}
    for name, path in chain_files(files.audit).items():
        worker = open_chain_file(path)
        if worker is not None:
            heads[name] = _copy(worker, target / AUDIT / path.name)
    sums = {str(path.relative_to(target)): checksum(path) for path in sorted(target.rglob("*.db"))}
    write_manifest(target, Manifest(now_ms, schema.SCHEMA_VERSION, sums, heads))


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
    make_durable(path)
    return CopiedHead(head.sequence, head.hash.hex())
