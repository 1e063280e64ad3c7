"""Adding a duration to a date or time. http://hl7.org/fhirpath/N1/#datetime-arithmetic"""

from calendar import monthrange
from datetime import date
from decimal import Decimal

from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.values.amounts import Amount, calendar_unit
from fhir_server.fhirpath.values.moments import DAY, HOUR, MINUTE, SECOND, Moment

_DEFINITE = {"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}
_NANOSECONDS = {
    "week": 7 * DAY,
    "day": DAY,
    "hour": HOUR,
    "minute": MINUTE,
    "second": SECOND,
    "millisecond": SECOND // 1000,
}
# What one step of a precision (year, month, day, hour, minute) stands for, where a duration is finer than the date.
_STEP = {1: 365 * DAY, 2: 30 * DAY, 3: DAY, 4: HOUR, 5: MINUTE}
_MOST = 10**22
_LAST_YEAR = 9999


def plus(moment: Moment, duration: Amount, sign: int) -> Moment | None:
    """The date or time so much later (`sign` 1) or earlier (-1), as exactly as it was; None outside the years 1 to
    9999. Raises `EvaluationError` for what is no duration: `a` and `mo` of UCUM are none on a calendar."""
    unit = duration.unit if duration.calendar else _DEFINITE.get(duration.unit) or calendar_unit(duration.unit)
    if unit is None:
        raise EvaluationError(f"{duration.unit} is no calendar duration")
    if unit in ("year", "month"):
        if moment.clock:
            raise EvaluationError("A time of the day has no years and months")
        months = int(duration.value) * (12 if unit == "year" else 1)
        return _months_later(moment, sign * months)
    # Parts are used from the second down only.
    value = duration.value if unit in ("second", "millisecond") else Decimal(int(duration.value))
    if abs(value) > _MOST:
        return None
    return _later(moment, sign * int(value * _NANOSECONDS[unit]))


def _months_later(moment: Moment, months: int) -> Moment | None:
    if moment.depth == 1:
        months = _whole(months, 12) * 12
    year, month = divmod(moment.fields[0] * 12 + (*moment.fields, 1)[1] - 1 + months, 12)
    if not 1 <= year <= _LAST_YEAR:
        return None
    fields = (year, month + 1, *moment.fields[2:])[: len(moment.fields)]
    if len(fields) > 2:
        fields = (*fields[:2], min(fields[2], monthrange(year, month + 1)[1]), *fields[3:])
    return Moment(fields, moment.fraction, moment.offset)


def _later(moment: Moment, nanoseconds: int) -> Moment | None:
    depth = moment.depth
    if depth < 3:
        steps = _whole(nanoseconds, _STEP[depth])
        return _months_later(moment, steps * (12 if depth == 1 else 1))
    if depth < 6:
        nanoseconds = _whole(nanoseconds, _STEP[depth]) * _STEP[depth]
    return _clock_later(moment, nanoseconds) if moment.clock else _day_later(moment, nanoseconds)


def _whole(amount: int, step: int) -> int:
    """How many whole steps an amount has, towards zero."""
    steps = abs(amount) // step
    return steps if amount >= 0 else -steps


def _clock_later(moment: Moment, nanoseconds: int) -> Moment:
    """Past midnight the day starts anew."""
    _, clock, fraction = _split(_since_midnight(moment.fields, moment) + nanoseconds)
    return Moment(clock[: len(moment.fields)], _digits(moment, fraction), clock=True)


def _day_later(moment: Moment, nanoseconds: int) -> Moment | None:
    days, clock, fraction = _split(_since_midnight(moment.fields[3:], moment) + nanoseconds)
    ordinal = date(*moment.fields[:3]).toordinal() + days
    if not 1 <= ordinal <= date.max.toordinal():
        return None
    day = date.fromordinal(ordinal)
    fields = (day.year, day.month, day.day, *clock)[: len(moment.fields)]
    return Moment(fields, _digits(moment, fraction), moment.offset)


def _since_midnight(clock: tuple[int, ...], moment: Moment) -> int:
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    return hour * HOUR + minute * MINUTE + second * SECOND + moment.nanoseconds


def _split(nanoseconds: int) -> tuple[int, tuple[int, ...], int]:
    days, rest = divmod(nanoseconds, DAY)
    hour, rest = divmod(rest, HOUR)
    minute, rest = divmod(rest, MINUTE)
    second, rest = divmod(rest, SECOND)
    return days, (hour, minute, second), rest


def _digits(moment: Moment, nanoseconds: int) -> str:
    """The digits after the second: as many as there were, more where they are needed."""
    if moment.depth < 6:
        return ""
    digits = f"{nanoseconds:09d}"
    shortest = digits.rstrip("0")
    if len(shortest) > len(moment.fraction):
        return digits[:3] if len(shortest) <= 3 else shortest
    return digits[: len(moment.fraction)]
