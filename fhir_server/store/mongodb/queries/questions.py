"""Every question that a session asks of the store, each answered from one state."""

import time
from collections.abc import Mapping, Sequence

from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.criteria import HistoryQuery, Query, SystemQuery
from fhir_server.store.mongodb.connection import Database
from fhir_server.store.mongodb.queries import reads
from fhir_server.store.mongodb.queries.access_match import row_access
from fhir_server.store.mongodb.queries.estimate import estimate
from fhir_server.store.mongodb.queries.explain import explained
from fhir_server.store.mongodb.queries.history import History
from fhir_server.store.mongodb.queries.ordering import Found
from fhir_server.store.mongodb.queries.resolve import search_for
from fhir_server.store.mongodb.queries.search import Search
from fhir_server.store.mongodb.queries.state import Present, State, States
from fhir_server.store.mongodb.queries.system import SystemSearch, system_search
from fhir_server.store.mongodb.queries.withheld import holders, withheld
from fhir_server.store.options import StoreOptions
from fhir_server.store.values import Explanation, Page, Snapshot, Version


class Questions:
    """The reading half of a session, as `contract.Session` says; one for each open store.

    `index` is the version of the index that this program reads; `history_seconds` how long the database keeps states.
    """

    def __init__(self, database: Database, index: str, options: StoreOptions, history_seconds: int) -> None:
        self._index = index
        self._documents = reads.Documents(database)
        self._states = States(database, index, options, history_seconds)

    async def snapshot(self) -> Snapshot:
        """The state of now."""
        return await self._states.latest()

    async def read(self, access: AccessFilter, type: str, id: str) -> Version | None:
        """The current version, or None where there is none or it may not be seen."""
        return await reads.read(self._documents, access, self._index, type, id)

    async def read_version(self, access: AccessFilter, type: str, id: str, version: int) -> Version | None:
        """One version, where both it and the current one may be seen."""
        return await reads.read_version(self._documents, access, self._index, type, id, version)

    async def search(self, access: AccessFilter, query: Query | SystemQuery, along: Page | None = None) -> Page:
        """One page. Raises `Invalid`, `SnapshotExpired`, `TooCostly`, `Unavailable`."""
        moment = along.moment if along is not None and isinstance(along.moment, Present) else None
        async with self._states.at(query.snapshot, indexed=True, moment=moment) as state:
            search = await _search(state, access, query)
            for part in _each(search):
                part.shown = reads.shown(row_access(access, search.type))
            found = await search.page()
            versions = await _versions(state, access, search, found)
            return Page(versions, state.snapshot, found.next, found.previous, state.moment)

    async def count(self, access: AccessFilter, query: Query | SystemQuery) -> int:
        """How many resources match. Raises as `search` does."""
        async with self._states.at(query.snapshot, indexed=True) as state:
            return await (await _search(state, access, query)).count()

    async def estimate(self, access: AccessFilter, query: Query | SystemQuery) -> int:
        """About how many match; exactly where the filter hides anything. Raises as `search` does."""
        async with self._states.at(query.snapshot, indexed=True) as state:
            search = await _search(state, access, query)
            return sum([await estimate(part) for part in _each(search)])

    async def explain(self, access: AccessFilter, query: Query | SystemQuery) -> Explanation:
        """Runs the search and says how. Raises as `search` does."""
        begin = time.perf_counter_ns()
        async with self._states.at(query.snapshot, indexed=True) as state:
            return await explained(await _search(state, access, query), begin)

    async def history(self, access: AccessFilter, query: HistoryQuery) -> Page:
        """One page of versions. Raises as `search` does."""
        async with self._states.at(query.snapshot, indexed=access != EVERYTHING) as state:
            found = await History(state, access, query).page()
            return Page(found.versions, state.snapshot, found.next)

    async def count_history(self, access: AccessFilter, query: HistoryQuery) -> int:
        """How many versions there are in all. Raises as `search` does."""
        async with self._states.at(query.snapshot, indexed=access != EVERYTHING) as state:
            return await History(state, access, query).count()

    async def holders(self, access: AccessFilter, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """Who holds these unique keys, as far as the filter lets it be known."""
        if not keys:
            return {}
        async with self._states.at(None, indexed=access != EVERYTHING) as state:
            return await holders(state.now, access, keys)

    async def withheld(self, access: AccessFilter, patient: str) -> bool:
        """Whether a current resource in this patient's compartment is hidden or masked."""
        async with self._states.at(None, indexed=access != EVERYTHING) as state:
            return await withheld(state.now, access, patient)


async def _search(state: State, access: AccessFilter, query: Query | SystemQuery) -> Search | SystemSearch:
    if isinstance(query, SystemQuery):
        return await system_search(state, access, query)
    return await search_for(state, access, query)


def _each(search: Search | SystemSearch) -> Sequence[Search]:
    return search.parts if isinstance(search, SystemSearch) else (search,)


async def _versions(
    state: State, access: AccessFilter, search: Search | SystemSearch, found: Found
) -> tuple[Version, ...]:
    ids = [row.id for row in found.rows]
    known = {id: row for part in _each(search) for id, row in part.documents.items()}
    versions = await reads.page_versions(state, row_access(access, search.type), ids, known=known)
    return tuple(versions[id] for id in ids)
