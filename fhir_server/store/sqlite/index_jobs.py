"""The jobs of indexing anew, as they stand in the store."""

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.index_state import index_rules
from fhir_server.store.values import IndexJob

_COLUMNS = "source, types, done, total, complete"


def add_jobs(connection: apsw.Connection, jobs: Iterable[IndexJob], until: int) -> None:
    """Note what is to be indexed anew: what is there up to this row number. What comes later goes by the new rules."""
    for job in jobs:
        connection.execute(
            "REPLACE INTO index_job(source, types, at, until, done, total, complete) VALUES(?,?,0,?,0,NULL,0)",
            (job.source, " ".join(job.types), until),
        )
        raise_rules(connection)


def raise_rules(connection: apsw.Connection) -> None:
    """From now on entries are made by other rules than before."""
    schema.put(connection, "rules", index_rules(connection) + 1)


def jobs(connection: apsw.Connection) -> Sequence[IndexJob]:
    """The latest job of each source, oldest first."""
    return [_job(*row) for row in connection.execute(f"SELECT {_COLUMNS} FROM index_job ORDER BY seq")]


def job_at(connection: apsw.Connection, seq: int) -> IndexJob | None:
    """The job of this number, None where another has taken its place."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM index_job WHERE seq=?", (seq,)).fetchone()
    return None if row is None else _job(*row)


def _job(source: str, types: str, done: int, total: int | None, complete: Any) -> IndexJob:
    return IndexJob(source, tuple(types.split()), done, total, bool(complete))
