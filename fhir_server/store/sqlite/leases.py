"""Leases, by which several processes share background jobs, and secrets, which all of them know."""

from secrets import token_bytes

import apsw

from fhir_server.store.sqlite.connection import roll_back
from fhir_server.store.sqlite.lock import WriteLock


def acquire(connection: apsw.Connection, name: str, holder: str, seconds: float, now_ms: int) -> bool:
    """Whether `holder` has the lease from now on, for so many seconds."""
    row = connection.execute("SELECT holder, until_ms FROM leases WHERE name=?", (name,)).fetchone()
    if row is not None and row[0] != holder and row[1] > now_ms:
        return False
    connection.execute("REPLACE INTO leases VALUES(?,?,?)", (name, holder, now_ms + int(seconds * 1000)))
    return True


def release(connection: apsw.Connection, name: str, holder: str) -> None:
    """Give the lease back, if it is this holder's."""
    connection.execute("DELETE FROM leases WHERE name=? AND holder=?", (name, holder))


def secret(connection: apsw.Connection, lock: WriteLock, name: str, size: int) -> bytes:
    """The secret of this name, made on first use. Raises ValueError where it has another size."""
    value = _known(connection, name)
    if value is None:
        with lock:
            value = _make(connection, name, size)
    if len(value) != size:
        raise ValueError(f"the secret {name!r} has {len(value)} bytes, not {size}")
    return value


def _known(connection: apsw.Connection, name: str) -> bytes | None:
    value: bytes | None = connection.execute("SELECT value FROM secrets WHERE name=?", (name,)).get
    return value


def _make(connection: apsw.Connection, name: str, size: int) -> bytes:
    connection.execute("BEGIN IMMEDIATE")
    try:
        value = _known(connection, name)
        if value is None:
            value = token_bytes(size)
            connection.execute("INSERT INTO secrets VALUES(?,?)", (name, value))
        connection.execute("COMMIT")
    finally:
        roll_back(connection)
    return value
