"""create_app(settings): the one place where everything is wired."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.access import loopback_access
from fhir_server.api.endpoint import FhirEndpoint
from fhir_server.api.health import live, ready
from fhir_server.api.hosts import Hosts
from fhir_server.commit_rules import CommitRules
from fhir_server.definitions.definitions import Definitions, r4
from fhir_server.index_rules import Added, IndexRules
from fhir_server.indexing import Indexing
from fhir_server.interactions import INTERACTIONS
from fhir_server.interactions.capabilities import SOFTWARE, capability_statement
from fhir_server.interactions.context import NOT_STORED, WRITTEN_BY_SERVER, Rules, Server
from fhir_server.model.json import dump
from fhir_server.operations import OPERATIONS
from fhir_server.outcome import FhirError
from fhir_server.pipeline import Pipeline, Serving
from fhir_server.random_ids import RandomIds
from fhir_server.respect.in_force import OnePlanInForce
from fhir_server.routes import Routes
from fhir_server.search.context import Limits, SearchContext
from fhir_server.search.index import Indexer
from fhir_server.search.paging import PageLinks
from fhir_server.search.parameter_rule import ParametersMustWork
from fhir_server.settings import Settings
from fhir_server.store.contract import Store
from fhir_server.store.open import StoreOptions, open_store
from fhir_server.validation import Validator
from fhir_server.web.about import CONTENT_SECURITY_POLICY, AboutPage, about_page
from fhir_server.web.assets import asset_mounts
from fhir_server.web.commands import Command, three_commands
from fhir_server.web.rendering import Pages
from fhir_server.web.routes import CarePages
from mappers import MAPPERS

FHIR_PATH = "/fhir"
_FHIR_FOLDER = "/fhir/"
_CLEAN_SECONDS = 60.0


async def open_settings_store(settings: Settings) -> Store:
    """The store that the settings name, open. Raises what `open_store` raises."""
    options = StoreOptions(
        heads=settings.audit_heads,
        snapshot_seconds=settings.snapshot_seconds,
        reader_threads=settings.reader_threads,
    )
    return await open_store(settings.store, options)


def clock_ms() -> int:
    """Now, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def rules_of(settings: Settings) -> Rules:
    """The settings that interactions obey."""
    return Rules(**{name: getattr(settings, name) for name in Rules.__dataclass_fields__})


def build_server(
    settings: Settings,
    store: Store,
    definitions: Definitions | None = None,
    *,
    validator: Validator | None = None,
    index_rules: int | None = None,
) -> Server:
    """What all requests share: definitions, validator, indexer, links, rules."""
    definitions = definitions or r4()
    rules = rules_of(settings)
    timezone = ZoneInfo(settings.timezone)
    started = datetime.now(UTC).isoformat(timespec="seconds")

    @cache
    def capabilities() -> bytes:
        statement = capability_statement(
            INTERACTIONS,
            OPERATIONS,
            definitions,
            rules,
            base_url=settings.base,
            version=version(SOFTWARE),
            date=started,
        )
        return dump(statement)

    return Server(
        base_url=settings.base,
        definitions=definitions,
        validator=validator or Validator(definitions),
        indexer=Indexer(definitions, base_url=settings.base, timezone=timezone),
        search=SearchContext(
            definitions=definitions,
            base_url=settings.base,
            timezone=timezone,
            clock_ms=clock_ms,
            limits=Limits(count=settings.page_size, max_count=settings.max_page_size),
            kept_apart=NOT_STORED | WRITTEN_BY_SERVER,
        ),
        links=PageLinks(store.secret("page-links", 32)),
        rules=rules,
        clock_ms=clock_ms,
        new_id=RandomIds().uuid,
        capabilities=capabilities,
        mappers=MAPPERS,
        index_rules=index_rules,
        index_jobs=store.index_jobs,
    )


def build_index_rules(settings: Settings, store: Store) -> IndexRules:
    """What requests are carried out with, as search parameters come and go."""
    standard = r4()
    validator = Validator(standard)

    def make(definitions: Definitions, added: Added, number: int) -> Serving:
        server = build_server(settings, store, definitions, validator=validator, index_rules=number)
        plans = OnePlanInForce(server.indexer, clock_ms)
        return Serving(server, CommitRules(ParametersMustWork(standard, added), plans))

    return IndexRules(store, standard, make)


