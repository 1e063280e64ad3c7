"""Values in base units, exactly. https://ucum.org/ucum#section-Semantics

A product of units is multiplied out as fractions. Temperatures have another zero and are shifted. Units on a
logarithmic or trigonometric scale (pH, dB, prism dioptres) have no exact value in base units, so they are compared only
as they are written. Arbitrary units (`[iU]`) are base units of their own: one is never converted into another.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from terminology.ucum.parsing import Measure, UcumError, parse

_KELVIN_OF_CELSIUS: Final = Fraction("273.15")
_RANKINE_OF_FAHRENHEIT: Final = Fraction("459.67")

Scale = tuple[Callable[[Fraction, Fraction], Fraction], Callable[[Fraction, Fraction], Fraction]]
"""From a value on the scale, and the factor of its unit, to base units; and back"""


def _shifted(by: Fraction) -> Scale:
    """A scale whose zero lies so many base units above that of the base unit."""
    return lambda value, factor: value * factor + by, lambda base, factor: (base - by) / factor


def _lifted(by: Fraction) -> Scale:
    """A scale whose zero lies so many of its own units above that of the base unit."""
    return lambda value, factor: (value + by) * factor, lambda base, factor: base / factor - by


SCALES: Final[Mapping[str, Scale]] = {
    "Cel": _shifted(_KELVIN_OF_CELSIUS),
    "degF": _lifted(_RANKINE_OF_FAHRENHEIT),
    "degRe": _shifted(_KELVIN_OF_CELSIUS),
}
"""By the name of UCUM's function; the others have no exact value in base units"""


def canonical(value: Decimal, code: str) -> tuple[Fraction, str] | None:
    """A value in base units, exactly, and these as a code (`g.m-1.s-2`, `1` without a dimension): the same for all
    units that can be compared. None for what is no UCUM unit, for a value that is no finite number, and for units on a
    scale without an exact value in base units."""
    measure = _known(code)
    if measure is None or not value.is_finite() or abs(value.adjusted()) > 1000:
        return None
    if measure.special is None:
        return Fraction(value) * measure.factor, measure.base
    scale = SCALES.get(measure.special)
    return None if scale is None else (scale[0](Fraction(value), measure.factor), measure.base)


def convert(value: Decimal, code: str, to: str) -> Fraction | None:
    """A value in another unit, exactly; None where the two do not measure the same. Raises `UcumError` for what is no
    unit."""
    parse(code)
    target, found = parse(to), canonical(value, code)
    if found is None or found[1] != target.base:
        return None
    if target.special is None:
        return found[0] / target.factor
    scale = SCALES.get(target.special)
    return None if scale is None else scale[1](found[0], target.factor)


@lru_cache(8192)
def _known(code: str) -> Measure | None:
    try:
        return parse(code)
    except UcumError:
        return None
