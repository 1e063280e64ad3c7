"""The steps that every request takes, once: from HTTP, from inside a Bundle, from a load, from a page.

1 find what is asked; 2 decide access, deny by default; 3 open a store session bound to that access; 4 run; 5 audit,
success or failure. Interactions cannot skip a step, and none can be configured away.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from auth.access import Decide
from fhir_server.audit.session import AuditedSession, CommitRule
from fhir_server.audit.trail import Trail
from fhir_server.definitions.definitions import Definitions
from fhir_server.fault import described
from fhir_server.interactions.context import Context, Server
from fhir_server.interactions.incoming_xml import in_json
from fhir_server.model.json import dump
from fhir_server.outcome import FhirError, Invalid, Issue, RulesChanged, operation_outcome, status_of
from fhir_server.request import FhirRequest, FhirResponse
from fhir_server.routes import Routes
from fhir_server.store.access import NOTHING
from fhir_server.store.contract import Store

log = logging.getLogger("fhir_server")


_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Serving:
    """What requests are carried out with, for as long as the search parameters stay the same."""

    server: Server
    rule: CommitRule


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Carries requests through the five steps. One per process. `serving` gives what is true now, `definitions` are the
    standard's."""

    serving: Callable[[], Awaitable[Serving]]
    store: Store
    routes: Routes
    decide: Decide
    clock_ms: Callable[[], int]
    definitions: Definitions

    async def __call__(self, request: FhirRequest) -> FhirResponse:
        """The answer to a request; never raises for what a client or a rule does, nor for a fault of ours."""
        return await self._carried_out(request, self._entry)

    async def _entry(self, request: FhirRequest) -> FhirResponse:
        """An entry of a Bundle: the same steps, but no Bundle of Bundles."""
        if not request.path:
            return await self.refuse(request, Invalid("An entry of a Bundle cannot be a batch or transaction."))
        return await self._carried_out(request, self._entry)

    async def _carried_out(
        self, request: FhirRequest, dispatch: Callable[[FhirRequest], Awaitable[FhirResponse]]
    ) -> FhirResponse:
        trail = Trail(request)
        return await self._audited(trail, await self._run(request, trail, dispatch))

    async def _rehearsed(self, request: FhirRequest) -> FhirResponse:
        """What a read would be answered with now. Nothing of it is shown, so it leaves no entry in the audit."""
        if request.method != "GET":
            raise ValueError("only reads are rehearsed")
        return await self._run(request, Trail(request), self._entry)

    async def _run(
        self, request: FhirRequest, trail: Trail, dispatch: Callable[[FhirRequest], Awaitable[FhirResponse]]
    ) -> FhirResponse:
        """Steps 1 to 4: find, decide, open, run."""
        try:
            interaction, target = self.routes.find(request.method, request.path)
            trail.interaction, trail.action = interaction.code, interaction.action
            # Decided on the type of the records that are asked for, also where a compartment of another is searched.
            access = self.decide(interaction.code, target.within or target.type, request.origin)
            trail.who, trail.why = access.caller.id, access.reason

            async def run(serving: Serving) -> FhirResponse:
                is_fhir = bool(request.body) and not interaction.media_types
                read = await in_json(request, serving.server) if is_fhir else request
                session = self.store.session(access.filter)
                return await interaction.run(
                    Context(
                        serving.server,
                        AuditedSession(session, trail, serving.rule, serving.server.index_rules),
                        read,
                        target,
                        access.caller.id,
                        dispatch,
                        self._rehearsed,
                        lambda code, type_: _decided(self.decide, code, type_, request),
                    )
                )

            return await self._settled(run)
        except Exception as error:
            return failure(error, request)

    async def _settled(self, run: Callable[[Serving], Awaitable[FhirResponse]]) -> FhirResponse:
        """Step 4, again where search parameters changed while it ran: nothing of it was committed then."""
        for _ in range(_ATTEMPTS - 1):
            with suppress(RulesChanged):
                return await run(await self.serving())
        return await run(await self.serving())

    async def refuse(self, request: FhirRequest, error: Exception) -> FhirResponse:
        """The answer to a request that failed before it could be carried out (too large, not acceptable)."""
        return await self._audited(Trail(request), failure(error, request))

    async def _audited(self, trail: Trail, answer: FhirResponse) -> FhirResponse:
        """The answer, once its audit entry is durable. Without the entry there is no answer."""
        if trail.recorded:
            return answer
        try:
            await self.store.session(NOTHING).record(trail.of_answer(answer.status, self.clock_ms()))
        except Exception as error:
            return failure(error, trail.request)
        return answer


def _decided(decide: Decide, code: str, resource_type: str | None, request: FhirRequest) -> None:
    decide(code, resource_type, request.origin)


def failure(error: Exception, request: FhirRequest) -> FhirResponse:
    """The answer to an error. One of a known kind: its status and an OperationOutcome. A fault of ours: a fixed
    sentence; the log gets the places in the code, never the values."""
    if isinstance(error, FhirError):
        return FhirResponse(status_of(error), dump(operation_outcome(error.issues)), error.headers)
    request_id = request.origin.request_id
    log.error("request %s failed: %s", request_id, described(error))
    issue = Issue("exception", f"The server failed on this request; it is logged under {request_id}.", severity="fatal")
    return FhirResponse(500, dump(operation_outcome((issue,))))
