"""What the server goes by, made anew when search parameters come, change or go.

The store numbers the states of its search parameters. Each request asks for that number; each write is committed only
while the number is the one that its index entries were made by. So all workers go by the same, at once.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import SearchParameter
from fhir_server.pipeline import Serving
from fhir_server.search.custom_parameters import TYPE, by_source, faults, is_active, read
from fhir_server.store.contract import Store
from fhir_server.store.criteria import HistoryQuery
from fhir_server.store.values import Version

log = logging.getLogger("fhir_server")

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_PAGE = 500
_ATTEMPTS = 16

Added = Mapping[str, SearchParameter]
Make = Callable[[Definitions, Added, int], Serving]
"""Makes what requests are carried out with: from the definitions with the additions, these by their source, and the
number of this state"""


class IndexRules:
    """The current `Serving`. One per process."""

    def __init__(self, store: Store, standard: Definitions, make: Make) -> None:
        self._store = store
        self._standard = standard
        self._make = make
        self._number: int | None = None
        self._serving: Serving | None = None

    async def __call__(self) -> Serving:
        """What requests are carried out with now. Raises `Unavailable` where the store cannot be read."""
        number = await self._store.index_rules()
        if self._serving is None or number != self._number:
            return await self._made()
        return self._serving

    async def _made(self) -> Serving:
        """Read anew until nothing changed meanwhile. Another request may do so at the same time: both find the same."""
        for _ in range(_ATTEMPTS):
            number = await self._store.index_rules()
            added = await self._added()
            if await self._store.index_rules() == number:
                break
        definitions = self._standard.with_search_parameters(list(added.values())) if added else self._standard
        self._number, self._serving = number, self._make(definitions, added, number)
        return self._serving

    async def _added(self) -> Added:
        incomplete = {job.source for job in await self._store.index_jobs() if not job.complete}
        usable: list[SearchParameter] = []
        for id, resource in await self._resources():
            parameter = read(resource, id)
            if faults(parameter, self._standard, usable):
                log.warning("%s/%s cannot be used by this version of the program", TYPE, id)
                continue
            usable.append(replace(parameter, indexed=parameter.source not in incomplete))
        return by_source(usable)

    async def _resources(self) -> Sequence[tuple[str, dict[str, Any]]]:
        """Every active SearchParameter, by id, found by history: that needs no index, which may be in the making."""
        session = self._store.unbound_session()
        query = HistoryQuery(TYPE, count=_PAGE)
        latest: dict[str, Version] = {}
        while True:
            page = await session.history(query)
            for version in page.versions:
                latest.setdefault(version.id, version)
            if page.next is None:
                break
            query = replace(query, snapshot=page.snapshot, after=page.next)
        found = [(id, _decode(version.body)) for id, version in sorted(latest.items()) if version.body is not None]
        return [(id, resource) for id, resource in found if is_active(resource)]
