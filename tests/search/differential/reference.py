"""The reference: which resources of a world a query finds, by looking at each of them.

https://hl7.org/fhir/R4/search.html, with the choices of docs/search.md.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fhir_server.definitions.definitions import r4
from fhir_server.definitions.structures import SearchParameter
from tests.search.differential.dates import date_matches
from tests.search.differential.escapes import split, unescaped
from tests.search.differential.filters import INTO_HIERARCHIES, UNKNOWN_INSIDE, Reading
from tests.search.differential.nearness import near
from tests.search.differential.numbers import number_matches, quantity_matches
from tests.search.differential.references import ID, Address, address_of
from tests.search.differential.texts import content, narrative, string_matches, texts, uri_matches, words
from tests.search.differential.tokens import coded, token_matches
from tests.search.differential.world import Json, Value, World, parameter_type, parameters

HIERARCHIES = ("Organization", "Location", "Encounter")
"""The types of worlds whose resources are `partOf` one another"""

MODIFIERS: dict[str, frozenset[str]] = {
    "token": frozenset({"missing", "not", "text", "code-text", "in", "not-in", "above", "below", "of-type"}),
    "string": frozenset({"missing", "exact", "contains", "text"}),
    "uri": frozenset({"missing", "above", "below"}),
    "reference": frozenset({"missing", "identifier", "above", "below"}),
}

Combine = Callable[[Iterable[bool]], bool]
ALTERNATIVES: Combine = any
CONDITIONS: Combine = all
NEGATED: dict[str, str | None] = {"not": None, "not-in": "in"}

Parameters = Sequence[tuple[str, str]]


def found(
    world: World, types: Sequence[str], query: Parameters, compartment: str = "", contained: str = ""
) -> set[str]:
    """The resources (`Type/id`) of these types that a query finds, in a compartment (`Patient/1`) or in none.

    `contained`: the resources of any type that have such resources inside; with `both` also what has been asked for
    itself."""
    return {
        f"{each['resourceType']}/{each['id']}"
        for each in world.by_place.values()
        if _is_asked_for(world, each, types, query, contained)
        and (not compartment or in_compartment(world, each, compartment))
    }


def _is_asked_for(world: World, resource: Json, types: Sequence[str], query: Parameters, contained: str) -> bool:
    inside = resource.get("contained", []) if contained else []
    parts = [*inside, *([resource] if contained != "true" else [])]
    return any(matches_all(world, part, query) for part in parts if part["resourceType"] in types)


def included(world: World, found: set[str], includes: Parameters) -> set[str]:
    """What `_include` and `_revinclude` bring beside the resources that were found (`Type/id`)."""
    brought: set[str] = set()
    for name, value in includes:
        source, code, *target = value.split(":")
        for other in world.of_type(source):
            here = f"{source}/{other['id']}"
            for address in addresses(world, other, code):
                there = f"{address.type}/{address.id}"
                if address.place not in world.by_place or target not in ([], [address.type]):
                    continue
                if name == "_include" and here in found:
                    brought.add(there)
                if name == "_revinclude" and there in found:
                    brought.add(here)
    return brought - found


def in_compartment(world: World, resource: Json, compartment: str) -> bool:
    """Whether one of the parameters of the compartment's definition refers to its resource, or it is that itself."""
    name, _, resource_id = compartment.partition("/")
    if (resource["resourceType"], resource["id"]) == (name, resource_id):
        return True
    codes = r4().compartment(name).parameters.get(resource["resourceType"], ())
    return any(each.place == (name, resource_id) for code in codes for each in addresses(world, resource, code))


def matches_all(world: World, resource: Json, query: Parameters) -> bool:
    """A repeated parameter is a further condition."""
    return CONDITIONS([matches(world, resource, name, text) for name, text in query])


def matches(world: World, resource: Json, name: str, text: str) -> bool:
    """Whether a resource meets one parameter. Raises `ValueError` where its type cannot have it or its value."""
    if name.startswith("_has:"):
        _, other, by, rest = name.split(":", 3)
        return any(matches(world, each, rest, text) for each in referring(world, resource, other, by))
    head, dot, rest = name.partition(".")
    if dot and ":" not in head.partition(":")[2]:
        return _chained(world, resource, head, rest, text)
    code, _, modifier = name.partition(":")
    if code == "_filter":
        return Reading(world, text, matches).expression()(resource)
    if code == "_list":
        return _in_list(world, resource, text)
    if code not in parameters(resource["resourceType"]):
        raise ValueError(f"{resource['resourceType']} has no {code}")
    if modifier == "missing":
        return present(world, resource, code) is (text == "false")
    if modifier in NEGATED:
        return none_of(world, resource, code, NEGATED[modifier], text)
    return any_of(world, resource, code, modifier or None, text)


