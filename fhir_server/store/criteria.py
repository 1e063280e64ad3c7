"""Search criteria: what a query string, a compartment or an access rule asks, as plain values that a store compiles.

`elements` on a criterion names the elements that it reads (`Patient.address`): a row in which one of them is masked for
the caller does not match. Free of anything that belongs to one store.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from fhir_server.store.values import Snapshot

Elements = tuple[str, ...]
Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]


@dataclass(frozen=True, slots=True)
class TokenIs:
    """A token: `system` None is any system, "" none; `code` None is any code of the system."""

    param: str
    system: str | None
    code: str | None
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class IdentifierIs:
    """An identifier, matched exactly: `system` None is any system, "" none; `value` None is any value of the system."""

    param: str
    system: str | None
    value: str | None
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class ReferenceTo:
    """A reference to (type, id) on this server, or with type "" to an absolute URL; matched exactly."""

    param: str
    type: str
    id: str
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class DateIs:
    """A date search: [low, high) in microseconds is the range of the value asked for, compared as `prefix` says.

    https://hl7.org/fhir/R4/search.html#prefix: eq = the resource's range lies within; ne = it does not; gt and lt = it
    reaches above or below; ge and le = gt or eq, lt or eq; sa = it starts after; eb = it ends before.
    """

    param: str
    prefix: Prefix
    low: int
    high: int
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class StringIs:
    """A folded string that starts with, equals or contains the folded `text`."""

    param: str
    text: str
    how: Literal["starts", "equals", "contains"] = "starts"
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class UriIs:
    """A URI, exactly."""

    param: str
    uri: str
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class IdIs:
    """One of these logical ids."""

    ids: tuple[str, ...]
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class LastUpdatedIs:
    """As `DateIs`, of `meta.lastUpdated`."""

    prefix: Prefix
    low: int
    high: int
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class InCompartment:
    """Lies in the compartment `name` (a resource type) of `id`; matched exactly."""

    name: str
    id: str
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of them; of none: always."""

    criteria: "tuple[Criterion, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of them; of none: never."""

    criteria: "tuple[Criterion, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """Rows of the type that do not match it."""

    criterion: "Criterion"


Criterion: TypeAlias = (
    TokenIs
    | IdentifierIs
    | ReferenceTo
    | DateIs
    | StringIs
    | UriIs
    | IdIs
    | LastUpdatedIs
    | InCompartment
    | AllOf
    | AnyOf
    | Not
)


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of `_sort`: `_id`, `_lastUpdated`, or a date parameter (earliest start ascending, latest end descending).

    Rows without the parameter come last, ascending and descending.
    """

    param: str
    descending: bool = False
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A search for current resources of one type.

    `criteria` must all hold. Without `sort`, newest change first. `snapshot` None asks for the state of now; `after`
    is the cursor that the previous page gave.
    """

    type: str
    criteria: tuple[Criterion, ...] = ()
    sort: tuple[SortKey, ...] = ()
    count: int = 50
    snapshot: Snapshot | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Versions, newest first: of one resource (`type`, `id`), of a type, or of all.

    `since_ms`: lastUpdated at or after it. `at` (low, high) in ms: versions that were current at some time in it.
    """

    type: str | None = None
    id: str | None = None
    since_ms: int | None = None
    at: tuple[int, int] | None = None
    count: int = 50
    snapshot: Snapshot | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Audit entries, newest first: of one patient, recorded in [low_ms, high_ms)."""

    patient: str | None = None
    low_ms: int | None = None
    high_ms: int | None = None
    count: int = 50
    snapshot: Snapshot | None = None
    after: str | None = None
