"""From items to their elements: the closures for `source.name`, made for exactly the types that the source can have."""

from collections.abc import Callable

from fhir_server.fhirpath.code import Env, Item, Run, identity
from fhir_server.fhirpath.readers import Reader, read_with_beside, reader
from fhir_server.fhirpath.type_model import Property, TypeModel

_MANY = 8
"""So many values of one element are looked at without being counted"""


def step(source: Run, properties: tuple[Property, ...]) -> Run:
    """The elements of items that are all of one type, which stand in one of these properties."""
    if len(properties) == 1 and properties[0].type != "Resource":
        return (
            _primitive_step(source, properties[0]) if properties[0].primitive else _complex_step(source, properties[0])
        )
    read = reader(properties)

    def run(focus: list[Item], env: Env) -> list[Item]:
        out: list[Item] = []
        items = source(focus, env)
        for item in items:
            read(item[1], out)
        env.spend(len(items) + len(out))
        return out

    return run


# Most steps are one of the next two, and most of these start at one item: both cost as little as Python allows.


def _complex_step(source: Run, each: Property) -> Run:
    key, type_name, here, read = each.key, each.type, source is identity, reader((each,))

    def run(focus: list[Item], env: Env) -> list[Item]:
        items = focus if here else source(focus, env)
        if len(items) == 1:
            found = items[0][1].get(key)
            if found is None:
                return []
            if type(found) is list:
                if len(found) > _MANY:
                    env.spend(len(found))
                return [(type_name, value, None) for value in found]
            return [(type_name, found, None)]
        out: list[Item] = []
        for item in items:
            if key in item[1]:
                read(item[1], out)
        env.spend(len(items) + len(out))
        return out

    return run


def _primitive_step(source: Run, each: Property) -> Run:
    key, type_name, here, read = each.key, each.type, source is identity, reader((each,))
    beside_key = f"_{key}"

    def run(focus: list[Item], env: Env) -> list[Item]:
        items = focus if here else source(focus, env)
        out: list[Item] = []
        if len(items) == 1:
            holder = items[0][1]
            found = holder.get(key)
            if beside_key in holder:
                read_with_beside(type_name, found, holder[beside_key], out)
            elif type(found) is list:
                if len(found) > _MANY:
                    env.spend(len(found))
                return [(type_name, value, None) for value in found]
            elif found is not None:
                return [(type_name, found, None)]
            return out
        for item in items:
            read(item[1], out)
        env.spend(len(items) + len(out))
        return out

    return run


def step_beside(source: Run, properties: tuple[Property, ...]) -> Run:
    """The elements (`id`, `extension`) of primitives, which stand in the property beside the value."""
    read = reader(properties)

    def run(focus: list[Item], env: Env) -> list[Item]:
        out: list[Item] = []
        items = source(focus, env)
        for item in items:
            if item[2] is not None:
                read(item[2], out)
        env.spend(len(items) + len(out))
        return out

    return run


def step_by_type(source: Run, reader_of: Callable[[str], tuple[Reader, bool] | None]) -> Run:
    """The elements of items whose types differ; `reader_of` gives the reader and whether the type is primitive."""

    def run(focus: list[Item], env: Env) -> list[Item]:
        out: list[Item] = []
        items = source(focus, env)
        for item in items:
            found = reader_of(item[0])
            if found is not None:
                holder = item[2] if found[1] else item[1]
                if holder is not None:
                    found[0](holder, out)
        env.spend(len(items) + len(out))
        return out

    return run


def readers_by_name(model: TypeModel, name: str) -> Callable[[str], tuple[Reader, bool] | None]:
    """Finds the reader of an element when the type is known at last; kept for each type."""
    known: dict[str, tuple[Reader, bool] | None] = {}

    def reader_of(type_name: str) -> tuple[Reader, bool] | None:
        if type_name not in known:
            member = model.members(type_name).get(name)
            known[type_name] = None if member is None else (reader(member.properties), model.is_primitive(type_name))
        return known[type_name]

    return reader_of
