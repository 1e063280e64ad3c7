"""number: decimals and integers. Indexed; queries are not offered. https://hl7.org/fhir/R4/search.html#number"""

from collections.abc import Mapping
from typing import Any

from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Extract, Extraction, ParameterType
from fhir_server.search.reading.numbers import float_range, span

_NUMBERS = ("decimal", "integer", "positiveInt", "unsignedInt")


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name = extraction.name

    def number(value: Any, draft: Draft) -> None:
        found = float_range(value)
        if found is not None:
            draft.numbers.append((name, *found))

    def numbers(value: Any, draft: Draft) -> None:
        low, high = value.get("low"), value.get("high")
        found = span(low and low.get("value"), high and high.get("value"))
        if found is not None:
            draft.numbers.append((name, *found))

    return {**dict.fromkeys(_NUMBERS, number), "Range": numbers}


NUMBER = ParameterType("number", frozenset({"missing"}), _extractors)
