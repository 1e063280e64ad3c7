"""A session on the SQLite store: what a request may do, under one access filter."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import apsw

from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.criteria import AuditQuery, HistoryQuery, Query, SystemQuery
from fhir_server.store.sqlite import schema
from fhir_server.store.sqlite.audit.search import all_chains, read_audit, search_audit
from fhir_server.store.sqlite.commits.prepare import prepare
from fhir_server.store.sqlite.connection import refusal
from fhir_server.store.sqlite.index_state import require_index
from fhir_server.store.sqlite.queries.estimate import estimate
from fhir_server.store.sqlite.queries.explain import explained
from fhir_server.store.sqlite.queries.history import History
from fhir_server.store.sqlite.queries.holders import holders
from fhir_server.store.sqlite.queries.reads import read, read_page
from fhir_server.store.sqlite.queries.search import Search
from fhir_server.store.sqlite.queries.system import SystemSearch, each, search_for
from fhir_server.store.sqlite.queries.withheld import withheld
from fhir_server.store.sqlite.shapes import shape_of
from fhir_server.store.sqlite.state import State, latest_state, state_at
from fhir_server.store.values import (
    AuditEntry,
    AuditPage,
    Commit,
    Committed,
    Explanation,
    Page,
    RecordedAudit,
    Snapshot,
    Version,
)

if TYPE_CHECKING:
    from fhir_server.store.sqlite.store import SqliteStore

_Answer = TypeVar("_Answer")

MOST_PACKED_AT_ONCE = 20
"""Larger commits are made ready in a thread, so that they do not hold up the event loop."""


class SqliteSession:
    """See `contract.Session`. Point reads run where they are called; everything longer in a reader thread."""

    __slots__ = ("_access", "_store")

    def __init__(self, store: "SqliteStore", access: AccessFilter) -> None:
        self._store = store
        self._access = EVERYTHING if access == EVERYTHING else access

    async def snapshot(self) -> Snapshot:
        try:
            return latest_state(self._store.connection).snapshot
        except apsw.Error as error:
            raise refusal(error) from error

    async def read(self, type: str, id: str) -> Version | None:
        return self._read(type, id, None)

    async def read_version(self, type: str, id: str, version: int) -> Version | None:
        return self._read(type, id, version) if 0 < version < 2**63 else None

    def _read(self, type: str, id: str, version: int | None) -> Version | None:
        try:
            return read(self._store.connection, self._access, type, id, version, self._store.index)
        except apsw.Error as error:
            raise refusal(error) from error

    async def search(self, query: Query | SystemQuery, along: Page | None = None) -> Page:
        def ask(connection: apsw.Connection) -> Page:
            state = self._state(connection, query.snapshot, searching=True)
            search = search_for(connection, self._access, state, query)
            found = search.page()
            versions = read_page(connection, self._access, search.type, found.vids)
            return Page(versions, state.snapshot, found.next, found.previous)

        return await self._store.readers.ask(ask, shape=shape_of(query))

    async def count(self, query: Query | SystemQuery) -> int:
        return await self._ask(query, lambda search: search.count())

    async def estimate(self, query: Query | SystemQuery) -> int:
        return await self._ask(query, lambda search: sum(map(estimate, each(search))))

    async def explain(self, query: Query | SystemQuery) -> Explanation:
        return await self._ask(query, explained)

    async def _ask(self, query: Query | SystemQuery, question: Callable[[Search | SystemSearch], _Answer]) -> _Answer:
        def ask(connection: apsw.Connection) -> _Answer:
            state = self._state(connection, query.snapshot, searching=True)
            return question(search_for(connection, self._access, state, query))

        return await self._store.readers.ask(ask, shape=shape_of(query, counted=True))

    async def history(self, query: HistoryQuery) -> Page:
        def ask(connection: apsw.Connection) -> Page:
            state = self._state(connection, query.snapshot)
            found = History(connection, self._access, state, query).page()
            return Page(read_page(connection, self._access, query.type, found.vids), state.snapshot, found.next)

        return await self._store.readers.ask(ask, shape=shape_of(query))

    async def count_history(self, query: HistoryQuery) -> int:
        def ask(connection: apsw.Connection) -> int:
            state = self._state(connection, query.snapshot)
            return History(connection, self._access, state, query).count()

        return await self._store.readers.ask(ask)

    async def holders(self, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        try:
            if self._access is not EVERYTHING:
                require_index(schema.get(self._store.connection, "index"), self._store.index)
            return holders(self._store.connection, self._access, keys)
        except apsw.Error as error:
            raise refusal(error) from error

    async def withheld(self, patient: str) -> bool:
        def ask(connection: apsw.Connection) -> bool:
            self._state(connection, None)
            return withheld(connection, self._access, patient)

        return await self._store.readers.ask(ask)

    def _state(self, connection: apsw.Connection, snapshot: Snapshot | None, *, searching: bool = False) -> State:
        """The state that is asked for; the index must be whole where the answer rests on it."""
        if searching or self._access is not EVERYTHING:
            require_index(schema.get(connection, "index"), self._store.index)
        return state_at(connection, snapshot, self._store.options)

    async def commit(self, commit: Commit) -> Committed:
        if len(commit.writes) > MOST_PACKED_AT_ONCE:
            prepared = await asyncio.to_thread(prepare, commit, self._access)
        else:
            prepared = prepare(commit, self._access)
        return await self._store.writer.commit(prepared)

    def record(self, entry: AuditEntry) -> Awaitable[None]:
        return self._store.worker.record(entry)

    async def read_audit(self, id: str) -> RecordedAudit | None:
        store, access = self._store, self._access

        def ask(connection: apsw.Connection) -> RecordedAudit | None:
            with all_chains(connection, store.files.audit, store.options.search_seconds) as chains:
                return read_audit(chains, access, id)

        return await store.readers.ask(ask)

    async def search_audit(self, query: AuditQuery) -> AuditPage:
        store, access = self._store, self._access

        def ask(connection: apsw.Connection) -> AuditPage:
            with all_chains(connection, store.files.audit, store.options.search_seconds) as chains:
                return search_audit(chains, access, query, store.options.clock())

        return await store.readers.ask(ask)
