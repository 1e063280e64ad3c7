"""What an interaction is given and what it declares.

An interaction is one file that exports one `Interaction`; it gets a `Context` and returns a `FhirResponse` or raises a
`FhirError`. It never sees tokens or an unbound store.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from fhir_server.audit.entry import Action
from fhir_server.audit.session import AuditedSession
from fhir_server.definitions.definitions import Definitions
from fhir_server.request import FhirRequest, FhirResponse
from fhir_server.search.context import SearchContext
from fhir_server.search.index import Indexer
from fhir_server.search.paging import PageLinks
from fhir_server.store.values import IndexJob
from fhir_server.validation import Validator
from mappers.mapper import Mapper

ReferenceCheck = Literal["patient", "all", "off"]
NOT_STORED = frozenset({"Parameters"})
"""Resource types without an endpoint: https://hl7.org/fhir/R4/parameters.html"""
WRITTEN_BY_SERVER = frozenset({"AuditEvent"})


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that interactions obey; `settings.py` says what each means."""

    references: ReferenceCheck = "patient"
    update_create: bool = True
    delete_referenced: bool = False
    max_resource_bytes: int = 12 * 1024 * 1024
    max_binary_bytes: int = 8 * 1024 * 1024
    max_bundle_bytes: int = 64 * 1024 * 1024
    max_bundle_entries: int = 50_000
    page_size: int = 50
    max_page_size: int = 1000


async def _no_jobs() -> Sequence[IndexJob]:
    return ()


@dataclass(frozen=True, slots=True)
class Server:
    """What is shared by all requests: made at start, and anew when search parameters change. `mappers`: the sources
    that can be taken in. `index_rules`: the number of the search parameters' state, by which its indexer makes entries;
    `index_jobs`: what is indexed anew because of them."""

    base_url: str
    definitions: Definitions
    validator: Validator
    indexer: Indexer
    search: SearchContext
    links: PageLinks
    rules: Rules
    clock_ms: Callable[[], int]
    new_id: Callable[[], str]
    capabilities: Callable[[], bytes]
    mappers: tuple[Mapper, ...] = ()
    index_rules: int | None = None
    index_jobs: Callable[[], Awaitable[Sequence[IndexJob]]] = _no_jobs


@dataclass(frozen=True, slots=True)
class Target:
    """What the path names. `within` is the resource type searched in the compartment that `type` and `id` name."""

    type: str | None = None
    id: str | None = None
    version: str | None = None
    within: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """One request on its way: what is asked, and the session bound to what the caller may do.

    `dispatch` sends an entry of a Bundle through the whole pipeline and never raises; `rehearse` says what a read
    would be answered with, to decide by and never to show (so it leaves no audit entry of its own); `decide` raises
    `Forbidden` where the caller may not do an interaction on a type.
    """

    server: Server
    session: AuditedSession
    request: FhirRequest
    target: Target
    caller: str
    dispatch: Callable[[FhirRequest], Awaitable[FhirResponse]]
    rehearse: Callable[[FhirRequest], Awaitable[FhirResponse]]
    decide: Callable[[str, str | None], None]

    @property
    def type(self) -> str:
        """The resource type that the path names; only for interactions whose path has one."""
        assert self.target.type is not None
        return self.target.type

    @property
    def id(self) -> str:
        """The logical id that the path names; only for interactions whose path has one."""
        assert self.target.id is not None
        return self.target.id

    def header(self, name: str) -> str | None:
        """A request header by its lower-case name."""
        return self.request.headers.get(name)


Run = Callable[[Context], Awaitable[FhirResponse]]


@dataclass(frozen=True, slots=True)
class Interaction:
    """The declaration from which routes, CapabilityStatement, audit codes and docs come.

    `code` is from http://hl7.org/fhir/restful-interaction; `routes` are (method, path shape) pairs, a shape being
    segments such as `[type]`, `[id]`, `_history`. `types`: the only resource types it is for (None: all that are
    stored), which wins over an interaction for all types on the same route. `media_types`: what its body may be, where
    that is not FHIR R4 in JSON; such a body may be as large as a Bundle.
    """

    code: str
    level: Literal["instance", "type", "system"]
    routes: tuple[tuple[str, tuple[str, ...]], ...]
    action: Action
    changes: bool
    run: Run
    types: frozenset[str] | None = None
    media_types: tuple[str, ...] = ()
