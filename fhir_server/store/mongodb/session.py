"""A session on the store on MongoDB: what a request may do, under one access filter."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING

from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.criteria import AuditQuery, HistoryQuery, Query, SystemQuery
from fhir_server.store.mongodb.audit.search import read_audit, search_audit
from fhir_server.store.mongodb.commits.prepare import prepare
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
    from fhir_server.store.mongodb.store import MongoStore


class MongoSession:
    """See `contract.Session`."""

    __slots__ = ("_access", "_store")

    def __init__(self, store: "MongoStore", access: AccessFilter) -> None:
        self._store = store
        self._access = EVERYTHING if access == EVERYTHING else access

    async def snapshot(self) -> Snapshot:
        return await self._store.questions.snapshot()

    async def read(self, type: str, id: str) -> Version | None:
        return await self._store.questions.read(self._access, type, id)

    async def read_version(self, type: str, id: str, version: int) -> Version | None:
        return await self._store.questions.read_version(self._access, type, id, version)

    async def search(self, query: Query | SystemQuery, along: Page | None = None) -> Page:
        return await self._store.questions.search(self._access, query, along)

    async def count(self, query: Query | SystemQuery) -> int:
        return await self._store.questions.count(self._access, query)

    async def estimate(self, query: Query | SystemQuery) -> int:
        return await self._store.questions.estimate(self._access, query)

    async def explain(self, query: Query | SystemQuery) -> Explanation:
        return await self._store.questions.explain(self._access, query)

    async def history(self, query: HistoryQuery) -> Page:
        return await self._store.questions.history(self._access, query)

    async def count_history(self, query: HistoryQuery) -> int:
        return await self._store.questions.count_history(self._access, query)

    async def holders(self, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        return await self._store.questions.holders(self._access, keys)

    async def withheld(self, patient: str) -> bool:
        return await self._store.questions.withheld(self._access, patient)

    async def commit(self, commit: Commit) -> Committed:
        store = self._store
        prepared = await prepare(store.database, store.epoch, commit, self._access)
        return await store.writer.commit(prepared)

    def record(self, entry: AuditEntry) -> Awaitable[None]:
        return self._store.recorder.record(entry)

    async def read_audit(self, id: str) -> RecordedAudit | None:
        return await read_audit(self._store.database, self._access, id)

    async def search_audit(self, query: AuditQuery) -> AuditPage:
        return await search_audit(self._store.database, self._access, query, self._store.options)
