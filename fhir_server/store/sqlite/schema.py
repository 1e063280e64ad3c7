"""The tables, their version, and the steps from each version to the next. docs/store.md explains them by example."""

from collections.abc import Callable
from typing import Any

import apsw

from fhir_server.store.options import StoreTooNew
from fhir_server.store.sqlite.connection import roll_back, run_script
from fhir_server.store.values import Method

APPLICATION_ID = 0x46484952
SCHEMA_VERSION = 2
INDEX_FORMAT = 4
"""The format of packed columns and postings; a change needs the index rebuilt (`reindex.py`)."""

MIGRATION, MIGRATED = "migration", "migrated"
"""Keys of `meta`: the marker of a migration into this store that is not complete, and of one that was completed."""

FOREVER = 2**47 - 1
"""`until_commit` of what has not been superseded."""

METHODS: tuple[Method, ...] = ("create", "update", "delete")
DELETE = 2

AUDIT_TABLES = """
CREATE TABLE audit(
    seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, recorded_ms INTEGER NOT NULL, patients TEXT, body BLOB NOT NULL,
    hash BLOB NOT NULL
);
CREATE VIRTUAL TABLE audit_patient USING fts5(words, content='', detail=none, columnsize=0, tokenize='ascii');
INSERT INTO audit_patient(audit_patient, rank) VALUES('automerge', 8);
"""

SEGMENTS_TO_MERGE = 2
MERGE_EAGERLY = f"INSERT INTO posting(posting, rank) VALUES('usermerge', {SEGMENTS_TO_MERGE});"
"""So many segments of one level of the full-text index are merged while nobody waits (`clean`); while somebody does,
`automerge`"""

INDEX_TABLES = f"""
CREATE VIRTUAL TABLE posting USING fts5(
    hashes, content='', contentless_delete=1, detail=none, tokenize='ascii'
);
INSERT INTO posting(posting, rank) VALUES('automerge', 8);
{MERGE_EAGERLY}
CREATE TABLE date(
    field INTEGER NOT NULL, low INTEGER NOT NULL, vid INTEGER NOT NULL, high INTEGER NOT NULL,
    PRIMARY KEY(field, low, vid, high)
) WITHOUT ROWID;
CREATE INDEX date_high ON date(field, high, vid, low);
CREATE TABLE string(field INTEGER NOT NULL, text TEXT NOT NULL, vid INTEGER NOT NULL, PRIMARY KEY(field, text, vid))
WITHOUT ROWID;
CREATE TABLE number(
    field INTEGER NOT NULL, unit TEXT NOT NULL, low TEXT NOT NULL, vid INTEGER NOT NULL, high TEXT NOT NULL,
    PRIMARY KEY(field, unit, low, vid, high)
) WITHOUT ROWID;
CREATE INDEX number_wide ON number(field, unit, high, vid, low) WHERE low<>high;
CREATE TABLE position(
    field INTEGER NOT NULL, latitude REAL NOT NULL, longitude REAL NOT NULL, vid INTEGER NOT NULL,
    PRIMARY KEY(field, latitude, longitude, vid)
) WITHOUT ROWID;
"""

DROP_INDEX = "".join(
    f"DROP TABLE IF EXISTS {table};" for table in ("posting", "date", "string", "number", "quantity", "position")
)

VOCABULARY = """
CREATE TABLE vocabulary(field INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY(field, text)) WITHOUT ROWID;
"""
"""The different texts of terms. It only grows: a process that has written a text need not ask again."""

INDEX_JOBS = """
CREATE TABLE index_job(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL UNIQUE, types TEXT NOT NULL, at INTEGER NOT NULL,
    until INTEGER NOT NULL, done INTEGER NOT NULL, total INTEGER, complete INTEGER NOT NULL
);
"""
"""What is to be indexed anew because search parameters changed."""

