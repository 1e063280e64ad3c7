"""A query string to a search. https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html#search

A parameter that the type does not have is ignored with a warning, or with `strict` an error. A parameter that it has
and whose value is empty is always an error: left out, it would turn "the records of this patient" into "all records".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from fhir_server.outcome import Invalid, Issue, NotSupported, TooCostly
from fhir_server.search.compile_criteria import compile_criterion, size
from fhir_server.search.context import SearchContext
from fhir_server.search.include import Include
from fhir_server.search.offered import supported_parameters
from fhir_server.search.parameter_types.date import prefixed_range
from fhir_server.search.reading.dates import date_reader
from fhir_server.search.result_parameters import (
    ABOUT_THE_ANSWER,
    NOT_OFFERED,
    RESULT_PARAMETERS,
    Results,
    Summary,
    Total,
    count_of,
)
from fhir_server.store.criteria import Criterion, Prefix, Query

__all__ = [
    "Search",
    "conditional_criteria",
    "count_of",
    "date_bounds",
    "instant_range",
    "parse",
    "supported_parameters",
]

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Search:
    """What a query string asks. `query` has neither snapshot nor cursor; `used` are the parameters that it goes by, for
    the self link; `issues` are warnings; `summary` None: not asked for; `elements` empty: all. `includes`: what else
    goes into the Bundle, in the order of the parameters; `explain`: how it runs is asked for too."""

    query: Query
    used: tuple[tuple[str, str], ...] = ()
    issues: tuple[Issue, ...] = ()
    total: Total = "none"
    summary: Summary | None = None
    elements: tuple[str, ...] = ()
    includes: tuple[Include, ...] = ()
    explain: bool = False


@dataclass(slots=True)
class _Reading:
    """A query string while it is read."""

    results: Results
    criteria: list[Criterion] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[Issue] = field(default_factory=list)


async def parse(resource_type: str, parameters: Parameters, context: SearchContext, *, strict: bool) -> Search:
    """The search that these query parameters ask for.

    Raises `Invalid` for a bad value or modifier and, with `strict`, for what the type does not have; `NotSupported` for
    what is known and not offered; `TooCostly` beyond a limit of the context.
    """
    _check_limits(parameters, context)
    limits = context.limits
    results = Results(resource_type, context, count_of(None, default=limits.count, limit=limits.max_count))
    reading = _Reading(results)
    for name, value in parameters:
        await _take(reading, name, value)
    ignored = [*reading.unknown, *results.issues]
    if strict and ignored:
        raise Invalid([Issue(issue.code, issue.diagnostics) for issue in ignored])
    _check_cost(reading.criteria, context)
    query = Query(resource_type, tuple(reading.criteria), results.sort, results.count)
    return Search(query, tuple(reading.used), tuple(ignored), results.total, results.summary, results.elements)


async def conditional_criteria(
    resource_type: str, parameters: Parameters, context: SearchContext
) -> tuple[Criterion, ...]:
    """The criteria of a conditional write. Raises as `parse` does, and `Invalid` where there are none, where the type
    lacks one of the parameters, and for what is no criterion: it must never mean "all"."""
    for name, _ in parameters:
        if name in RESULT_PARAMETERS or name in ABOUT_THE_ANSWER:
            raise Invalid(f"The parameter {name} cannot stand in the criteria of a conditional request.")
    search = await parse(resource_type, parameters, context, strict=True)
    if not search.query.criteria:
        raise Invalid("A conditional request needs at least one search parameter.")
    return search.query.criteria


def instant_range(text: str, timezone: ZoneInfo, *, name: str) -> tuple[int, int]:
    """The range [low, high) that a date or time means, in microseconds since 1970; raises `Invalid`."""
    found = date_reader(timezone)(text.replace(" ", "+"))
    if found is None:
        raise Invalid(f"The parameter {name} is a date or time such as 2026-01-31 or 2026-01-31T09:30:00Z.")
    return found


def date_bounds(text: str, timezone: ZoneInfo, *, name: str = "date") -> tuple[int | None, int | None]:
    """The half-open range, in microseconds since 1970, in which a point of time must lie to match a date with its
    prefix; None: it has no end there. Raises `Invalid`, and `NotSupported` for `ne` and `ap`."""
    prefix, low, high = prefixed_range(name, text, date_reader(timezone))
    bounds: dict[Prefix, tuple[int | None, int | None]] = {
        "eq": (low, high),
        "ge": (low, None),
        "gt": (high, None),
        "sa": (high, None),
        "le": (None, high),
        "lt": (None, low),
        "eb": (None, low),
    }
    if prefix not in bounds:
        raise NotSupported(f"The prefix {prefix} is not offered here.")
    return bounds[prefix]


async def _take(reading: _Reading, name: str, value: str) -> None:
    if name in ABOUT_THE_ANSWER:
        return
    plain = name.partition(":")[0]
    if plain in NOT_OFFERED:
        raise NotSupported(f"The parameter {plain} is not offered.")
    handler = RESULT_PARAMETERS.get(plain)
    if handler is not None:
        _take_result(reading, name, plain)
        reading.used.append((name, handler(reading.results, value)))
        return
    criterion = await compile_criterion(reading.results.resource_type, name, value, reading.results.context)
    if criterion is None:
        reading.unknown.append(_unknown(name, reading.results.resource_type))
    else:
        reading.criteria.append(criterion)
        reading.used.append((name, value))


def _take_result(reading: _Reading, name: str, plain: str) -> None:
    if name != plain:
        raise Invalid(f"The parameter {plain} has no modifiers.")
    if any(name == used for used, _ in reading.used):
        raise Invalid(f"The parameter {name} may be given once.")


def _unknown(name: str, resource_type: str) -> Issue:
    text = f"{resource_type} has no search parameter {name}: it was not used."
    return Issue("not-supported", text, severity="warning")


def _check_limits(parameters: Parameters, context: SearchContext) -> None:
    limits = context.limits
    if len(parameters) > limits.parameters:
        raise TooCostly(f"A search has at most {limits.parameters} parameters.")
    for name, value in parameters:
        if len(name) > limits.name_length:
            raise Invalid(f"The name of a parameter is at most {limits.name_length} characters long.")
        if len(value) > limits.value_length:
            raise Invalid(f"The value of {name} is longer than {limits.value_length} characters.")
        if not (_is_text(name) and _is_text(value)):
            raise Invalid("A parameter holds characters that no text has (NUL, or half of a surrogate pair).")


def _is_text(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _check_cost(criteria: list[Criterion], context: SearchContext) -> None:
    if sum(map(size, criteria)) > context.limits.criteria:
        raise TooCostly("The search asks for too many alternatives: name the types of references, or fewer values.")
