"""From a JSON object to the items in one of its elements."""

from collections.abc import Callable, Mapping
from typing import Any

from fhir_server.fhirpath.code import Item
from fhir_server.fhirpath.type_model import Member, Property

Reader = Callable[[Any, list[Item]], None]
"""Appends the items that a JSON object holds"""

_FEW = 4


def reader(properties: tuple[Property, ...]) -> Reader:
    """The reader of an element that stands in one of these properties."""
    if len(properties) == 1:
        return _reader_of_one(properties[0])
    readers = {each.key: _reader_of_one(each) for each in properties}
    readers |= {f"_{each.key}": readers[each.key] for each in properties if each.primitive}
    return _reader_of_few(readers) if len(readers) <= _FEW else _reader_of_many(readers)


def _reader_of_few(readers: Mapping[str, Reader]) -> Reader:
    pairs = tuple(readers.items())

    def read(holder: Any, out: list[Item]) -> None:
        for key, read_one in pairs:
            if key in holder:
                read_one(holder, out)
                return

    return read


def _reader_of_many(readers: Mapping[str, Reader]) -> Reader:
    find = readers.get

    def read(holder: Any, out: list[Item]) -> None:
        for key in holder:
            read_one = find(key)
            if read_one is not None:
                read_one(holder, out)
                return

    return read


def _reader_of_one(each: Property) -> Reader:
    if each.type == "Resource":
        return _resource_reader(each.key)
    return _primitive_reader(each.key, each.type) if each.primitive else _complex_reader(each.key, each.type)


def _complex_reader(key: str, type_name: str) -> Reader:
    def read(holder: Any, out: list[Item]) -> None:
        found = holder.get(key)
        if found is None:
            return
        if type(found) is list:
            out += [(type_name, value, None) for value in found]
        else:
            out.append((type_name, found, None))

    return read


def _resource_reader(key: str) -> Reader:
    def read(holder: Any, out: list[Item]) -> None:
        found = holder.get(key)
        if found is not None:
            resources = found if type(found) is list else [found]
            out += [(resource.get("resourceType", "Resource"), resource, None) for resource in resources]

    return read


def _primitive_reader(key: str, type_name: str) -> Reader:
    beside_key = f"_{key}"

    def read(holder: Any, out: list[Item]) -> None:
        found = holder.get(key)
        beside = holder.get(beside_key)
        if beside is not None:
            read_with_beside(type_name, found, beside, out)
        elif found is None:
            return
        elif type(found) is list:
            out += [(type_name, value, None) for value in found]
        else:
            out.append((type_name, found, None))

    return read


def read_with_beside(type_name: str, found: Any, beside: Any, out: list[Item]) -> None:
    """Values with the ids and extensions that stand beside them; either list may be shorter or have gaps."""
    if type(beside) is not list:
        out.append((type_name, found, beside))
        return
    values = found if type(found) is list else []
    for place in range(max(len(values), len(beside))):
        value = values[place] if place < len(values) else None
        other = beside[place] if place < len(beside) else None
        if value is not None or other is not None:
            out.append((type_name, value, other))


def keys_of(member: Member) -> frozenset[str]:
    """The JSON properties that an element may stand in, with those beside primitives."""
    return frozenset(each.key for each in member.properties) | frozenset(
        f"_{each.key}" for each in member.properties if each.primitive
    )
