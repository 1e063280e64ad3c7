"""What is to be done for the resources of one type: each operand of each expression, by the JSON property it starts at.

A resource has a dozen properties and a type has fifty parameters, most of which find nothing: going by the properties
that are there costs a fraction of evaluating every expression.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.fhirpath.code import Code, Env, Item
from fhir_server.fhirpath.env import MAX_STEPS
from fhir_server.fhirpath.errors import TooManySteps
from fhir_server.fhirpath.readers import Reader, reader
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Extract, Extraction
from fhir_server.search.parameter_types import TYPE_BY_NAME
from fhir_server.search.parameters import BY_ROW, Parameter, Parameters
from fhir_server.search.reading.dates import DateReader
from fhir_server.search.reading.references import ReferenceReader
from fhir_server.store.entries import Entries

log = logging.getLogger("fhir_server.search")

Step = Callable[[list[Any], list[Item], Env, Draft], None]
"""Evaluates one operand on a resource and adds its entries. It is given the values of the property that it is for, so
that those who ask for the same read it once, and the resource as an item"""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps for a resource type: those that need one of some JSON properties by each, and those always run."""

    by_key: Mapping[str, tuple[Step, ...]]
    always: tuple[Step, ...]


def plan(parameters: Parameters, resource_type: str, read_date: DateReader, read_reference: ReferenceReader) -> Plan:
    """The plan for a resource type."""
    by_key: dict[str, list[Step]] = {}
    always: list[Step] = []
    group_makers: GroupMakers = {}
    for parameter in parameters.of(resource_type).values():
        if parameter.name in BY_ROW or parameter.name in TYPE_BY_NAME[parameter.definition.type].not_offered:
            continue
        for keys, step in _steps(parameters, Extraction(parameter, read_date, read_reference), group_makers):
            step = _bounded(step, parameter) if parameter.definition.source else step
            if keys is None:
                always.append(step)
            for key in keys or ():
                by_key.setdefault(key, []).append(step)
    return Plan({key: tuple(steps) for key, steps in by_key.items()}, tuple(always))


def _bounded(step: Step, parameter: Parameter) -> Step:
    """The step of a parameter that the standard does not have: whatever its expression does, the work on one resource
    has a limit, and the other parameters are none the worse for it."""

    def bounded(values: list[Any], focus: list[Item], env: Env, draft: Draft) -> None:
        before, env.steps_left = env.steps_left, MAX_STEPS
        try:
            step(values, focus, env, draft)
        except TooManySteps:
            log.warning("%s takes too long on a %s, which it does not find", parameter.definition.url, focus[0][0])
        finally:
            env.steps_left = before

    return bounded


def _steps(
    parameters: Parameters, extraction: Extraction, group_makers: "GroupMakers"
) -> list[tuple[frozenset[str] | None, Step]]:
    """A step for each operand of the parameter's expression that can find something, with the JSON properties without
    all of which it finds nothing (None: it may find something all the same)."""
    parameter = extraction.parameter
    branches = parameter.code.branches or (parameter.code,)
    if parameter.components:
        made = _group_maker(parameters, extraction, group_makers)
        known = [code for code in branches if not code.always_empty]
        return [(_keys_of_groups(code, parameter), _step_for_groups(code, parameter.name, made)) for code in known]
    extractors = _extractors(parameters, extraction)
    found: list[tuple[frozenset[str] | None, Step]] = []
    for code in branches:
        keys, step, direct = code.keys, _step(code, parameter, extractors), _direct_step(code, parameter, extractors)
        if keys is not None and code.direct is not None and direct is not None:
            found.append((frozenset({code.direct.key}), direct))
            keys -= {code.direct.key}
        if step is not None:
            found.append((keys, step))
    return found


def _keys_of_groups(code: Code, parameter: Parameter) -> frozenset[str] | None:
    """Where the composite is about the resource itself, those of one of its components: each must have a value."""
    if code.keys is not None or code.types != frozenset({parameter.resource_type}):
        return code.keys
    found = [
        component.codes[parameter.resource_type].keys
        for component in parameter.components
        if parameter.resource_type in component.codes
    ]
    return next((keys for keys in reversed(found) if keys is not None), None)


def has_entries(parameters: Parameters, parameter: Parameter) -> bool:
    """Whether values that the parameter's expression finds can have index entries."""
    if parameter.code.always_empty:
        return False
    extractors = _extractors(parameters, Extraction(parameter, lambda text: None, lambda text: None))
    types = parameter.code.types
    return bool(extractors) and (types is None or not types.isdisjoint(extractors))


def _extractors(parameters: Parameters, extraction: Extraction) -> Mapping[str, Extract]:
    parameter: Parameter = extraction.parameter
    declared = TYPE_BY_NAME[parameter.definition.type].extractors
    if declared is None:
        return {}
    extractors = dict(declared(extraction))
    member = parameters.compiler.model.members("Extension")["value"]
    extractors["Extension"] = _value_of_extension(reader(member.properties), dict(extractors))
    return extractors


def _value_of_extension(read: Reader, extractors: Mapping[str, Extract]) -> Extract:
    """An extension stands for its value."""

    def extract(value: Any, draft: Draft) -> None:
        items: list[Item] = []
        read(value, items)
        for type_name, found, _ in items:
            by_type = extractors.get(type_name)
            if by_type is not None and found is not None:
                by_type(found, draft)

    return extract


