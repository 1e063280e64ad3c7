"""An embedded store that a record moves out of."""

from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import apsw

from fhir_server.store.contract import Store
from fhir_server.store.migration.contract import Condition, MigrationRefused, read_marker
from fhir_server.store.options import StoreDamaged, StoreOptions
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.audit.search import chain_files
from fhir_server.store.sqlite.connection import damaged, open_connection, require_engine
from fhir_server.store.sqlite.files import Files
from fhir_server.store.sqlite.lock import slots_taken
from fhir_server.store.sqlite.migration.content import SqliteContent
from fhir_server.store.sqlite.store import SqliteStore

_Result = TypeVar("_Result")


def examine(path: Path, options: StoreOptions) -> Condition:
    """What is at this path; nothing is made or changed. Raises `StoreRefused` and its kinds for what is no store, or
    one of another version."""
    require_engine()
    files = Files(path, options.heads)
    name = str(files.database)
    if not files.database.exists():
        if left := next(iter(chain_files(files.audit).values()), None):
            raise MigrationRefused(f"{left} is there without its store: move it away, or name another place")
        return Condition("sqlite", name, "nothing")
    try:
        with closing(open_connection(files.database)) as connection:
            return _examined(connection, files, name)
    except apsw.Error as error:
        raise damaged(files.database, error) from error


def _examined(connection: apsw.Connection, files: Files, name: str) -> Condition:
    if schema.is_empty(connection):
        return Condition("sqlite", name, "nothing")
    if connection.execute("PRAGMA application_id").get != schema.APPLICATION_ID:
        raise StoreDamaged(f"{name} is not a store of this program")
    version = schema.check_version(connection, name)
    if version < schema.SCHEMA_VERSION:
        raise MigrationRefused(
            f"{name} has schema version {version}, this program {schema.SCHEMA_VERSION}: run"
            f" `fhir-server index build --store sqlite:///{name}` once, which upgrades it"
        )
    marker = read_marker(schema.get(connection, schema.MIGRATION))
    return Condition(
        "sqlite",
        name,
        "store" if marker is None else "unfinished",
        epoch=schema.get(connection, "epoch"),
        marker=marker,
        migrated=read_marker(schema.get(connection, schema.MIGRATED)),
        in_use=slots_taken(files.audit),
    )


class SqliteSource(SqliteContent):
    """See `migration.contract.Source`. While it is open it has a worker's slot, so it counts as in use elsewhere."""

    def __init__(self, path: Path, options: StoreOptions) -> None:
        self._store = SqliteStore(path, options)
        super().__init__(self._store.files, self._patiently)

    def _patiently(self, question: Callable[[apsw.Connection], _Result]) -> Awaitable[_Result]:
        return self._store.readers.ask(question, patient=True)

    @property
    def store(self) -> Store:
        return self._store

    async def in_use(self) -> bool:
        return slots_taken(self.files.audit, but=self._store.worker.name)

    async def close(self) -> None:
        await self._store.close()
