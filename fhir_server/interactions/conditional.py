"""Conditional interactions: which resource is meant by criteria instead of an id.

https://hl7.org/fhir/R4/http.html#cond-update, #cpatch, #3.1.0.7.1. The criteria are never empty and every parameter is
known: they never mean "all". A decision rests on the keys of its criteria, so rivals are noticed (`search.claims`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fhir_server.interactions.context import Context, Target
from fhir_server.interactions.incoming import basis
from fhir_server.outcome import Contended, Invalid, NotFound, PreconditionFailed, TooCostly
from fhir_server.search.claims import dependent_keys
from fhir_server.search.parse import conditional_criteria
from fhir_server.store.criteria import Criterion, Query
from fhir_server.store.values import Snapshot, Version

MOST_DELETED = 1000
"""So many resources one conditional delete removes"""


@dataclass(frozen=True, slots=True)
class Condition:
    """Criteria for resources of a type."""

    type: str
    criteria: tuple[Criterion, ...]

    @property
    def keys(self) -> frozenset[str]:
        """The keys on which a decision by these criteria rests."""
        return dependent_keys(self.type, self.criteria)


@dataclass(frozen=True, slots=True)
class Found:
    """What a condition met in a state."""

    condition: Condition
    versions: tuple[Version, ...]
    basis: Snapshot

    @property
    def only(self) -> Version | None:
        """The one resource, None for none. Raises `PreconditionFailed` for several."""
        if len(self.versions) > 1:
            raise PreconditionFailed("The criteria match more than one resource; name them more exactly.")
        return self.versions[0] if self.versions else None


async def condition_of(context: Context, resource_type: str, parameters: Sequence[tuple[str, str]]) -> Condition:
    """The condition that query parameters make. Raises `Invalid` for none, and for what is unknown."""
    asked = [pair for pair in parameters if pair[0] not in ("_format", "_pretty")]
    return Condition(resource_type, await conditional_criteria(resource_type, asked, context.server.search))


async def found_by(context: Context, condition: Condition, most: int = 1, state: Snapshot | None = None) -> Found:
    """What the condition meets now, or in this state: at most one more than `most`."""
    state = state or await basis(context)
    query = Query(condition.type, condition.criteria, count=most + 1, snapshot=state)
    page = await context.session.unseen.search(query)
    return Found(condition, page.versions, state)


async def the_one(context: Context, condition: Condition, state: Snapshot | None = None) -> tuple[Version, Found]:
    """The one resource that is meant. Raises `NotFound` for none, `PreconditionFailed` for several."""
    found = await found_by(context, condition, state=state)
    version = found.only
    if version is None:
        raise NotFound("The criteria match no resource.")
    return version, found


def still(match: Version | None, current: Version | None) -> int:
    """The version that a write on this match is based on, 0 for none. Raises `Contended` where the resource is not what
    was found any more: it may not match now, and whoever changed it would be written over unseen."""
    if match is None:
        return 0
    if current is None or current.version != match.version:
        raise Contended("What the criteria matched has changed meanwhile.")
    return match.version


async def all_to_delete(context: Context, condition: Condition, state: Snapshot | None = None) -> Found:
    """What a conditional delete removes: one resource, or by the setting several. Raises `Invalid` where it is off,
    `PreconditionFailed` for more than it may, `TooCostly` for more than one request may."""
    allowed = context.server.rules.conditional_delete
    if allowed == "off":
        raise Invalid("Deleting by criteria is off on this server: delete by id.")
    found = await found_by(context, condition, MOST_DELETED if allowed == "multiple" else 1, state)
    if allowed == "single" and len(found.versions) > 1:
        raise PreconditionFailed("The criteria match more than one resource, and this server deletes one at a time.")
    if len(found.versions) > MOST_DELETED:
        raise TooCostly(f"The criteria match more than {MOST_DELETED} resources; name them more exactly.")
    return found


def at(context: Context, type: str, id: str) -> Context:
    """The context of the same request about this resource."""
    return replace(context, target=Target(type, id))
