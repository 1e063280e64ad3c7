"""Parameters that say how results are shown: `_count`, `_sort`, `_total`, `_summary`, `_elements`.

https://hl7.org/fhir/R4/search.html#Summary
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from fhir_server.outcome import Invalid, Issue, NotSupported, TooCostly
from fhir_server.search.context import SearchContext
from fhir_server.search.parameter_types import TYPE_BY_NAME
from fhir_server.search.parameters import BY_ROW, parameters_of
from fhir_server.store.criteria import SortKey, SortType

Total = Literal["none", "estimate", "accurate"]
Summary = Literal["true", "text", "data", "count", "false"]

_MAX_SORT_KEYS = 8
_SHOWN = 64
"""So much of a name is said back"""
_MANDATORY = frozenset({"id", "meta", "resourceType"})


@dataclass(slots=True)
class Results:
    """How the results are to be shown, while the parameters are read."""

    resource_type: str
    context: SearchContext
    count: int
    sort: tuple[SortKey, ...] = ()
    total: Total = "none"
    summary: Summary | None = None
    elements: tuple[str, ...] = ()
    issues: list[Issue] = field(default_factory=list)


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
    results.total = cast(Total, _one_of("_total", value, ("none", "estimate", "accurate")))
    return value


def _summary(results: Results, value: str) -> str:
    results.summary = cast(Summary, _one_of("_summary", value, ("true", "text", "data", "count", "false")))
    return value


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise Invalid(f"The parameter {name} is one of {', '.join(allowed)}.")
    return value


def _elements(results: Results, value: str) -> str:
    """The elements of the type that are asked for; names that it does not have are left out, with a warning."""
    definitions = results.context.definitions
    known = {element.name for element in definitions.structure(results.resource_type).elements} | _MANDATORY
    asked = [name.strip() for name in value.split(",") if name.strip()]
    for name in asked:
        if name not in known:
            text = f"_elements: {results.resource_type} has no element {name[:_SHOWN]}."
            results.issues.append(Issue("not-found", text, severity="warning"))
    results.elements = tuple(name for name in asked if name in known)
    if not results.elements:
        raise Invalid(f"The parameter _elements names no element of {results.resource_type}.")
    return ",".join(results.elements)


def _sort(results: Results, value: str) -> str:
    names = value.split(",")
    if len(names) > _MAX_SORT_KEYS:
        raise TooCostly(f"The parameter _sort names at most {_MAX_SORT_KEYS} parameters.")
    results.sort = tuple(_sort_key(results, name.strip()) for name in names)
    return value


def _sort_key(results: Results, text: str) -> SortKey:
    name = text.removeprefix("-")
    parameter = parameters_of(results.context.definitions).of(results.resource_type).get(name)
    if parameter is None:
        raise Invalid(f"_sort: {results.resource_type} has no search parameter {name[:_SHOWN]!r} to sort by.")
    declared = TYPE_BY_NAME[parameter.definition.type]
    if parameter.code.always_empty or not (declared.sortable or name in BY_ROW):
        raise NotSupported(f"_sort: sorting by {name}, a {declared.name} parameter, is not offered.")
    kind: SortType = "row" if name in BY_ROW else "date"
    return SortKey(name, descending=text.startswith("-"), elements=parameter.elements, type=kind)


RESULT_PARAMETERS: Mapping[str, Callable[[Results, str], str]] = {
    "_count": _count,
    "_elements": _elements,
    "_sort": _sort,
    "_summary": _summary,
    "_total": _total,
}
"""Each notes what is asked and gives back the value as it is used"""

ABOUT_THE_ANSWER = frozenset({"_format", "_pretty"})
"""Read where the answer is made, not here"""

# fmt: off
NOT_OFFERED = frozenset({
    "_contained", "_containedType", "_has", "_include", "_list", "_revinclude", "_score", "_type",
})
# fmt: on
