"""A UCUM code, case-sensitive, to what it measures. https://ucum.org/ucum#section-Syntax-Rules

A term is components joined by `.` and `/`, from left to right; a component is a unit with an optional exponent, a whole
number, or a term in brackets, each with an optional annotation in braces.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from terminology.ucum.essence import essence

MAX_LENGTH: Final = 256
MAX_DEPTH: Final = 32
MAX_EXPONENT: Final = 400
"""Of ten, in all: the largest of UCUM's own numbers are far below it"""

_UNIT: Final = re.compile(r"((?:10[*^]|\[[!-Z^-z|~]*\]|[A-Za-z%'\"_*^#$&,:;<=>?@\\`|~!])+)([+-]?[0-9]+)?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+", re.ASCII)
_ANNOTATION: Final = re.compile(r"\{[!-z|~]*\}", re.ASCII)


class UcumError(ValueError):
    """Not a UCUM code. `position` is the offset of the fault."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason} (at character {position + 1})")
        self.reason = reason
        self.position = position


@dataclass(frozen=True, slots=True)
class Measure:
    """What a unit is: `factor` of a product of base units with their exponents, sorted. `special`: its value is first
    put through this function; such a unit stands alone."""

    factor: Fraction
    dimension: tuple[tuple[str, int], ...] = ()
    special: str | None = None

    @property
    def base(self) -> str:
        """The product of base units as a code; `1` without any."""
        return ".".join(f"{code}{power if power != 1 else ''}" for code, power in self.dimension) or "1"


ONE: Final = Measure(Fraction(1))


@lru_cache(8192)
def parse(code: str) -> Measure:
    """What a code measures. Raises `UcumError`."""
    if not code:
        raise UcumError("a unit has at least one character; without a dimension it is 1", 0)
    if len(code) > MAX_LENGTH:
        raise UcumError(f"a unit has at most {MAX_LENGTH} characters", MAX_LENGTH)
    reader = _Reader(code)
    measure = reader.term(0)
    if reader.at < len(code):
        raise UcumError("a unit, a number, . or / is expected", reader.at)
    return measure


class _Reader:
    """A code while it is read from left to right."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.at = 0

    def term(self, depth: int) -> Measure:
        if depth > MAX_DEPTH:
            raise UcumError(f"brackets are nested more than {MAX_DEPTH} deep", self.at)
        found = ONE
        operator = "/" if self._take("/") else "."
        while True:
            began = self.at
            part = self._component(depth)
            found = self._joined(found, part, -1 if operator == "/" else 1, began)
            if self._take("."):
                operator = "."
            elif self._take("/"):
                operator = "/"
            else:
                return found

    def _take(self, text: str) -> bool:
        if self.code.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _component(self, depth: int) -> Measure:
        began = self.at
        if self._take("("):
            found = self.term(depth + 1)
            if not self._take(")"):
                raise UcumError("a bracket is not closed", began)
        elif self._is_unit():
            found = self._unit()
        elif (number := _NUMBER.match(self.code, self.at)) is not None:
            self.at = number.end()
            found = Measure(Fraction(int(number[0])))
            if not found.factor:
                raise UcumError("a unit is not multiplied by nothing", began)
        elif self._annotation():
            return ONE
        else:
            raise UcumError("a unit or a number is expected", began)
        self._annotation()
        return found

    def _is_unit(self) -> bool:
        found = _UNIT.match(self.code, self.at)
        return found is not None

    def _annotation(self) -> bool:
        found = _ANNOTATION.match(self.code, self.at)
        if found is not None:
            self.at = found.end()
        return found is not None

    def _unit(self) -> Measure:
        began = self.at
        found = _UNIT.match(self.code, began)
        assert found is not None
        self.at = found.end()
        measure = _measure_of(found[1])
        if measure is None:
            raise UcumError(f"there is no unit {found[1]}", began)
        return measure if found[2] is None else self._power(measure, int(found[2]), began)

    def _power(self, measure: Measure, exponent: int, at: int) -> Measure:
        if measure.special is not None:
            raise UcumError("a unit that is made by a function has no exponent", at)
        dimension = tuple((code, power * exponent) for code, power in measure.dimension) if exponent else ()
        size = max(len(str(measure.factor.numerator)), len(str(measure.factor.denominator)))
        if abs(exponent) * size > 2 * MAX_EXPONENT:
            raise UcumError("the exponent is too large", at)
        return Measure(measure.factor**exponent, dimension)

    def _joined(self, left: Measure, right: Measure, sign: int, at: int) -> Measure:
        if left is ONE and sign == 1:
            return right
        if left.special is not None or right.special is not None:
            raise UcumError("a unit that is made by a function stands alone", at)
        powers = dict(left.dimension)
        for code, power in right.dimension:
            powers[code] = powers.get(code, 0) + sign * power
        factor = left.factor * right.factor if sign == 1 else left.factor / right.factor
        if max(len(str(factor.numerator)), len(str(factor.denominator))) > 2 * MAX_EXPONENT:
            raise UcumError("the unit is too large or too small", at)
        return Measure(factor, tuple(sorted((code, power) for code, power in powers.items() if power)))


@lru_cache(4096)
def _measure_of(code: str) -> Measure | None:
    """A unit with or without a prefix; None for an unknown one."""
    units = essence()
    whole = _unprefixed(code)
    if whole is not None:
        return whole
    for prefix, factor in units.prefixes.items():
        rest = code[len(prefix) :]
        if code.startswith(prefix) and rest and _is_metric(rest):
            found = _unprefixed(rest)
            assert found is not None
            return Measure(found.factor * factor, found.dimension, found.special)
    return None


def _is_metric(code: str) -> bool:
    units = essence()
    return code in units.bases or (code in units.units and units.units[code].metric)


def _unprefixed(code: str) -> Measure | None:
    units = essence()
    if code in units.bases:
        return Measure(Fraction(1), ((code, 1),))
    definition = units.units.get(code)
    if definition is None:
        return None
    if definition.arbitrary:
        return Measure(Fraction(1), ((code, 1),))
    inner = parse(definition.unit)
    return Measure(inner.factor * definition.value, inner.dimension, definition.special)
