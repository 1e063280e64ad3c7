"""The order that `_sort` asks for, checked pair by pair. https://hl7.org/fhir/R4/search.html#sort"""

from collections.abc import Sequence
from typing import Any

from tests.search.differential.dates import FOREVER, span_of, spans
from tests.search.differential.numbers import UCUM, UNITS, converted, measured
from tests.search.differential.texts import folded, texts
from tests.search.differential.tokens import coded
from tests.search.differential.world import Json, World, parameters

UNKNOWN = object()
"""The key of a resource whose place the documents leave open: by a unit that UCUM lacks, by a coding without a code"""

SORTABLE = frozenset({"string", "date", "number", "quantity", "uri", "token", "reference"})


def misplaced(world: World, found: Sequence[Json], sort: str) -> str | None:
    """The first pair that stands in another order than is asked for; None: every pair may stand so. A parameter that is
    named again adds nothing (docs/search.md)."""
    keys: dict[str, bool] = {}
    for key in sort.split(","):
        keys.setdefault(key.removeprefix("-"), key.startswith("-"))
    for first, second in zip(found, found[1:], strict=False):
        for code, descending in keys.items():
            one, other = key_of(world, first, code, descending), key_of(world, second, code, descending)
            if one is UNKNOWN or other is UNKNOWN:
                break
            if one == other:
                continue
            if one is None or (other is not None and (one < other if descending else one > other)):
                return f"{first['id']} ({one}) stands before {second['id']} ({other}), sorted by {sort}"
            break
    return None


def key_of(world: World, resource: Json, code: str, descending: bool) -> Any:
    """What a resource is sorted by: its least value ascending, its greatest descending; None where it has none."""
    if code == "_id":
        return resource["id"]
    if code == "_lastUpdated":
        return span_of(resource["meta"]["lastUpdated"]).low
    keys = _keys(world, resource, code, descending)
    if UNKNOWN in keys:
        return UNKNOWN
    return None if not keys else max(keys) if descending else min(keys)


def _keys(world: World, resource: Json, code: str, descending: bool) -> list[Any]:
    values, kind = world.values(resource, code), parameters(resource["resourceType"])[code].type
    if kind == "date":
        return [found.high if descending else found.low for value in values for found in spans(*value)]
    if kind == "string":
        return [folded(text) for value in values for text in texts(*value)]
    if kind == "uri":
        return [form for name, value in values for form in _forms(name, value)]
    if kind == "token":
        codes = [token.code for value in values for token in coded(*value).tokens]
        return [UNKNOWN if each is None else each for each in codes]
    if kind == "reference":
        return [form for name, value in values for form in _addresses(world, name, value)]
    ranges = [each for value in values for each in measured(*value)]
    if kind == "number":
        return [_end(found, descending) for found, _ in ranges]
    return [_in_base_unit(found, unit, descending) for found, unit in ranges]


def _forms(name: str, value: str) -> list[str]:
    return [value, value.partition("|")[0]] if name == "canonical" else [value]


def _addresses(world: World, name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return _forms("canonical", value)
    address = world.address(value)
    if address is None:
        return []
    return [f"{address.type}/{address.id}" if address.type else address.id]


def _end(found: Any, descending: bool) -> Any:
    end = found.high if descending else found.low
    return end if end is not None else FOREVER if descending else -FOREVER


def _in_base_unit(found: Any, unit: Any, descending: bool) -> Any:
    code = unit.get("code")
    if unit.get("system") != UCUM or code not in UNITS:
        return UNKNOWN
    return UNITS[code][0], _end(converted(found, code), descending)
