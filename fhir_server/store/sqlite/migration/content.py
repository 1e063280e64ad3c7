"""What an embedded store keeps, read in a fixed order. See `store/migration/contract.py`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import apsw

from fhir_server.store.chain import EMPTY, Head, Link
from fhir_server.store.migration.contract import MOST_HOLDS, MOST_VERSIONS, Hold, KeptVersion, Part, Standing
from fhir_server.store.sqlite.audit import links
from fhir_server.store.sqlite.audit.links import STORE_CHAIN
from fhir_server.store.sqlite.audit.search import chain_files
from fhir_server.store.sqlite.audit.worker import open_chain_file
from fhir_server.store.sqlite.files import Files
from fhir_server.store.sqlite.index_jobs import jobs
from fhir_server.store.sqlite.index_state import index_rules
from fhir_server.store.sqlite.queries.reads import whole_version
from fhir_server.store.values import IndexJob

_VERSIONS = """SELECT v.vid, v.replaced, v.type, v.id, v.version, b.last_updated, b.method, b.patients, b.checksum,
 b.bytes FROM version v CROSS JOIN body b ON b.vid=v.vid WHERE v.vid>? ORDER BY v.vid LIMIT ?"""
_HOLDS = "SELECT key, type, id FROM holds WHERE key>? ORDER BY key LIMIT ?"
_EXTENT = "SELECT coalesce(max(vid), 0), count(*) FROM version"


Ask = Callable[[Callable[[apsw.Connection], Any]], Awaitable[Any]]
"""Runs a question on a connection."""


class SqliteContent:
    """See `contract.Content`."""

    def __init__(self, files: Files, ask: Ask) -> None:
        self.files = files
        self._ask = ask

    async def standing(self) -> Standing:
        def standing(connection: apsw.Connection) -> Standing:
            place, count = connection.execute(_EXTENT).get
            return Standing(place, count, self._heads(connection), index_rules(connection))

        found: Standing = await self._ask(standing)
        return found

    async def heads(self) -> Mapping[str, Head]:
        found: Mapping[str, Head] = await self._ask(self._heads)
        return found

    def _heads(self, connection: apsw.Connection) -> dict[str, Head]:
        heads = {STORE_CHAIN: links.tail(connection)}
        for name, path in chain_files(self.files.audit).items():
            chain = open_chain_file(path)
            if chain is not None:
                with closing(chain):
                    heads[name] = links.tail(chain)
        return {name: head for name, head in heads.items() if head != EMPTY}

    async def versions(self, after: int = -1) -> AsyncIterator[Sequence[KeptVersion]]:
        while part := await self._ask(partial(_part_after, place=after)):
            yield part
            after = part[-1].place

    async def holds(self) -> AsyncIterator[Sequence[Hold]]:
        last = ""
        while part := await self._ask(partial(_holds_after, key=last)):
            yield part
            last = part[-1].key

    async def links(self, chain: str, after: int, count: int) -> Sequence[Link]:
        def ask(connection: apsw.Connection) -> list[Link]:
            if chain == STORE_CHAIN:
                return links.links_after(connection, after, count)
            file = open_chain_file(self.files.audit / f"{chain}.db")
            if file is None:
                return []
            with closing(file):
                return links.links_after(file, after, count)

        found: list[Link] = await self._ask(ask)
        return found

    async def index_jobs(self) -> Sequence[IndexJob]:
        found: Sequence[IndexJob] = await self._ask(jobs)
        return found


def _part_after(connection: apsw.Connection, place: int) -> list[KeptVersion]:
    part = Part()
    for kept in _versions_after(connection, place):
        if not part.takes(kept):
            break
    return part.versions


def _versions_after(connection: apsw.Connection, place: int) -> Iterator[KeptVersion]:
    """Here the row number is the place, and the number in the outbox."""
    for vid, replaced, type, id, *columns in connection.execute(_VERSIONS, (place, MOST_VERSIONS)):
        yield KeptVersion(vid, whole_version(type, id, columns), replaced, vid)


def _holds_after(connection: apsw.Connection, key: str) -> list[Hold]:
    return [Hold(*row) for row in connection.execute(_HOLDS, (key, MOST_HOLDS))]
