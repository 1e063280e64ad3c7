"""Connections: which SQLite, with which settings, and what its errors mean to the caller."""

import os
from contextlib import suppress
from pathlib import Path

import apsw

from fhir_server.outcome import FhirError, StoreFull, TooCostly, Unavailable
from fhir_server.store.options import StoreDamaged, StoreRefused
from fhir_server.store.sqlite.functions import add_functions

OLDEST_ENGINE = (3, 54, 0)
"""Older ones can corrupt a WAL database under several connections (fixed in 3.51.3), or lack what is used here."""

CHECKPOINT_PAGES = 10_000
BUSY_MS = 10_000

_SETTINGS = f"""
PRAGMA synchronous=FULL;
PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES};
PRAGMA journal_size_limit={128 << 20};
PRAGMA temp_store=MEMORY;
PRAGMA cell_size_check=ON;
PRAGMA trusted_schema=OFF;
"""


def require_engine() -> None:
    """Raise `StoreRefused` unless the SQLite that apsw carries is new enough and safe to use from threads."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < OLDEST_ENGINE:
        wanted = ".".join(map(str, OLDEST_ENGINE))
        raise StoreRefused(f"SQLite {apsw.sqlite_lib_version()} is too old: {wanted} or later is needed (update apsw)")
    if "THREADSAFE=1" not in apsw.compile_options:
        raise StoreRefused("this SQLite was built without thread safety (install the apsw wheel)")


def open_connection(path: Path, *, cache_kib: int = 16_384, max_pages: int | None = None) -> apsw.Connection:
    """A connection with the settings that every part relies on. The file is made, for its owner only, if absent.

    Closing it never checkpoints: a store that is refused must stay as it was found. The planner may not look at bound
    values (QPSG): it would compile statements anew at each execution.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = apsw.Connection(str(path), statementcachesize=256)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.set_busy_timeout(BUSY_MS)
    add_functions(connection)
    run_script(connection, _SETTINGS)
    run_script(connection, f"PRAGMA cache_size=-{cache_kib}")
    if max_pages is not None:
        run_script(connection, f"PRAGMA max_page_count={max_pages};")
    return connection


def close_tidily(connection: apsw.Connection) -> None:
    """Close, with the log brought into the database where nobody else is using it."""
    connection.set_busy_timeout(0)
    with suppress(apsw.Error):
        run_script(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def use_write_ahead_log(connection: apsw.Connection) -> None:
    """Switch the database to write-ahead logging; it stays so."""
    if connection.execute("PRAGMA journal_mode=WAL").get != "wal":
        raise StoreRefused("the file system does not support SQLite's write-ahead log (it needs shared memory)")


def run_script(connection: apsw.Connection, script: str) -> None:
    """Run several statements. apsw stops at the first that gives a row until its rows are read: so read them all."""
    for _ in connection.execute(script):
        pass


def roll_back(connection: apsw.Connection) -> None:
    """End a transaction that failed; SQLite may have ended it itself."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def refusal(error: Exception) -> FhirError:
    """What an error of the engine means to the caller; the cause is kept for the log, never shown."""
    if isinstance(error, FhirError):
        return error
    if isinstance(error, apsw.FullError):
        return StoreFull("the store has no room left; nothing was written")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Unavailable("the store is damaged and must be restored or repaired")
    if isinstance(error, apsw.SQLError) and "too " in str(error):
        return TooCostly("the search asks for too many things at once")
    return Unavailable("the store cannot be reached")


def damaged(path: Path, error: Exception) -> StoreDamaged:
    """The refusal to open a database that SQLite cannot read."""
    return StoreDamaged(f"{path} cannot be read ({error}): restore a backup")
