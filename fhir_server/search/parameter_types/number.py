"""number: decimals and integers, exactly. https://hl7.org/fhir/R4/search.html#number"""

from collections.abc import Mapping
from typing import Any

from fhir_server.outcome import Invalid
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.reading.decimal_keys import decimal_key
from fhir_server.search.reading.escapes import unescape
from fhir_server.search.reading.numbers import PREFIXES, asked_number, number_key, span
from fhir_server.store.criteria import Criterion, NumberIs

_NUMBERS = ("decimal", "integer", "positiveInt", "unsignedInt", "System.Integer", "System.Decimal")


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name = extraction.name

    def number(value: Any, draft: Draft) -> None:
        key = number_key(value)
        if key is not None:
            draft.numbers.append((name, key, key))

    def numbers(value: Any, draft: Draft) -> None:
        low, high = value.get("low"), value.get("high")
        found = span(low and low.get("value"), high and high.get("value"))
        if found is not None:
            draft.numbers.append((name, *found))

    return {**dict.fromkeys(_NUMBERS, number), "Range": numbers}


async def _compile(asked: Asked) -> Criterion:
    if asked.modifier is not None:
        raise asked.refuse()
    name = asked.parameter.name
    found = asked_number(unescape(asked.value))
    keys = None if found is None else tuple(map(decimal_key, found.bounds()))
    if found is None or keys is None or None in keys:
        raise Invalid(
            f"The parameter {name} needs a number such as 5.40, ge100 or 1e2; prefixes are {', '.join(PREFIXES)}."
        )
    low, high = keys
    assert low is not None
    assert high is not None
    return NumberIs(name, found.prefix, low, high, asked.parameter.elements)


NUMBER = ParameterType("number", frozenset({"missing"}), _extractors, _compile, sortable=True)