TABLES = f"""
CREATE TABLE meta(key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE commits(seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL);
CREATE TABLE version(
    vid INTEGER PRIMARY KEY, version INTEGER NOT NULL, method INTEGER NOT NULL, indexed INTEGER NOT NULL,
    from_commit INTEGER NOT NULL, until_commit INTEGER NOT NULL, last_updated INTEGER NOT NULL, replaced INTEGER,
    type TEXT NOT NULL, id TEXT NOT NULL, patients TEXT, tokens BLOB NOT NULL, keys BLOB NOT NULL, spans TEXT
);
CREATE UNIQUE INDEX version_key ON version(type, id, version);
CREATE INDEX version_type ON version(type, last_updated, vid, from_commit, until_commit, method);
CREATE INDEX version_superseded ON version(until_commit) WHERE indexed = 1 AND until_commit < {FOREVER};
CREATE TABLE body(
    vid INTEGER PRIMARY KEY, last_updated INTEGER NOT NULL, method INTEGER NOT NULL, checksum INTEGER NOT NULL,
    patients TEXT, bytes BLOB
);
CREATE TABLE claims(key BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE holds(key TEXT PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX holds_of ON holds(type, id);
CREATE TABLE leases(name TEXT PRIMARY KEY, holder TEXT NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE secrets(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE probe(id INTEGER PRIMARY KEY, filler BLOB);
"""

Step = Callable[[apsw.Connection], bool]
"""Does one batch of an upgrade inside a transaction; whether it is finished."""


def _index_every_kind(connection: apsw.Connection) -> bool:
    """From version 1: an empty index in the new tables, which `reindex` then fills, batch by batch."""
    run_script(connection, DROP_INDEX + INDEX_TABLES + VOCABULARY + INDEX_JOBS)
    put(connection, "rules", 0)
    return True


STEPS: dict[int, Step] = {1: _index_every_kind}
"""From each schema version to the next. A step is called, each time in a transaction of its own, until it says that it
is finished; it keeps its place in `meta`, so a kill in between costs one batch."""


def create(connection: apsw.Connection, clock_ms: int, epoch: str, index_version: str) -> None:
    """Make all tables in an empty database, inside the caller's transaction."""
    run_script(connection, TABLES + INDEX_TABLES + VOCABULARY + INDEX_JOBS + AUDIT_TABLES)
    connection.execute("INSERT INTO commits VALUES(0, ?)", (clock_ms,))
    for key, value in (
        ("schema", SCHEMA_VERSION),
        ("epoch", epoch),
        ("index", index_version),
        ("rules", 0),
        ("horizon", 0),
        ("claims_horizon", 0),
    ):
        put(connection, key, value)


def get(connection: apsw.Connection, key: str) -> Any:
    """A value of `meta`, or None."""
    return connection.execute("SELECT value FROM meta WHERE key=?", (key,)).get


def put(connection: apsw.Connection, key: str, value: str | int) -> None:
    """Set a value of `meta`."""
    connection.execute("REPLACE INTO meta VALUES(?, ?)", (key, value))


def is_empty(connection: apsw.Connection) -> bool:
    """Whether the database has no table at all."""
    return bool(connection.execute("SELECT count(*) FROM sqlite_schema").get == 0)


def check_version(connection: apsw.Connection, name: str, known: int = SCHEMA_VERSION) -> int:
    """The schema version of the database. Raises `StoreTooNew` for one from a newer program."""
    version = int(get(connection, "schema"))
    if version > known:
        raise StoreTooNew(
            f"{name} has schema version {version}, this program knows versions up to {known}: "
            "use the newer program, or restore a backup that this one made"
        )
    return version


def upgrade(connection: apsw.Connection, version: int, steps: dict[int, Step] | None = None) -> None:
    """Bring the database to this program's schema version, batch by batch. Safe to interrupt and to run again."""
    table = STEPS if steps is None else steps
    while version in table:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if table[version](connection):
                version += 1
                put(connection, "schema", version)
            connection.execute("COMMIT")
        finally:
            roll_back(connection)
