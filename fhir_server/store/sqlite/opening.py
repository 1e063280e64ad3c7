"""Opening the database: made if it is new, upgraded if it is old, refused if it is newer or has lost something."""

import secrets
from pathlib import Path

import apsw

from fhir_server.store.chain import HeadFile, mirrored_chains
from fhir_server.store.migration.contract import read_marker, unfinished
from fhir_server.store.options import StoreDamaged, StoreOptions
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.audit.links import STORE_CHAIN, require_head, require_nothing_lost
from fhir_server.store.sqlite.audit.worker import open_chain_file
from fhir_server.store.sqlite.connection import (
    damaged,
    open_connection,
    require_engine,
    roll_back,
    run_script,
    use_write_ahead_log,
)
from fhir_server.store.sqlite.files import Files
from fhir_server.store.sqlite.index_state import index_version
from fhir_server.store.sqlite.lock import WriteLock


def open_database(files: Files, options: StoreOptions) -> apsw.Connection:
    """A connection to the database, which is then ready for use. Raises `StoreRefused` and its kinds."""
    require_engine()
    files.make_folders()
    lock = WriteLock(files.database)
    try:
        with lock:
            return _checked(files, options)
    finally:
        lock.close()


def _checked(files: Files, options: StoreOptions) -> apsw.Connection:
    try:
        connection = open_connection(files.database, max_pages=options.max_pages)
        try:
            _make_ready(connection, files, options)
        except BaseException:
            connection.close()
            raise
    except apsw.Error as error:
        raise damaged(files.database, error) from error
    return connection


def _make_ready(connection: apsw.Connection, files: Files, options: StoreOptions) -> None:
    if schema.is_empty(connection):
        _create(connection, options)
    elif connection.execute("PRAGMA application_id").get != schema.APPLICATION_ID:
        raise StoreDamaged(f"{files.database} is not a store of this program")
    version = schema.check_version(connection, str(files.database))
    marker = read_marker(schema.get(connection, schema.MIGRATION))
    if marker is not None:
        raise unfinished(str(files.database), marker)
    check_heads(connection, files)
    schema.upgrade(connection, version)


def _create(connection: apsw.Connection, options: StoreOptions) -> None:
    use_write_ahead_log(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        schema.create(connection, options.clock(), new_epoch(), index_version(options))
        connection.execute("COMMIT")
    finally:
        roll_back(connection)
    run_script(connection, f"PRAGMA application_id={schema.APPLICATION_ID}")


def new_epoch() -> str:
    """Names one life of a store: snapshots of the life before a restore mean nothing in the next."""
    return secrets.token_hex(6)


def check_heads(connection: apsw.Connection, files: Files) -> None:
    """Raise `StoreDamaged` unless every chain has the entry that its mirrored head names."""
    require_head(connection, HeadFile(files.heads, STORE_CHAIN), STORE_CHAIN)
    for chain in mirrored_chains(files.heads):
        if chain != STORE_CHAIN:
            _check_worker(files.audit / f"{chain}.db", HeadFile(files.heads, chain), chain)


def _check_worker(path: Path, mirror: HeadFile, chain: str) -> None:
    try:
        worker = open_chain_file(path)
    except apsw.Error as error:
        raise damaged(path, error) from error
    if worker is None:
        require_nothing_lost(mirror, chain)
        return
    try:
        require_head(worker, mirror, chain)
    finally:
        worker.close()
