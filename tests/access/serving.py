"""The FHIR endpoint under an access decision of the test's own, with a clock and ids that the test sets."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import httpx

from auth.access import Access, Caller, Decide
from fhir_server.api.endpoint import FhirEndpoint
from fhir_server.app import FHIR_PATH, build_server
from fhir_server.commit_rules import CommitRules
from fhir_server.interactions import INTERACTIONS
from fhir_server.interactions.context import Server
from fhir_server.operations import OPERATIONS
from fhir_server.pipeline import Pipeline, Serving
from fhir_server.request import Origin
from fhir_server.respect.in_force import OnePlanInForce
from fhir_server.routes import Routes
from fhir_server.search.parameter_rule import ParametersMustWork
from fhir_server.settings import Settings
from fhir_server.store.access import EVERYTHING, AccessFilter
from fhir_server.store.contract import Store
from fhir_server.store.open import open_store
from tests.running import BASE, Client
from tests.stores import options_of

SETTINGS = Settings(auth="off")
START_MS = 1_772_000_000_000


def access_of(access: AccessFilter, caller: str = "caller") -> Access:
    """A decision that lets somebody through within a filter."""
    return Access(Caller(caller, "Someone", "person"), access, "TREAT", "the test's own policy")


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms

    def tick(self) -> None:
        """A second goes by."""
        self.now_ms += 1000


class Ids:
    """UUIDs that are the same for the same number of calls since `restart`."""

    def __init__(self) -> None:
        self._request = self._given = 0

    def restart(self, request: int) -> None:
        """From now on ids belong to this request."""
        self._request, self._given = request, 0

    def __call__(self) -> str:
        self._given += 1
        return f"{self._request:08x}-0000-4000-8000-{self._given:012x}"


class World:
    """A store and the endpoint over it. `access` is the decision on the next requests."""

    def __init__(self, store: Store, server: Server) -> None:
        self.store = store
        self.clock, self.ids = Clock(), Ids()
        self.server = replace(server, clock_ms=self.clock, new_id=self.ids)
        self.policy: Decide = self._by_access
        self.access = access_of(EVERYTHING, "operator")
        self._client: Client | None = None

    def _by_access(self, interaction: str, type: str | None, origin: Origin, /) -> Access:
        return self.access

    @property
    def fhir(self) -> Client:
        """The client of this world."""
        assert self._client is not None
        return self._client

    @contextmanager
    def seen_by(self, access: AccessFilter, caller: str = "caller") -> Iterator[Client]:
        """The requests within are made under this filter."""
        before, self.access = self.access, access_of(access, caller)
        try:
            yield self.fhir
        finally:
            self.access = before

    @contextmanager
    def referring_to(self, references: Literal["patient", "all", "off"]) -> Iterator[Client]:
        """The requests within are made to a server that checks these references."""
        before = self.server
        self.server = replace(before, rules=replace(before.rules, references=references))
        try:
            yield self.fhir
        finally:
            self.server = before

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One HTTP request, by the endpoint as it is now."""
        decide: Decide = lambda interaction, type, origin, /: self.policy(interaction, type, origin)  # noqa: E731
        rule = OnePlanInForce(self.server.indexer, self.server.clock_ms)
        routes = Routes((*INTERACTIONS, *OPERATIONS), self.server.definitions)
        serving = Serving(self.server, CommitRules(ParametersMustWork(self.server.definitions, {}), rule))

        async def now() -> Serving:
            return serving

        pipeline = Pipeline(now, self.store, routes, decide, self.server.clock_ms, self.server.definitions)
        await FhirEndpoint(pipeline, self.server.rules, 5.0, len(FHIR_PATH))(scope, receive, send)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["World"]:
        """With the client open."""
        transport = httpx.ASGITransport(cast(Any, self))
        async with httpx.AsyncClient(transport=transport, base_url=BASE + "/") as http:
            self._client = Client(http, self)
            yield self


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """A world on a new store in `folder`, of the kind that the test runs on; at first everything is allowed."""
    folder.mkdir(exist_ok=True)
    clock = Clock()
    store = await open_store(*options_of(folder, clock=lambda: clock()))
    made = World(store, build_server(SETTINGS, store))
    made.clock = clock
    made.server = replace(made.server, clock_ms=clock)
    try:
        async with made.connected():
            yield made
    finally:
        await store.close()
