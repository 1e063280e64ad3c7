"""Dates and times: format, and whether there is such a day. https://hl7.org/fhir/R4/datatypes.html#dateTime

A leap second (:60) is allowed, as the specification says; 24:00 is not.
"""

import re
from calendar import monthrange

_TIME_OF_DAY = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"

_DATE = re.compile(rf"(?!0000)[0-9]{{4}}(?:-{_MONTH}(?:-{_DAY})?)?", re.ASCII)
_INSTANT = re.compile(rf"(?!0000)[0-9]{{4}}-{_MONTH}-{_DAY}T{_TIME_OF_DAY}{_ZONE}", re.ASCII)
_TIME = re.compile(_TIME_OF_DAY, re.ASCII)


def is_date(value: str) -> bool:
    """YYYY, YYYY-MM or YYYY-MM-DD, and there is such a day."""
    return _DATE.fullmatch(value) is not None and _is_day(value)


def is_date_time(value: str) -> bool:
    """A date, or a date with time, seconds and zone."""
    pattern = _INSTANT if len(value) > 10 else _DATE
    return pattern.fullmatch(value) is not None and _is_day(value)


def is_instant(value: str) -> bool:
    """A date with time, seconds and zone."""
    return _INSTANT.fullmatch(value) is not None and _is_day(value)


def is_time(value: str) -> bool:
    """hh:mm:ss, with a fraction if need be."""
    return _TIME.fullmatch(value) is not None


def _is_day(value: str) -> bool:
    """Whether there is the day that a well-formed value starts with; a day up to the 28th always is."""
    day = value[8:10]
    return day <= "28" or int(day) <= monthrange(int(value[:4]), int(value[5:7]))[1]