def none_of(world: World, resource: Json, code: str, modifier: str | None, text: str) -> bool:
    """No value is one of the alternatives: true also of resources without a value."""
    return not any_of(world, resource, code, modifier, text)


def any_of(world: World, resource: Json, code: str, modifier: str | None, text: str) -> bool:
    """Commas part alternatives."""
    parameter = parameters(resource["resourceType"])[code]
    allowed = MODIFIERS.get(parameter.type, frozenset())
    if modifier and modifier not in allowed and modifier not in parameter.targets:
        raise ValueError(f"{code} has no :{modifier}")
    return ALTERNATIVES([_one(world, resource, parameter, modifier, each) for each in split(text, ",")])


def present(world: World, resource: Json, code: str) -> bool:
    """Whether a resource has a value for a parameter."""
    parameter = parameters(resource["resourceType"])[code]
    if parameter.type == "composite":
        return any(_has_components(world, resource, parameter, element) for element in _elements(world, resource, code))
    if code in ("_text", "_content"):
        return bool(narrative(resource) if code == "_text" else content(resource))
    return bool(world.values(resource, code))


def _chained(world: World, resource: Json, head: str, rest: str, text: str) -> bool:
    """Something that the reference leads to meets the rest; without a type, something of a type that can have it."""
    code, _, only = head.partition(":")
    for address in addresses(world, resource, code):
        target = world.by_place.get(address.place)
        if target is None or (only and address.type != only):
            continue
        try:
            if matches(world, target, rest, text):
                return True
        except ValueError:
            if only:
                raise
    inside = [each for each in world.inside(resource, code) if only in ("", each["resourceType"])]
    return is_known_inside(rest) and any(_meets(world, each, rest, text) for each in inside)


def _meets(world: World, resource: Json, rest: str, text: str) -> bool:
    try:
        return matches(world, resource, rest, text)
    except ValueError:
        return False


def is_known_inside(name: str) -> bool:
    """Whether a contained resource can be asked for this: it has no id of its own, and no chain leads on from it."""
    code, _, modifier = name.partition(":")
    hierarchy = modifier in ("above", "below") and code in INTO_HIERARCHIES
    return "." not in name and code not in (*UNKNOWN_INSIDE, "_has") and not hierarchy


def addresses(world: World, resource: Json, code: str) -> list[Address]:
    """Where the references of a parameter point."""
    if code not in parameters(resource["resourceType"]):
        raise ValueError(f"{resource['resourceType']} has no {code}")
    found = [world.address(value) for _, value in world.values(resource, code)]
    return [each for each in found if each is not None]


def referring(world: World, resource: Json, other: str, by: str) -> list[Json]:
    """The resources of another type that refer to this one by a parameter."""
    place = (resource["resourceType"], resource["id"])
    return [each for each in world.of_type(other) if any(to.place == place for to in addresses(world, each, by))]


def _in_list(world: World, resource: Json, text: str) -> bool:
    holder = world.by_place.get(("List", text.removeprefix("List/")))
    place = (resource["resourceType"], resource["id"])
    return holder is not None and any(each.place == place for each in addresses(world, holder, "item"))


def _one(world: World, resource: Json, parameter: SearchParameter, modifier: str | None, text: str) -> bool:
    """Whether a resource is what one value between commas asks for."""
    code = parameter.code
    if code in ("_text", "_content"):
        return words(unescaped(text)) <= (narrative(resource) if code == "_text" else content(resource))
    if code == "near":
        return any(near(value, unescaped(text)) for _, value in world.values(resource, code))
    if parameter.type == "composite":
        return any(
            _meets_components(world, resource, parameter, element, split(text, "$"))
            for element in _elements(world, resource, code)
        )
    place = (resource["resourceType"], code)
    return values_match(world, place, parameter.type, world.values(resource, code), modifier, text)


