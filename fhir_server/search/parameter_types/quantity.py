"""quantity: a number with a unit. Indexed; queries are not offered. https://hl7.org/fhir/R4/search.html#quantity

A quantity is found by its coded unit, and by the unit's text where that differs. A comparator makes the range open.
SampledData is the range from its lowest to its highest sample.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from math import inf
from typing import Any

from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Extract, Extraction, ParameterType
from fhir_server.search.reading.numbers import float_range, span

_QUANTITIES = ("Quantity", "Age", "Duration", "Count", "Distance", "SimpleQuantity")
_CURRENCIES = "urn:iso:std:iso:4217"
_NO_SAMPLE = frozenset({"E", "L", "U"})


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name = extraction.name

    def add(draft: Draft, unit: dict[str, Any], found: tuple[float, float] | None) -> None:
        if found is not None:
            for system, code in _units(unit):
                draft.quantities.append((name, system, code, *found))

    def quantity(value: Any, draft: Draft) -> None:
        add(draft, value, _compared(float_range(value.get("value")), value.get("comparator")))

    def quantities(value: Any, draft: Draft) -> None:
        low, high = value.get("low") or {}, value.get("high") or {}
        add(draft, low or high, span(low.get("value"), high.get("value")))

    def money(value: Any, draft: Draft) -> None:
        add(draft, {"system": _CURRENCIES, "code": value.get("currency", "")}, float_range(value.get("value")))

    def samples(value: Any, draft: Draft) -> None:
        add(draft, value.get("origin") or {}, _sampled(value))

    return {**dict.fromkeys(_QUANTITIES, quantity), "Range": quantities, "Money": money, "SampledData": samples}


def _units(quantity: dict[str, Any]) -> list[tuple[str, str]]:
    code, text = quantity.get("code", ""), quantity.get("unit", "")
    if not code:
        return [("", text)]
    coded = (quantity.get("system", ""), code)
    return [coded] if text in ("", code) else [coded, ("", text)]


def _compared(found: tuple[float, float] | None, comparator: str | None) -> tuple[float, float] | None:
    if found is None or comparator is None:
        return found
    return (-inf, found[1]) if comparator.startswith("<") else (found[0], inf)


def _sampled(value: dict[str, Any]) -> tuple[float, float] | None:
    words = [word for word in str(value.get("data", "")).split() if word not in _NO_SAMPLE]
    try:
        numbers = [Decimal(word) for word in words]
    except InvalidOperation:
        return None
    if not numbers:
        return None
    origin = Decimal(str((value.get("origin") or {}).get("value", 0)))
    ends = [number * Decimal(str(value.get("factor", 1))) + origin for number in (min(numbers), max(numbers))]
    return span(min(ends), max(ends))


QUANTITY = ParameterType("quantity", frozenset({"missing"}), _extractors)
