"""Dates as the reference compares them. https://hl7.org/fhir/R4/search.html#date"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
"""The zone in which a server with default settings reads a date without a zone"""

EPOCH = date(1970, 1, 1)
SECOND = 1_000_000
FOREVER = float("inf")
WRITTEN = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d+))?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)


@dataclass(frozen=True)
class Span:
    """From `low` up to, not including, `high`; microseconds since 1970."""

    low: float
    high: float


def span_of(text: str) -> Span:
    """All the time that a date, as precise as it is written, may mean. Raises `ValueError` for what is no date."""
    match = WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(f"no date: {text}")
    part = match.groupdict()
    first = date(int(part["year"]), int(part["month"] or 1), int(part["day"] or 1))
    if part["hour"] is None:
        after = _after(first, part)
        return Span(_instant(first, 0, None, 0), _instant(first, 0, None, 0, days=after))
    second = int(part["second"] or 0)
    micro = (int(part["hour"]) * 3600 + int(part["minute"]) * 60 + second) * SECOND
    micro += int((part["fraction"] or "").ljust(6, "0")[:6])
    width = 60 * SECOND if part["second"] is None else 10 ** max(6 - len(part["fraction"] or ""), 0)
    low = _instant(first, micro, part["zone"], 0)
    # In the hour that clocks leave out, the second reading lies before the first.
    return Span(low, max(_instant(first, micro, part["zone"], 1), low) + width)


def _after(first: date, part: Mapping[str, str | None]) -> int:
    """How many days the written day, month or year has."""
    if part["day"] is not None:
        return 1
    days, day = 0, first
    while day.year == first.year and (part["month"] is None or day.month == first.month):
        days += 1
        if day == date.max:
            break
        day += timedelta(days=1)
    return days


def _instant(day: date, micro: int, zone: str | None, fold: int, days: int = 0) -> int:
    """The instant of a time on a day; without a zone that of London, by `fold` the first or second of two."""
    ordinal = day.toordinal() + days
    local = (ordinal - EPOCH.toordinal()) * 86400 * SECOND + micro
    if zone is not None:
        offset = 0 if zone == "Z" else int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
        return local + (offset if zone[0] == "-" else -offset) * SECOND
    there = datetime.combine(date.fromordinal(min(ordinal, date.max.toordinal())), datetime.min.time())
    there = (there + timedelta(microseconds=micro)).replace(tzinfo=LONDON, fold=fold)
    gap = there.utcoffset()
    assert gap is not None
    return local - int(gap.total_seconds()) * SECOND


def spans(kind: str, value: Any) -> list[Span]:
    """The time that a value of a resource takes; none for what tells no time."""
    if kind in ("date", "dateTime", "instant"):
        return [span_of(value)]
    if kind == "Period":
        return period(value)
    if kind == "Timing":
        parts = [span_of(event) for event in value.get("event", []) if event is not None]
        parts += period(value.get("repeat", {}).get("boundsPeriod", {}))
        return [Span(min(part.low for part in parts), max(part.high for part in parts))] if parts else []
    return []


def period(value: Any) -> list[Span]:
    """A Period without start or end is open there; with neither it tells nothing; turned round it is found between."""
    start = span_of(value["start"]) if "start" in value else None
    end = span_of(value["end"]) if "end" in value else None
    if start is None and end is None:
        return []
    if start is not None and end is not None and start.low >= end.high:
        return [Span(min(start.low, end.low), max(start.high, end.high))]
    return [Span(start.low if start else -FOREVER, end.high if end else FOREVER)]


Compare = Callable[[Span, Span], bool]
"""Whether the first, of a resource, stands to the second, that is asked for, as a prefix says"""


def within(found: Span, asked: Span) -> bool:
    return asked.low <= found.low and found.high <= asked.high


def overlap(found: Span, asked: Span) -> bool:
    return found.low < asked.high and asked.low < found.high


PREFIXES: dict[str, Compare] = {
    "eq": within,
    "ne": lambda found, asked: not within(found, asked),
    "gt": lambda found, asked: found.high > asked.high,
    "lt": lambda found, asked: found.low < asked.low,
    "ge": lambda found, asked: found.high > asked.high or within(found, asked),
    "le": lambda found, asked: found.low < asked.low or within(found, asked),
    "sa": lambda found, asked: found.low >= asked.high,
    "eb": lambda found, asked: found.high <= asked.low,
    "ap": overlap,
}


def date_matches(kind: str, value: Any, text: str, now: int) -> bool:
    """Whether a value of a resource is what a query asks for. `now`: microseconds since 1970."""
    prefix, text = (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)
    asked = span_of(text)
    if prefix == "ap":
        farther = max(asked.low - now, now - asked.high, 0) // 10
        asked = Span(asked.low - farther, asked.high + farther)
    return any(PREFIXES[prefix](found, asked) for found in spans(kind, value))