def values_match(
    world: World, place: tuple[str, str], kind: str, values: list[Value], modifier: str | None, text: str
) -> bool:
    """Whether some of the values of a parameter of this kind are what is asked for."""
    if kind == "date":
        return any([date_matches(name, value, unescaped(text), world.now) for name, value in values])
    if kind == "number":
        return any(number_matches(name, value, unescaped(text)) for name, value in values)
    if kind == "quantity":
        parts = [unescaped(part) for part in split(text, "|")]
        return any(quantity_matches(name, value, parts) for name, value in values)
    if kind == "string":
        return string_matches([each for value in values for each in texts(*value)], modifier, unescaped(text))
    if kind == "uri":
        return any(uri_matches(name, value, modifier, unescaped(text)) for name, value in values)
    if kind == "token":
        return token_matches(place, [coded(*value) for value in values], modifier, text)
    assert kind == "reference", kind
    return any(_refers(world, value, modifier, text) for _, value in values)


def _refers(world: World, value: Any, modifier: str | None, text: str) -> bool:
    """Whether a Reference or canonical is what is asked for."""
    if modifier == "identifier":
        return _identifies(value.get("identifier"), text)
    asked, address = unescaped(text), world.address(value)
    if isinstance(value, str):
        return _canonical(value, modifier, asked)
    if address is None:
        return False
    if modifier in ("above", "below"):
        return _in_hierarchy(world, address, modifier, asked)
    if modifier is not None:
        return address.place == (modifier, asked.removeprefix(f"{modifier}/"))
    return _points_at(address, asked, world.base)


def _points_at(address: Address, asked: str, base: str) -> bool:
    """An id alone is looked for in every type; a version counts only where it is asked for."""
    if ID.fullmatch(asked):
        return bool(address.type) and address.id == asked
    wanted = address_of(asked, base)
    return wanted is not None and wanted.place == address.place and wanted.version in (None, address.version)


def _canonical(value: str, modifier: str | None, asked: str) -> bool:
    if modifier == "below" and "|" in asked:
        return value == asked or value.startswith(f"{asked}.")
    return asked in (value, value.partition("|")[0])


def _identifies(identifier: Any, text: str) -> bool:
    if identifier is None:
        return False
    return token_matches(("", ""), [coded("Identifier", identifier)], None, text)


def _in_hierarchy(world: World, address: Address, modifier: str, asked: str) -> bool:
    """The resource itself and what is below (or above) it by `partOf`."""
    for name in HIERARCHIES:
        wanted = Address(name, asked) if ID.fullmatch(asked) else address_of(asked, world.base)
        if wanted is None or wanted.type != name or address.type != name:
            continue
        lower, upper = (address, wanted) if modifier == "below" else (wanted, address)
        if upper.place in ancestors(world, lower):
            return True
    return False


def ancestors(world: World, address: Address) -> set[tuple[str, str]]:
    """The place itself and all that it is part of."""
    found: set[tuple[str, str]] = set()
    waiting = [address]
    while waiting:
        each = waiting.pop()
        if each.place in found:
            continue
        found.add(each.place)
        resource = world.by_place.get(each.place)
        if resource is not None and "partOf" in resource:
            above = world.address(resource["partOf"])
            waiting += [above] if above is not None and above.type == each.type else []
    return found


def _elements(world: World, resource: Json, code: str) -> list[Json]:
    """The elements that a composite parameter is about, each marked with its type for further expressions."""
    return [{**value, "resourceType": kind} for kind, value in world.values(resource, code)]


def _component(world: World, resource: Json, element: Json, part: tuple[str, str]) -> tuple[str, list[Value]]:
    """Type and values of a component. R4 misprints one type, and names two components the wrong way round."""
    url, expression = part
    values = world.evaluated(element, expression.replace("as(DateTime)", "as(dateTime)"), resource)
    kinds = {kind for kind, _ in values}
    if kinds and kinds <= {"Reference"}:
        return "reference", values
    if kinds and kinds <= {"code", "Coding", "CodeableConcept"}:
        return "token", values
    return parameter_type(url), values


def _has_components(world: World, resource: Json, parameter: SearchParameter, element: Json) -> bool:
    return all(_component(world, resource, element, part)[1] for part in parameter.components)


def _meets_components(
    world: World, resource: Json, parameter: SearchParameter, element: Json, parts: list[str]
) -> bool:
    """Every component has the value that is asked of it, all in this element."""
    for part, text in zip(parameter.components, parts, strict=True):
        kind, values = _component(world, resource, element, part)
        if not values_match(world, ("", ""), kind, values, None, text):
            return False
    return True
