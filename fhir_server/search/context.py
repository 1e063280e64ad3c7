"""What searches go by beside the query itself. Made once at start; later also the terminology service."""

from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from fhir_server.definitions.definitions import Definitions


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one search may ask: each is a number of things, or of characters.

    `chain_depth`: references along one chain, `_has` and what a filter nests included. `filter_depth`: how deep a
    `_filter` nests. `includes`: `_include` and `_revinclude`, those that `*` stands for counted one by one.
    """

    count: int = 50
    max_count: int = 1000
    parameters: int = 100
    alternatives: int = 500
    name_length: int = 200
    value_length: int = 20_000
    criteria: int = 5000
    chain_depth: int = 8
    filter_depth: int = 12
    includes: int = 100


@dataclass(frozen=True, slots=True)
class SearchContext:
    """`base_url`: of this server, without a slash at its end. `timezone`: of dates that name none. `clock_ms`: now, in
    milliseconds since 1970, for `ap` on dates. `kept_apart`: types whose resources no chain and no include can reach,
    because they are not stored as others are."""

    definitions: Definitions
    base_url: str
    timezone: ZoneInfo
    clock_ms: Callable[[], int]
    limits: Limits = field(default_factory=Limits)
    kept_apart: frozenset[str] = frozenset()
