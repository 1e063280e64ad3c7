"""Parameters that say how results are shown: `_count`, `_sort`, `_total`, `_summary`, `_elements`, `_include` …

https://hl7.org/fhir/R4/search.html#Summary
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from fhir_server.outcome import Invalid, Issue, NotSupported, TooCostly
from fhir_server.search.contained import Returns, Which
from fhir_server.search.context import SearchContext
from fhir_server.search.include import Include, read_include
from fhir_server.search.offered import require_indexed
from fhir_server.search.parameter_types import TYPE_BY_NAME
from fhir_server.search.parameters import BY_ROW, parameters_of
from fhir_server.store.criteria import SortKey, SortType

Total = Literal["none", "estimate", "accurate"]
Summary = Literal["true", "text", "data", "count", "false"]

_MAX_SORT_KEYS = 8
_SHOWN = 64
"""So much of a name is said back"""
_MANDATORY = frozenset({"id", "meta", "resourceType"})
_SORTABLE = frozenset(get_args(SortType)) - {"row"}


@dataclass(slots=True)
class Results:
    """How the results are to be shown, while the parameters are read. `system`: the search is for several types.
    `issues` are errors for those who asked to be strict, `notes` never."""

    types: tuple[str, ...]
    context: SearchContext
    count: int
    system: bool = False
    sort: tuple[SortKey, ...] = ()
    total: Total = "none"
    summary: Summary | None = None
    elements: tuple[str, ...] = ()
    includes: list[Include] = field(default_factory=list)
    contained: Which = "false"
    contained_type: Returns | None = None
    explain: bool = False
    issues: list[Issue] = field(default_factory=list)
    notes: list[Issue] = field(default_factory=list)


def count_of(text: str | None, *, default: int, limit: int) -> int:
    """The number of results a page holds: `_count` as it was given (None: not at all), and never over the limit.
    Raises `Invalid` for what is no whole number."""
    if text is None:
        return min(default, limit)
    if not (text.isascii() and text.isdigit()):
        raise Invalid("The parameter _count is a whole number, 0 or more.")
    digits = text.lstrip("0")
    return min(int(digits or "0"), limit) if len(digits) <= len(str(limit)) else limit


def _count(results: Results, value: str) -> str:
    limits = results.context.limits
    results.count = count_of(value, default=limits.count, limit=limits.max_count)
    return str(results.count)


def _total(results: Results, value: str) -> str:
    results.total = cast(Total, one_of("_total", value, get_args(Total)))
    return value


def _summary(results: Results, value: str) -> str:
    results.summary = cast(Summary, one_of("_summary", value, get_args(Summary)))
    return value


def _contained(results: Results, value: str) -> str:
    results.contained = cast(Which, one_of("_contained", value, get_args(Which)))
    return value


def _contained_type(results: Results, value: str) -> str:
    results.contained_type = cast(Returns, one_of("_containedType", value, get_args(Returns)))
    return value


def _explain(results: Results, value: str) -> str:
    results.explain = one_of("_explain", value, ("true", "false")) == "true"
    return value


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """The value, which must be one of these; raises `Invalid`."""
    if value not in allowed:
        raise Invalid(f"The parameter {name} is one of {', '.join(allowed)}.")
    return value


def _elements(results: Results, value: str) -> str:
    """The elements of the types that are asked for; names that they do not have are left out, with a warning."""
    definitions, types = results.context.definitions, results.types
    known = {element.name for type in types for element in definitions.structure(type).elements} | _MANDATORY
    asked = [name.strip() for name in value.split(",") if name.strip()]
    for name in asked:
        if name not in known:
            text = f"_elements: {_named(types)} has no element {name[:_SHOWN]}."
            results.issues.append(Issue("not-found", text, severity="warning"))
    results.elements = tuple(name for name in asked if name in known)
    if not results.elements:
        raise Invalid(f"The parameter _elements names no element of {_named(types)}.")
    return ",".join(results.elements)


def _named(types: tuple[str, ...]) -> str:
    return types[0] if len(types) == 1 else "none of the types"


def _sort(results: Results, value: str) -> str:
    names = value.split(",")
    if len(names) > _MAX_SORT_KEYS:
        raise TooCostly(f"The parameter _sort names at most {_MAX_SORT_KEYS} parameters.")
    results.sort = tuple(_sort_key(results, name.strip()) for name in names)
    return value


def _sort_key(results: Results, text: str) -> SortKey:
    name, descending = text.removeprefix("-"), text.startswith("-")
    if name == "_score":
        raise NotSupported("_sort: results have no score to sort by.")
    if results.system and name not in BY_ROW:
        raise Invalid("_sort: a search of several types is sorted by _id and _lastUpdated.")
    parameter = parameters_of(results.context.definitions).of(results.types[0]).get(name)
    if parameter is None:
        raise Invalid(f"_sort: {results.types[0]} has no search parameter {name[:_SHOWN]!r} to sort by.")
    if name in BY_ROW:
        return SortKey(name, descending, parameter.elements)
    declared = TYPE_BY_NAME[parameter.definition.type]
    if declared.name not in _SORTABLE:
        raise Invalid(f"_sort: {name} is a {declared.name} parameter, and these have no order.")
    if parameter.code.always_empty or name in declared.not_offered or name in _WITHOUT_ORDER:
        raise NotSupported(f"_sort: sorting by {name} is not offered.")
    require_indexed(parameter)
    return SortKey(name, descending, parameter.elements, cast(SortType, declared.name))


_WITHOUT_ORDER = frozenset({"_text", "_content"})
"""Full text: the index keeps words"""


def take_include(results: Results, name: str, value: str) -> tuple[str, str]:
    """Notes what `_include` or `_revinclude` asks; gives back the parameter as it was understood."""
    found = read_include(name, value, results.types, results.context)
    results.includes += (each for each in found.includes if each not in results.includes)
    results.notes += (each for each in found.notes if each not in results.notes)
    limit = results.context.limits.includes
    if len(results.includes) > limit:
        raise TooCostly(f"A search includes along at most {limit} references: name them instead of *.")
    return found.used


RESULT_PARAMETERS: Mapping[str, Callable[[Results, str], str]] = {
    "_contained": _contained,
    "_containedType": _contained_type,
    "_count": _count,
    "_elements": _elements,
    "_explain": _explain,
    "_sort": _sort,
    "_summary": _summary,
    "_total": _total,
}
"""Each notes what is asked and gives back the value as it is used. None has modifiers, each may be given once."""

INCLUDES = frozenset({"_include", "_revinclude"})
"""They may carry `:iterate`, and be given often"""

ABOUT_THE_ANSWER = frozenset({"_format", "_pretty"})
"""Read where the answer is made, not here"""

TYPE = "_type"
"""Which types a search of the whole system is for"""

NOT_OFFERED = {
    "_query": "named queries are not offered",
    "_score": "results have no score",
    "_graph": "graphs are not offered; use _include and _revinclude",
    "_maxresults": "give _count, and stop following the links",
}
"""Names that other servers and releases have, with what to say"""

NO_CRITERIA = frozenset({*RESULT_PARAMETERS, *INCLUDES, *ABOUT_THE_ANSWER, TYPE})
"""What says where to search or how to show it, and never what is searched for"""