def _step(code: Code, parameter: Parameter, extractors: Mapping[str, Extract]) -> Step | None:
    name = parameter.name
    if code.types is None:
        return _step_for_resources(code, parameter, extractors)
    kept = {each: extractors[each] for each in code.types if each in extractors}
    if not kept:
        return _step_for_presence(code, name) if code.types else None
    return (
        _step_for_one(code, name, *kept.values())
        if len(kept) == len(code.types) == 1
        else _step_by_type(code, name, kept)
    )


def _step_for_one(code: Code, name: str, extract: Extract) -> Step:
    run = code.run

    def step(values: list[Any], focus: list[Item], env: Env, draft: Draft) -> None:
        for item in run(focus, env):
            if item[1] is not None:
                draft.present.append(name)
                extract(item[1], draft)

    return step


def _direct_step(code: Code, parameter: Parameter, extractors: Mapping[str, Extract]) -> Step | None:
    """The step for values of one type in the property itself or further down, with the least work; None for others, and
    where work is to be counted."""
    type_name = next(iter(code.types or ()), "")
    if code.direct is None or type_name not in extractors or parameter.definition.source:
        return None
    name, pick, extract = parameter.name, code.direct.pick, extractors[type_name]

    def step(values: list[Any], focus: list[Item], env: Env, draft: Draft) -> None:
        for value in values if pick is None else pick(values):
            if value is not None:
                draft.present.append(name)
                extract(value, draft)

    return step


def _step_for_presence(code: Code, name: str) -> Step:
    """Values that have no entries are there all the same (`:missing`)."""
    run = code.run

    def step(values: list[Any], focus: list[Item], env: Env, draft: Draft) -> None:
        if any(item[1] is not None for item in run(focus, env)):
            draft.present.append(name)

    return step


def _step_by_type(code: Code, name: str, extractors: Mapping[str, Extract]) -> Step:
    run, find = code.run, extractors.get

    def step(values: list[Any], focus: list[Item], env: Env, draft: Draft) -> None:
        for item in run(focus, env):
            if item[1] is not None:
                draft.present.append(name)
                extract = find(item[0])
                if extract is not None:
                    extract(item[1], draft)

    return step


def _step_for_resources(code: Code, parameter: Parameter, extractors: Mapping[str, Extract]) -> Step | None:
    """Where types are known only at the end: a resource inside another, or a value of any type. A resource of a type
    that the parameter does not refer to is no value of it."""
    run, find, whole, name = code.run, extractors.get, extractors.get("Resource"), parameter.name
    targets = frozenset(parameter.definition.targets)

    def step(values: list[Any], focus: list[Item], env: Env, draft: Draft) -> None:
        for item in run(focus, env):
            extract = find(item[0], whole)
            if item[1] is not None and (whole is None or extract is not whole or item[0] in targets):
                draft.present.append(name)
                if extract is not None:
                    extract(item[1], draft)

    return step if extractors else None


Evaluated = tuple[dict[str, Code], bool, Mapping[str, Extract]]
"""A component: its code by type, whether it is of the resource, and what makes entries of its values"""


def _component_extractors(parameters: Parameters, extraction: Extraction) -> tuple[Evaluated, ...]:
    """The components, last first: that is the value, which is missing more often than the code."""
    return tuple(
        (
            dict(component.codes),
            component.of_resource,
            _extractors(parameters, Extraction(component.parameter, extraction.read_date, extraction.read_reference)),
        )
        for component in reversed(extraction.parameter.components)
    )


MakeGroup = Callable[[Item, Env, Draft], Entries | None]
"""The entries of one element that a composite is about; None where a component has no value"""

GroupMakers = dict[tuple[tuple[str, str], ...], tuple[tuple[Evaluated, ...], MakeGroup]]
"""By the expressions and types of the components, with these: several composites ask the same of the same elements"""


def _group_maker(parameters: Parameters, extraction: Extraction, known: GroupMakers) -> MakeGroup:
    definition, components = extraction.parameter.definition, extraction.parameter.components
    asked = tuple(
        (expression, component.parameter.definition.type)
        for (_, expression), component in zip(definition.components, components, strict=True)
    )
    evaluated = _component_extractors(parameters, extraction)
    if asked not in known:
        known[asked] = (evaluated, _make_group(evaluated))
    before, made = known[asked]
    for (codes, _, _), (more, _, _) in zip(before, evaluated, strict=True):
        codes |= more  # for the types of elements that only this composite is about
    return made


def _make_group(components: tuple[Evaluated, ...]) -> MakeGroup:
    def make(item: Item, env: Env, draft: Draft) -> Entries | None:
        group = Draft(draft.resolved)
        for component in components:
            if not _add_component(group, item, env, component):
                return None
        return group.component()

    return make


def _step_for_groups(code: Code, name: str, make: MakeGroup) -> Step:
    """One group for each element that has a value for every component; made once for all composites alike."""
    run = code.run

    def step(values: list[Any], focus: list[Item], env: Env, draft: Draft) -> None:
        for item in run(focus, env):
            key = (make, id(item[1]))
            known = draft.made.get(key)
            if known is None:
                # With the item, so that nothing else comes to have its id while it stands here.
                known = draft.made[key] = (item, make(item, env, draft))
            if known[1] is not None:
                draft.present.append(name)
                draft.groups.append((name, known[1]))

    return step


def _add_component(group: Draft, item: Item, env: Env, component: Evaluated) -> bool:
    """Add the values of a component; whether there are any."""
    codes, of_resource, extractors = component
    source = env.resource if of_resource else item
    code = codes.get(source[0])
    found = False
    for value in code.run([source], env) if code is not None else ():
        extract = extractors.get(value[0])
        if extract is not None and value[1] is not None:
            extract(value[1], group)
            found = True
    return found
