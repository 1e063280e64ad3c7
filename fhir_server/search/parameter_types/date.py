"""date: dates, times and periods as ranges of time. https://hl7.org/fhir/R4/search.html#date

A Period without start or end is open there; a Timing is the span of its events and of the period that bounds it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast, get_args

from fhir_server.outcome import Invalid
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.reading.dates import DateReader, date_reader
from fhir_server.search.reading.escapes import unescape
from fhir_server.store.criteria import Criterion, DateIs, LastUpdatedIs, Prefix
from fhir_server.store.entries import EARLIEST, LATEST

_DATES = ("date", "dateTime", "instant", "System.Date", "System.DateTime")
_PREFIXES = frozenset(get_args(Prefix))
_APPROXIMATELY = 10
"""`ap` reaches a tenth of the time between the date and now farther to both sides"""


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name, read = extraction.name, extraction.read_date

    def date(value: Any, draft: Draft) -> None:
        found = read(value)
        if found is not None:
            draft.dates.append((name, *found))

    def period(value: Any, draft: Draft) -> None:
        found = _period(value, read)
        if found is not None:
            draft.dates.append((name, *found))

    def timing(value: Any, draft: Draft) -> None:
        found = _timing(value, read)
        if found is not None:
            draft.dates.append((name, *found))

    return {**dict.fromkeys(_DATES, date), "Period": period, "Timing": timing}


def _period(value: dict[str, Any], read: DateReader) -> tuple[int, int] | None:
    start, end = value.get("start"), value.get("end")
    first = None if start is None else read(start)
    last = None if end is None else read(end)
    if first is None and last is None:
        return None
    if first is not None and last is not None and first[0] >= last[1]:
        return _span((first, last))  # the end stands before the start: it can be found all the same
    return (EARLIEST if first is None else first[0]), (LATEST if last is None else last[1])


def _timing(value: dict[str, Any], read: DateReader) -> tuple[int, int] | None:
    ranges = [found for event in value.get("event", ()) if event is not None and (found := read(event))]
    bounds = (value.get("repeat") or {}).get("boundsPeriod")
    if bounds is not None and (found := _period(bounds, read)):
        ranges.append(found)
    return _span(ranges) if ranges else None


def _span(ranges: Iterable[tuple[int, int]]) -> tuple[int, int]:
    lows, highs = zip(*ranges, strict=True)
    return min(lows), max(highs)


async def _compile(asked: Asked) -> Criterion:
    if asked.modifier is not None:
        raise asked.refuse()
    parameter, context = asked.parameter, asked.context
    prefix, low, high = prefixed_range(parameter.name, unescape(asked.value), date_reader(context.timezone))
    if prefix == "ap":
        low, high = _approximately(low, high, context.clock_ms() * 1000)
    if parameter.name == "_lastUpdated":
        return LastUpdatedIs(prefix, low, high, parameter.elements)
    return DateIs(parameter.name, prefix, low, high, parameter.elements, parameter.beside)


def prefixed_range(name: str, value: str, read: DateReader) -> tuple[Prefix, int, int]:
    """The prefix (`eq` where none is given) and the range of a date in a query; raises `Invalid`."""
    prefix, text = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    # A plus sign that was not percent-encoded arrives as a space.
    found = read(text.replace(" ", "+")) if prefix in _PREFIXES else None
    if found is None:
        raise Invalid(
            f"The parameter {name} needs a date or time such as 2026-01-31, ge2026-01 or lt2026-01-31T09:30:00Z; "
            f"prefixes are {', '.join(get_args(Prefix))}."
        )
    return cast(Prefix, prefix), *found


def _approximately(low: int, high: int, now: int) -> tuple[int, int]:
    distance = max(low - now, now - high, 0)
    return low - distance // _APPROXIMATELY, high + distance // _APPROXIMATELY


DATE = ParameterType("date", frozenset({"missing"}), _extractors, _compile, sortable=True)
