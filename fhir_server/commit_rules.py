"""The rules that every commit passes, whichever way it came in, in their order."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from fhir_server.respect.in_force import OnePlanInForce
from fhir_server.search.parameter_rule import ParametersMustWork
from fhir_server.store.contract import Session
from fhir_server.store.values import IndexJob, Write


@dataclass(frozen=True, slots=True)
class Ruled:
    """See `audit.session.Ruled`."""

    writes: tuple[Write, ...]
    grounds: Mapping[str, Hashable]
    index_jobs: tuple[IndexJob, ...]


@dataclass(frozen=True, slots=True)
class CommitRules:
    """Search parameters must work; a person has at most one plan in force."""

    parameters: ParametersMustWork
    plans: OnePlanInForce

    async def __call__(self, session: Session, writes: Sequence[Write]) -> Ruled:
        """The writes under all rules. Raises what they raise."""
        checked = self.parameters(writes)
        ruled = await self.plans(session, checked.writes)
        return Ruled(ruled.writes, ruled.grounds, checked.index_jobs)
