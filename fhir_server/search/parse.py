"""A query string to a search. https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html#search

A parameter that the type does not have is ignored with a warning, or with `strict` an error. A parameter that it has
and whose value is empty is always an error: left out, it would turn "the records of this patient" into "all records".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from fhir_server.outcome import Invalid, Issue, NotSupported, TooCostly
from fhir_server.search.compilation import Compilation
from fhir_server.search.compile_criteria import compile_criterion
from fhir_server.search.contained import Contained, containers
from fhir_server.search.context import SearchContext
from fhir_server.search.include import Include
from fhir_server.search.joined_chains import joined
from fhir_server.search.offered import supported_includes, supported_parameters, supported_revincludes
from fhir_server.search.parameter_types.date import prefixed_range
from fhir_server.search.parameters import Parameter, parameters_of
from fhir_server.search.reading.dates import date_reader
from fhir_server.search.result_parameters import (
    ABOUT_THE_ANSWER,
    INCLUDES,
    NO_CRITERIA,
    NOT_OFFERED,
    RESULT_PARAMETERS,
    TYPE,
    Results,
    Summary,
    Total,
    count_of,
    take_include,
)
from fhir_server.search.system_search import searched_types, sorted_by_row
from fhir_server.store.criteria import AllOf, AnyOf, Criterion, Not, Prefix, Query, SystemQuery

__all__ = [
    "Search",
    "conditional_criteria",
    "count_of",
    "date_bounds",
    "instant_range",
    "parse",
    "parse_system",
    "supported_includes",
    "supported_parameters",
    "supported_revincludes",
]

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Search:
    """What a query string asks. `query` has neither snapshot nor cursor; `used` are the parameters that it goes by, for
    the self link; `issues` are warnings and remarks; `summary` None: not asked for; `elements` empty: all. `includes`:
    what else goes into the Bundle, in the order of the parameters; `explain`: how it runs is asked for too.
    `contained`: what is searched for lies inside the resources that `query` finds."""

    query: Query | SystemQuery
    used: tuple[tuple[str, str], ...] = ()
    issues: tuple[Issue, ...] = ()
    total: Total = "none"
    summary: Summary | None = None
    elements: tuple[str, ...] = ()
    includes: tuple[Include, ...] = ()
    explain: bool = False
    contained: Contained | None = None


@dataclass(slots=True)
class _Reading:
    """A query string while it is read: `criteria` has a list for each type, of equal lengths."""

    results: Results
    compilation: Compilation
    criteria: dict[str, list[Criterion]]
    used: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[Issue] = field(default_factory=list)


async def parse(
    resource_type: str,
    parameters: Parameters,
    context: SearchContext,
    *,
    strict: bool,
    types: Callable[[], Sequence[str]] | None = None,
) -> Search:
    """The search of one type that these query parameters ask for. `types`: tells those whose resources may hold
    what `_contained` asks for, where it does; None: all types.

    Raises `Invalid` for a bad value or modifier and, with `strict`, for what the type does not have; `NotSupported` for
    what is known and not offered; `TooCostly` beyond a limit of the context.
    """
    reading = await _read(parameters, (resource_type,), context)
    results, criteria = reading.results, joined(reading.criteria[resource_type], _parameters(context, resource_type))
    query: Query | SystemQuery = Query(resource_type, criteria, results.sort, results.count)
    contained = None
    if results.contained != "false":
        contained = Contained(
            resource_type, criteria, results.contained_type or "container", results.contained == "both"
        )
        everywhere = [each for each in context.definitions.resource_types if each not in context.kept_apart]
        query = _around(contained, reading, everywhere if types is None else types())
    elif results.contained_type is not None:
        raise Invalid("The parameter _containedType goes with _contained=true or both.")
    return _search(reading, query, contained, strict=strict)


async def parse_system(
    parameters: Parameters, context: SearchContext, *, strict: bool, types: Sequence[str], bounded: bool = False
) -> Search:
    """The search that these query parameters ask for, of several types: those that `_type` names among `types`, or all
    of these. Parameters must be ones that each of them has. `bounded`: something else bounds what is found, so that no
    parameter need be given. Raises as `parse` does."""
    asked, used = searched_types([value for name, value in parameters if name == TYPE], types)
    reading = await _read([each for each in parameters if each[0] != TYPE], asked, context, system=True)
    results = reading.results
    if results.contained != "false" or results.contained_type is not None:
        raise NotSupported("The parameter _contained is offered in searches of one type.")
    if not used and not bounded and not any(reading.criteria.values()):
        raise Invalid(f"A search of all types needs a parameter that all have, such as _lastUpdated, or {TYPE}.")
    parts = tuple(
        Query(type, joined(criteria, _parameters(context, type))) for type, criteria in reading.criteria.items()
    )
    sort = sorted_by_row(results.sort, asked, context.definitions)
    reading.used[:0] = used
    return _search(reading, SystemQuery(parts, sort, results.count), None, strict=strict)


def _parameters(context: SearchContext, resource_type: str) -> Mapping[str, Parameter]:
    return parameters_of(context.definitions).of(resource_type)


async def conditional_criteria(
    resource_type: str, parameters: Parameters, context: SearchContext
) -> tuple[Criterion, ...]:
    """The criteria of a conditional write. Raises as `parse` does, and `Invalid` where there are none, where the type
    lacks one of the parameters, and for what is no criterion: it must never mean "all"."""
    for name, _ in parameters:
        if name.partition(":")[0] in NO_CRITERIA:
            raise Invalid(f"The parameter {name} cannot stand in the criteria of a conditional request.")
    search = await parse(resource_type, parameters, context, strict=True)
    assert isinstance(search.query, Query)
    if all(map(_is_always, search.query.criteria)):
        raise Invalid("A conditional request needs at least one search parameter.")
    return search.query.criteria


def _is_always(criterion: Criterion) -> bool:
    """Whether everything matches it by its form alone, as with `_id:missing=false`."""
    match criterion:
        case AllOf(parts):
            return all(map(_is_always, parts))
        case AnyOf(parts):
            return any(map(_is_always, parts))
        case Not(part):
            return _is_never(part)
    return False


def _is_never(criterion: Criterion) -> bool:
    match criterion:
        case AllOf(parts):
            return any(map(_is_never, parts))
        case AnyOf(parts):
            return all(map(_is_never, parts))
        case Not(part):
            return _is_always(part)
    return False


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


async def _read(
    parameters: Parameters, types: tuple[str, ...], context: SearchContext, *, system: bool = False
) -> _Reading:
    _check_limits(parameters, context)
    limits = context.limits
    results = Results(types, context, count_of(None, default=limits.count, limit=limits.max_count), system)
    reading = _Reading(results, Compilation(context), {type: [] for type in types})
    for name, value in parameters:
        await _take(reading, name, value)
    if results.includes and results.summary == "text":
        raise Invalid("_include and _revinclude cannot be combined with _summary=text.")
    return reading


async def _take(reading: _Reading, name: str, value: str) -> None:
    plain = name.partition(":")[0]
    if name in ABOUT_THE_ANSWER:
        return
    if plain in ABOUT_THE_ANSWER:
        raise Invalid(f"The parameter {plain} has no modifiers.")
    if plain in NOT_OFFERED:
        raise NotSupported(f"The parameter {plain} cannot be used: {NOT_OFFERED[plain]}.")
    if plain == TYPE:
        raise Invalid(f"The parameter {TYPE} belongs to searches of the whole system, and has no modifiers.")
    if plain in INCLUDES:
        reading.used.append(take_include(reading.results, name, value))
    elif plain in RESULT_PARAMETERS:
        _take_result(reading, name, plain)
        reading.used.append((name, RESULT_PARAMETERS[plain](reading.results, value)))
    else:
        await _take_criterion(reading, name, value)


def _take_result(reading: _Reading, name: str, plain: str) -> None:
    if name != plain:
        raise Invalid(f"The parameter {plain} has no modifiers.")
    if any(name == used for used, _ in reading.used):
        raise Invalid(f"The parameter {name} may be given once.")


async def _take_criterion(reading: _Reading, name: str, value: str) -> None:
    found: list[Criterion] = []
    for type in reading.criteria:
        criterion = await compile_criterion(reading.compilation, type, name, value)
        if criterion is None:
            reading.unknown.append(_unknown(name, type))
            return
        found.append(criterion)
    for criteria, criterion in zip(reading.criteria.values(), found, strict=True):
        criteria.append(criterion)
    reading.used.append((name, value))


def _unknown(name: str, resource_type: str) -> Issue:
    text = f"{resource_type} has no search parameter {name}: it was not used."
    return Issue("not-supported", text, severity="warning")


def _around(contained: Contained, reading: _Reading, types: Sequence[str]) -> SystemQuery:
    results = reading.results
    if results.includes:
        raise NotSupported("_include and _revinclude are not offered together with _contained.")
    if not contained.criteria:
        raise Invalid("The parameter _contained needs a parameter that says what is searched for.")
    if any(key.type != "row" for key in results.sort):
        raise NotSupported("With _contained results are sorted by _id and _lastUpdated.")
    parts = containers(contained, types, results.context.definitions)
    for _ in parts:
        reading.compilation.spend(len(contained.criteria))
    sort = sorted_by_row(results.sort, [part.type for part in parts], results.context.definitions)
    return SystemQuery(parts, sort, results.count)


def _search(reading: _Reading, query: Query | SystemQuery, contained: Contained | None, *, strict: bool) -> Search:
    results = reading.results
    ignored = [*reading.unknown, *results.issues]
    if strict and ignored:
        raise Invalid([Issue(issue.code, issue.diagnostics) for issue in ignored])
    return Search(
        query,
        tuple(reading.used),
        (*ignored, *results.notes),
        results.total,
        results.summary,
        results.elements,
        tuple(results.includes),
        results.explain,
        contained,
    )


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