def build_pipeline(settings: Settings, store: Store, index_rules: IndexRules | None = None) -> Pipeline:
    """The pipeline over an open store."""
    routes = Routes((*INTERACTIONS, *OPERATIONS), r4())
    return Pipeline(index_rules or build_index_rules(settings, store), store, routes, loopback_access, clock_ms, r4())


class Application(FastAPI):
    """FastAPI with the FHIR endpoint in front of its router.

    A mount would do the same through the middleware stack and the router, which cost as much as the rest of the way of
    a read (decision 0004).
    """

    fhir: ASGIApp
    hosts: Hosts | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request: below `/fhir` the FHIR endpoint, elsewhere FastAPI's routes."""
        if scope["type"] == "http" and (scope["path"].startswith(_FHIR_FOLDER) or scope["path"] == FHIR_PATH):
            await self.fhir(scope, receive, send)
        elif scope["type"] == "http" and self.hosts is not None and not self.hosts.are_known(scope["headers"]):
            await PlainTextResponse("this server answers to its own address only\n", 403)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(
    settings: Settings,
    *,
    demo: tuple[Command, ...] | None = None,
    started: Callable[[], None] = lambda: None,
    draining: Callable[[], bool] = lambda: False,
) -> Application:
    """The application: FHIR at `/fhir`, health routes, the pages.

    `demo`: the commands to show where the store holds demo data. `started` is called when the store is open and
    requests can come; `draining` says that the server is stopping.
    Raises `ValueError` for settings that are unsafe to serve with.
    """
    if settings.unsafe():
        raise ValueError("; ".join(settings.unsafe()))

    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncIterator[None]:
        store = await open_settings_store(settings)
        index_rules = build_index_rules(settings, store)
        pipeline = build_pipeline(settings, store, index_rules)
        app.fhir = FhirEndpoint(
            pipeline,
            rules_of(settings),
            settings.body_seconds,
            len(FHIR_PATH),
            app.hosts,
        )
        app.add_route("/health/ready", ready(store.check, draining))
        facts = server_facts(settings, store, demo)
        app.add_route("/about", about(facts))
        pages = Pages(ZoneInfo(settings.timezone), demo=demo is not None)
        for path, page in CarePages(pipeline, pages, facts).routes():
            app.add_route(path, page)
        for path, mounted in asset_mounts():
            app.mount(path, mounted)
        upkeep = [
            asyncio.create_task(keep_clean(settings, store)),
            asyncio.create_task(Indexing(store, index_rules)()),
        ]
        started()
        yield
        for task in upkeep:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await store.close()

    app = Application(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan)
    app.hosts = Hosts(settings.base) if settings.auth == "off" else None
    app.add_route("/health/live", live())
    return app


def server_facts(
    settings: Settings, store: Store, demo: tuple[Command, ...] | None
) -> Callable[[], Awaitable[AboutPage]]:
    """What pages say of the server itself, as it is when they are made."""

    async def facts() -> AboutPage:
        return AboutPage(
            base_url=settings.base,
            counts=(await store.counts()).by_type,
            commands=three_commands(settings.base) if demo is None else demo,
            demo=demo is not None,
            auth=settings.auth == "on",
            version=version(SOFTWARE),
        )

    return facts


def about(facts: Callable[[], Awaitable[AboutPage]]) -> Callable[[Request], Awaitable[Response]]:
    """The route of the page about the server."""

    async def page(_: Request) -> Response:
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        }
        return HTMLResponse(about_page(await facts()), headers=headers)

    return page


async def keep_clean(settings: Settings, store: Store) -> None:
    """Remove what no page link can need any more, once a minute, in one process at a time."""
    holder = f"{os.uname().nodename}-{os.getpid()}"
    while True:
        await asyncio.sleep(_CLEAN_SECONDS)
        with suppress(FhirError):
            if await store.acquire_lease("clean", holder, _CLEAN_SECONDS * 2):
                await store.clean(settings.snapshot_seconds)
