"""The least and the greatest value that a value may stand for, by its precision.

http://hl7.org/fhirpath/#lowboundaryprecision-integer-decimal--date--datetime--time: of a later version of FHIRPath,
and in the official suite for R4.
"""

from calendar import monthrange
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

from fhir_server.fhirpath.values.amounts import decimals
from fhir_server.fhirpath.values.moments import Moment

MOST_DIGITS: Final = 31
DEFAULT_DIGITS: Final = 8
_DEPTHS = {4: (1, 0), 6: (2, 0), 8: (3, 0), 10: (4, 0), 12: (5, 0), 14: (6, 0), 17: (6, 3)}
_CLOCK_DEPTHS = {2: (1, 0), 4: (2, 0), 6: (3, 0), 9: (3, 3)}
_LOWEST, _HIGHEST = (1, 1, 1, 0, 0, 0), (9999, 12, 31, 23, 59, 59)
# The zones that lie farthest: where a day begins first, and where it ends last.
_FIRST_ZONE, _LAST_ZONE = 14 * 60, -12 * 60
_ZONED = 3


def number_boundary(value: int | Decimal, digits: int | None, *, high: bool) -> Decimal | None:
    """The boundary of a number, to so many digits after the point; None for more than 31 or fewer than none."""
    wanted = DEFAULT_DIGITS if digits is None else digits
    if not 0 <= wanted <= MOST_DIGITS:
        return None
    given = decimals(value)
    context = Context(prec=1000, rounding=ROUND_CEILING if high else ROUND_FLOOR)
    half = Decimal((0, (5,), -given - 1))
    edge = context.add(Decimal(value), half if high else -half)
    return edge.quantize(Decimal((0, (1,), -wanted)), context=context)


def moment_boundary(moment: Moment, digits: int | None, *, high: bool, of_date: bool = False) -> Moment | None:
    """The boundary of a date or time, to so many digits (8 for a day, 17 for milliseconds, 9 for those of a time of
    the day); None for a number of digits that no date or time has."""
    depths = _CLOCK_DEPTHS if moment.clock else _DEPTHS
    most = 9 if moment.clock else 8 if of_date else 17
    found = depths.get(most if digits is None else digits)
    if found is None:
        return None
    depth, fraction = found
    filling = (_HIGHEST if high else _LOWEST)[3:] if moment.clock else _HIGHEST if high else _LOWEST
    fields = (*moment.fields, *filling[len(moment.fields) :])
    if high and not moment.clock and moment.depth < 3:
        fields = (*fields[:2], monthrange(fields[0], fields[1])[1], *fields[3:])
    filler = "9" if high else "0"
    return Moment(
        fields[:depth],
        moment.fraction[:fraction].ljust(fraction, filler) if fraction else "",
        _zone(moment, depth, high=high),
        moment.clock,
    )


def _zone(moment: Moment, depth: int, *, high: bool) -> int | None:
    if moment.clock or depth <= _ZONED:
        return None
    if moment.offset is not None:
        return moment.offset
    return _LAST_ZONE if high else _FIRST_ZONE


def digits_of(moment: Moment) -> int:
    """How many digits a date or time is written with, its zone left out."""
    return sum(4 if place == 0 and not moment.clock else 2 for place in range(len(moment.fields))) + len(
        moment.fraction
    )
