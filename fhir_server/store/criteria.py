"""Search criteria: what a query string, a compartment or an access rule asks, as plain values that a store compiles.

`elements` on a criterion names the elements that it reads (`Patient.address`): a row in which one of them is masked for
the caller does not match. Free of anything that belongs to one store.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from fhir_server.store.entries import DecimalKey
from fhir_server.store.values import Snapshot

Elements = tuple[str, ...]
Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]


@dataclass(frozen=True, slots=True)
class TokenIs:
    """A token: `system` None is any system, "" none; `code` None is any code of the system; with neither it asks what
    `IsPresent` asks."""

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
    `beside`: the token parameters that the resources' entries name beside this one (`Entries.beside`).
    """

    param: str
    prefix: Prefix
    low: int
    high: int
    elements: Elements = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StringIs:
    """A folded string that starts with, equals or contains the folded `text`."""

    param: str
    text: str
    how: Literal["starts", "equals", "contains"] = "starts"
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class ExactIs:
    """A string exactly as written: case, accents and white space count."""

    param: str
    text: str
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class TermIs:
    """A folded text of the vocabulary (`entries.Term`) that starts with, equals or contains the folded `text`."""

    param: str
    text: str
    how: Literal["starts", "equals", "contains"] = "starts"
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class HasWord:
    """A folded word stands in the narrative (`_text`) or anywhere in the resource (`_content`)."""

    param: str
    word: str
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class IsPresent:
    """The resource has a value for the parameter (`:missing=false`)."""

    param: str
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class NumberIs:
    """A number search on the closed range of a resource, as `prefix` says.

    https://hl7.org/fhir/R4/search.html#number: eq = the resource's range lies in [low, high), the implicit precision
    of the value asked for; ne = it does not; ap = it has a part in [low, high). gt, lt, ge, le, sa and eb compare with
    the exact value, which is `low` (and `high`): gt = the range reaches above it; lt = below; ge and le = the same or
    equal; sa = all of it lies above; eb = below.
    """

    param: str
    prefix: Prefix
    low: DecimalKey
    high: DecimalKey
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class QuantityIs:
    """As `NumberIs`, of a quantity. `system` None is any system but `CANONICAL`, "" none; `unit` None is any unit.
    `beside`: the token parameters that the resources' entries name beside this one (`Entries.beside`)."""

    param: str
    prefix: Prefix
    low: DecimalKey
    high: DecimalKey
    system: str | None = None
    unit: str | None = None
    elements: Elements = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IsNear:
    """A position at most so many metres away, on the great circle of a sphere with the radius `EARTH_METRES`."""

    param: str
    latitude: float
    longitude: float
    metres: float
    elements: Elements = ()


EARTH_METRES = 6_371_008.8
"""The mean radius of the Earth (IUGG)"""


@dataclass(frozen=True, slots=True)
class InGroup:
    """One group of this name (`entries.Group`) whose entries match every one of the criteria."""

    group: str
    criteria: "tuple[Criterion, ...]"
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class Chained:
    """Refers, by the reference parameter `param`, to a resource of `type` that matches every one of the criteria, in
    force at the snapshot and visible to the session."""

    param: str
    type: str
    criteria: "tuple[Criterion, ...]"
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class ReverseChained:
    """A resource of `type` that matches every one of the criteria, in force at the snapshot and visible to the session,
    refers to it by the reference parameter `param` (None: by any). `elements` are those that `param` reads there."""

    type: str
    param: str | None
    criteria: "tuple[Criterion, ...]"
    elements: Elements = ()


@dataclass(frozen=True, slots=True)
class InHierarchy:
    """Refers, by `param`, to (type, id) or to what is below it (with `above`: above it) in the hierarchy that resources
    of this type build by the reference parameter `via`. `via_elements` are those that `via` reads in them."""

    param: str
    type: str
    id: str
    via: str
    above: bool = False
    elements: Elements = ()
    via_elements: Elements = ()


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
    """Lies in the compartment `name` (a resource type) of `id`; matched exactly.

    `elements`: all that may place a resource in it. `by`: each of the ways, with the elements that it reads; where some
    of `elements` are masked in a row, it matches by a way that is not.
    """

    name: str
    id: str
    elements: Elements = ()
    by: "tuple[ReferenceTo | IdIs, ...]" = ()


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
    | ExactIs
    | TermIs
    | HasWord
    | IsPresent
    | NumberIs
    | QuantityIs
    | IsNear
    | IdIs
    | LastUpdatedIs
    | InCompartment
    | InGroup
    | Chained
    | ReverseChained
    | InHierarchy
    | AllOf
    | AnyOf
    | Not
)


def names_any(criterion: Criterion, *kinds: type) -> bool:
    """Whether a criterion is of one of these classes, or is made of such."""
    match criterion:
        case AllOf(criteria) | AnyOf(criteria):
            return any(names_any(part, *kinds) for part in criteria)
        case Not(inner):
            return names_any(inner, *kinds)
        case _:
            return isinstance(criterion, kinds)


def is_linked(criterion: Criterion) -> bool:
    """Whether other resources decide a criterion."""
    return names_any(criterion, Chained, ReverseChained, InHierarchy)


SortType: TypeAlias = Literal["row", "date", "string", "number", "quantity", "uri", "token", "reference"]


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of `_sort`: a parameter of this type; "row" are `_id` and `_lastUpdated`.

    A row goes by its least value ascending, by its greatest descending: a date by its earliest start or latest end; a
    string, folded; a number by its low or high; a quantity by its base unit and value, if UCUM has any in the row, or
    else by its unit and value as written; a token by its code, an identifier by its value; a reference by `Type/id` or
    its URL. Text is compared by code points. Rows without the parameter come last, ascending and descending.
    """

    param: str
    descending: bool = False
    elements: Elements = ()
    type: SortType = "row"


@dataclass(frozen=True, slots=True)
class Query:
    """A search for current resources of one type.

    `criteria` must all hold. Without `sort`, newest change first. `snapshot` None asks for the state of now. `after`
    and `before` are the cursors `next` and `previous` that a page gave; at most one of them is given.
    """

    type: str
    criteria: tuple[Criterion, ...] = ()
    sort: tuple[SortKey, ...] = ()
    count: int = 50
    snapshot: Snapshot | None = None
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class SystemQuery:
    """A search for current resources of several types, in one order: by `_lastUpdated` (descending without `sort`) or
    `_id`. `parts` has one query for each type, of which only type and criteria play a part."""

    parts: tuple[Query, ...]
    sort: tuple[SortKey, ...] = ()
    count: int = 50
    snapshot: Snapshot | None = None
    after: str | None = None
    before: str | None = None


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
