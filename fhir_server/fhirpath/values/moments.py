"""Dates, dates with times, and times of the day, to the precision that they are written with.

http://hl7.org/fhirpath/N1/#datetime-equality, #comparison
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

_CLOCK = r"(?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?)?"
_DATE = re.compile(
    rf"(?P<year>\d{{4}})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?(?:T(?:{_CLOCK}(?P<zone>Z|[+-]\d\d:\d\d)?)?)?",
    re.ASCII,
)
_TIME = re.compile(_CLOCK, re.ASCII)
_OF_DATE, _OF_TIME = ("year", "month", "day", "hour", "minute", "second"), ("hour", "minute", "second")
_HIGHEST = {"month": 12, "hour": 23, "minute": 59, "second": 59}

SECOND: Final = 1_000_000_000
"""In nanoseconds, the finest that is told apart"""
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_ANY_ZONE = 14 * HOUR
_LENGTHS = (DAY, HOUR, MINUTE)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, date with time or time of the day. `fields`: from the year (for a time: the hour) as far as it is known;
    `fraction`: the digits after the second; `offset`: minutes from UTC where a zone is given."""

    fields: tuple[int, ...]
    fraction: str = ""
    offset: int | None = None
    clock: bool = False

    @property
    def depth(self) -> int:
        """How far it is known: 1 for the year to 6 for the second."""
        return len(self.fields) + (3 if self.clock else 0)

    @property
    def nanoseconds(self) -> int:
        """The digits after the second as nanoseconds."""
        return int(self.fraction.ljust(9, "0")) if self.fraction else 0

    def zone(self) -> str:
        """The zone as it is written; empty where none is given."""
        if self.offset is None:
            return ""
        if self.offset == 0:
            return "+00:00"
        hours, minutes = divmod(abs(self.offset), 60)
        return f"{'-' if self.offset < 0 else '+'}{hours:02d}:{minutes:02d}"

    def text(self) -> str:
        """As FHIR writes it."""
        names = [f"{field:02d}" for field in self.fields]
        if self.clock:
            return ":".join(names) + (f".{self.fraction}" if self.fraction else "")
        names[0] = f"{self.fields[0]:04d}"
        day = "-".join(names[:3])
        if len(names) <= 3:
            return day
        return f"{day}T{':'.join(names[3:])}{f'.{self.fraction}' if self.fraction else ''}{self.zone()}"


@lru_cache(4096)
def read_moment(text: str) -> Moment | None:
    """A date or date with time (`2015`, `2015T`, `2015-02-04T14:34:28.123+10:00`); None for what is none."""
    match = _DATE.fullmatch(text)
    if match is None or (match["hour"] is not None and match["day"] is None):
        return None
    fields = _fields(match, _OF_DATE)
    if fields is None or not _is_day(fields):
        return None
    zone = match["zone"]
    return Moment(fields, match["fraction"] or "", None if zone is None else _minutes(zone))


@lru_cache(1024)
def read_time(text: str) -> Moment | None:
    """A time of the day (`14`, `14:34:28.123`); None for what is none."""
    match = _TIME.fullmatch(text)
    fields = None if match is None else _fields(match, _OF_TIME)
    return None if match is None or fields is None else Moment(fields, match["fraction"] or "", clock=True)


def _fields(match: re.Match[str], names: tuple[str, ...]) -> tuple[int, ...] | None:
    found: list[int] = []
    for name in names:
        if match[name] is None:
            break
        found.append(int(match[name]))
        if found[-1] > _HIGHEST.get(name, 9999) or (name in ("month", "year") and not found[-1]):
            return None
    return tuple(found)


def _is_day(fields: tuple[int, ...]) -> bool:
    try:
        date(*(*fields[:3], 1, 1)[:3])
    except ValueError:
        return False
    return True


def _minutes(zone: str) -> int:
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def instant(moment: Moment) -> int:
    """The first nanosecond that it may mean, from the year 1 (for a time: from midnight), its zone taken off."""
    if moment.clock:
        hour, minute, second = (*moment.fields, 0, 0)[:3]
        days = 0
    else:
        year, month, day, hour, minute, second = (*moment.fields, *(1, 1, 1, 0, 0, 0)[len(moment.fields) :])
        days = date(year, month, day).toordinal()
    whole = days * DAY + hour * HOUR + minute * MINUTE + second * SECOND + moment.nanoseconds
    return whole - (moment.offset or 0) * MINUTE


def span(moment: Moment) -> tuple[int, int]:
    """[first, end) of the nanoseconds that it may mean; to the second it is a point, whose two ends are the same."""
    first = instant(moment)
    depth = moment.depth
    if depth == 6:
        return first, first
    if depth > 2:
        return first, first + _LENGTHS[depth - 3]
    year, month = (*moment.fields, 12)[:2]
    following = date(year + month // 12, month % 12 + 1, 1).toordinal() if (year, month) < (9999, 12) else None
    return first, (date.max.toordinal() + 1 if following is None else following) * DAY


def compare(left: Moment, right: Moment) -> int | None:
    """-1, 0 or 1 where the left is before, the same as or after the right; None where the precision or a missing zone
    leaves it open. A date and a time of the day are never the same."""
    (first, end), (other, other_end) = span(left), span(right)
    zones_differ = (left.offset is None) != (right.offset is None) and max(left.depth, right.depth) > 3
    if zones_differ:
        # The one without a zone may be anywhere on earth.
        if left.offset is None:
            first, end = first - _ANY_ZONE, end + _ANY_ZONE
        else:
            other, other_end = other - _ANY_ZONE, other_end + _ANY_ZONE
    if end < other or (end == other and end != first):
        return -1
    if other_end < first or (other_end == first and other_end != other):
        return 1
    if zones_differ or left.depth != right.depth or (first, end) != (other, other_end):
        return None if first != end or other != other_end else (first > other) - (first < other)
    return 0
