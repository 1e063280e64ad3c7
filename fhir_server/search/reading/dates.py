"""A date as the range of time that it may mean, by its precision.

https://hl7.org/fhir/R4/search.html#date, https://hl7.org/fhir/R4/datatypes.html#dateTime

A date without a zone is read in the zone of the server, whose offset may differ at both ends of the range.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

DateReader = Callable[[str], tuple[int, int] | None]
"""[low, high) in microseconds since 1970 UTC, None for what is no date"""

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,30}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_EPOCH = date(1970, 1, 1).toordinal()
_SECOND = 1_000_000
_DAY = 86_400
_MICROSECOND_DIGITS = 6
_LAST_DAY = date.max.toordinal()
_CACHED = 4096
_LONGEST = 64


@lru_cache(maxsize=8)
def date_reader(timezone: ZoneInfo) -> DateReader:
    """The function that reads dates, dateTimes and instants, where they name no zone in this one.

    It also reads a time without seconds, which a search may name and a resource may not hold.
    """

    def read(text: str) -> tuple[int, int] | None:
        return read_short(text) if len(text) <= _LONGEST else None

    @lru_cache(maxsize=_CACHED)
    def read_short(text: str) -> tuple[int, int] | None:
        match = _DATE.fullmatch(text)
        if match is None:
            return None
        try:
            return _time_range(match, timezone) if match.group(4) else _day_range(match, timezone)
        except (ValueError, OverflowError):
            return None

    return read


def _day_range(match: re.Match[str], timezone: ZoneInfo) -> tuple[int, int]:
    year, month, day = match.group(1, 2, 3)
    first = date(int(year), int(month or 1), int(day or 1))
    last_month = not month or first.month == 12
    if day:
        end = first.toordinal() + 1
    elif last_month:
        end = date(first.year, 12, 31).toordinal() + 1
    else:
        end = date(first.year, first.month + 1, 1).toordinal()
    return _midnight(first.toordinal(), timezone), _midnight(end, timezone)


def _midnight(ordinal: int, timezone: ZoneInfo) -> int:
    """The start of a day in a zone."""
    known = date.fromordinal(min(ordinal, _LAST_DAY))
    offset = _offset(datetime(known.year, known.month, known.day, tzinfo=timezone))
    return ((ordinal - _EPOCH) * _DAY - offset) * _SECOND


def _time_range(match: re.Match[str], timezone: ZoneInfo) -> tuple[int, int]:
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    here = date(int(year), int(month), int(day))
    hours, minutes, seconds = int(hour), int(minute), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 60:  # FHIR allows a leap second
        raise ValueError("not a time of the day")
    low = ((here.toordinal() - _EPOCH) * _DAY + hours * 3600 + minutes * 60 + seconds) * _SECOND
    width = 60 * _SECOND if second is None else _SECOND
    if fraction:
        low += int(fraction[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0"))
        width = 10 ** max(_MICROSECOND_DIGITS - len(fraction), 0)
    if zone:
        offset = _zone_offset(zone) * _SECOND
        return low - offset, low + width - offset
    # A time that comes twice, when clocks are put back, may be either; one that clocks leave out is read as before it.
    local = datetime(here.year, here.month, here.day, hours, minutes, tzinfo=timezone)
    first = _offset(local)
    return low - first * _SECOND, low + width - min(first, _offset(local.replace(fold=1))) * _SECOND


def _zone_offset(zone: str) -> int:
    if zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 14 or minutes > 59 or (hours == 14 and minutes):
        raise ValueError("no zone is farther than 14 hours from UTC")
    offset = hours * 3600 + minutes * 60
    return -offset if zone[0] == "-" else offset


def _offset(local: datetime) -> int:
    offset = local.utcoffset()
    return 0 if offset is None else offset.days * _DAY + offset.seconds
