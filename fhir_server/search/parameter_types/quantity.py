"""quantity: a number with a unit, exactly. https://hl7.org/fhir/R4/search.html#quantity

A quantity is found by its coded unit and by the unit's text, and where UCUM has the unit also by every other unit that
measures the same: it is indexed in base units too. A comparator makes its range open. SampledData is the range from its
lowest to its highest sample; Money has its currency as the unit.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

from fhir_server.outcome import Invalid
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.reading.decimal_keys import decimal_key, just_above, just_below
from fhir_server.search.reading.escapes import split, unescape
from fhir_server.search.reading.numbers import PREFIXES, AskedNumber, asked_number, number_of
from fhir_server.store.criteria import Criterion, QuantityIs
from fhir_server.store.entries import CANONICAL, HIGHEST, LOWEST, DecimalKey
from terminology.ucum import canonical

UCUM: Final = "http://unitsofmeasure.org"
_QUANTITIES = ("Quantity", "Age", "Duration", "Count", "Distance", "SimpleQuantity", "MoneyQuantity")
_CURRENCIES = "urn:iso:std:iso:4217"
_NO_SAMPLE = frozenset({"E", "L", "U"})
_FARTHEST: Final = 500
"""The exponent of ten beyond which a query is not converted: its digits would cost too much"""

End = Decimal | None
Json = dict[str, Any]
_Range = tuple[str, str, DecimalKey, DecimalKey]
"""(unit system, unit, low, high)"""


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name = extraction.name

    def add(draft: Draft, unit: Json, low: End, high: End, comparator: str | None = None) -> None:
        find = unit.get
        ranges = _ranges(low, high, comparator, find("system", ""), find("code", ""), find("unit", ""))
        draft.quantities += [(name, *found) for found in ranges]

    def quantity(value: Any, draft: Draft) -> None:
        number = number_of(value.get("value"))
        if number is not None:
            add(draft, value, number, number, value.get("comparator"))

    def quantities(value: Any, draft: Draft) -> None:
        low, high = value.get("low") or {}, value.get("high") or {}
        add(draft, low or high, number_of(low.get("value")), number_of(high.get("value")))

    def money(value: Any, draft: Draft) -> None:
        number = number_of(value.get("value"))
        if number is not None:
            add(draft, {"system": _CURRENCIES, "code": value.get("currency", "")}, number, number)

    def samples(value: Any, draft: Draft) -> None:
        ends = _sampled(value)
        if ends is not None:
            add(draft, value.get("origin") or {}, *ends)

    return {**dict.fromkeys(_QUANTITIES, quantity), "Range": quantities, "Money": money, "SampledData": samples}


@lru_cache(16_384)
def _ranges(low: End, high: End, comparator: str | None, system: str, code: str, text: str) -> tuple[_Range, ...]:
    """The range as it is written and in base units; one value often stands under several parameters."""
    found = _opened(_key(low), _key(high), comparator)
    if found is None:
        return ()
    ranges = [(*unit, *found) for unit in _units(system, code, text)]
    base = _in_base_range(low, high, comparator, code) if system == UCUM and code else None
    return tuple(ranges) if base is None else (*ranges, base)


def _in_base_range(low: End, high: End, comparator: str | None, code: str) -> _Range | None:
    """The range in base units, where both ends are in the same."""
    below = None if low is None else _canonical_key(low, code)
    above = below if high is low else None if high is None else _canonical_key(high, code)
    known = below or above
    if known is None or (below is not None and above is not None and below[1] != above[1]):
        return None
    found = _opened(below and below[0], above and above[0], comparator)
    return None if found is None else (CANONICAL, known[1], *found)


def _key(number: End) -> DecimalKey | None:
    return None if number is None else decimal_key(number)


def _canonical_key(value: Decimal, code: str) -> tuple[DecimalKey, str] | None:
    """The key of a value in base units, and these."""
    found = canonical(value, code)
    key = None if found is None else decimal_key(found[0])
    return None if found is None or key is None else (key, found[1])


def _opened(
    below: DecimalKey | None, above: DecimalKey | None, comparator: str | None
) -> tuple[DecimalKey, DecimalKey] | None:
    """The closed range between two ends; a comparator opens it to one side."""
    if comparator == "<":
        return None if above is None else (LOWEST, just_below(above))
    if comparator == "<=":
        return None if above is None else (LOWEST, above)
    if comparator == ">":
        return None if below is None else (just_above(below), HIGHEST)
    if comparator == ">=":
        return None if below is None else (below, HIGHEST)
    return None if below is None and above is None else (below or LOWEST, above or HIGHEST)


def _units(system: str, code: str, text: str) -> list[tuple[str, str]]:
    if not code:
        return [("", text), (system, "")] if system else [("", text)]
    coded = (system, code)
    return [coded] if text in ("", code) else [coded, ("", text)]


def _sampled(value: Json) -> tuple[Decimal, Decimal] | None:
    words = [word for word in str(value.get("data", "")).split() if word not in _NO_SAMPLE]
    try:
        numbers = [Decimal(word) for word in words]
    except InvalidOperation:
        return None
    origin, factor = (value.get("origin") or {}).get("value", 0), value.get("factor", 1)
    if not numbers or number_of(origin) is None or number_of(factor) is None:
        return None
    ends = [number * Decimal(str(factor)) + Decimal(str(origin)) for number in (min(numbers), max(numbers))]
    return min(ends), max(ends)


async def _compile(asked: Asked) -> Criterion:
    if asked.modifier is not None:
        raise asked.refuse()
    parts = [unescape(part) for part in split(asked.value, "|")]
    number = asked_number(parts[0])
    if number is None or len(parts) not in (1, 3):
        raise _wrong(asked)
    if len(parts) == 1:
        return _as_written(asked, number, None, None)
    _, system, unit = parts
    if not unit:
        if not system:
            return _as_written(asked, number, None, None)
        return _as_written(asked, number, system, None)
    if not system:
        return _as_written(asked, number, None, unit)
    found = _in_base_units(asked, number, unit) if system == UCUM else None
    return _as_written(asked, number, system, unit) if found is None else found


def _wrong(asked: Asked) -> Invalid:
    return Invalid(
        f"The parameter {asked.parameter.name} is a number, number|system|code or number||unit, such as 5.4 or "
        f"ge5.4|{UCUM}|mg; prefixes are {', '.join(PREFIXES)}."
    )


def _as_written(asked: Asked, number: AskedNumber, system: str | None, unit: str | None) -> Criterion:
    return _criterion(asked, number, number.bounds(), system, unit)


def _in_base_units(asked: Asked, number: AskedNumber, unit: str) -> Criterion | None:
    """In UCUM's base units; None for a unit that cannot be compared by them. What UCUM does not know, a record may have
    all the same: it is found as written."""
    if abs(number.value.adjusted()) > _FARTHEST:
        return None
    ends = [canonical(_decimal(end), unit) for end in number.bounds()]
    low, high = ends
    if low is None or high is None:
        return None
    return _criterion(asked, number, (low[0], high[0]), CANONICAL, low[1])


def _decimal(number: Fraction) -> Decimal:
    """A finite decimal again: what a query writes, halves and tenths of it."""
    power = 0
    while number.denominator != 1:
        number, power = number * 10, power + 1
    return Decimal(number.numerator).scaleb(-power)


def _criterion(
    asked: Asked, number: AskedNumber, ends: tuple[Fraction, Fraction], system: str | None, unit: str | None
) -> Criterion:
    low, high = map(decimal_key, ends)
    if low is None or high is None:
        raise _wrong(asked)
    parameter = asked.parameter
    return QuantityIs(parameter.name, number.prefix, low, high, system, unit, parameter.elements, parameter.beside)


QUANTITY = ParameterType("quantity", frozenset({"missing"}), _extractors, _compile, sortable=True)
