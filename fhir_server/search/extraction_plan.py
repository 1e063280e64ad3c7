"""What is to be done for the resources of one type: each operand of each expression, by the JSON property it starts at.

A resource has a dozen properties and a type has fifty parameters, most of which find nothing: going by the properties
that are there costs a fraction of evaluating every expression.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.fhirpath.code import Code, Env, Item
from fhir_server.fhirpath.readers import Reader, reader
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Extract, Extraction
from fhir_server.search.parameter_types import TYPE_BY_NAME
from fhir_server.search.parameters import BY_ROW, Parameter, Parameters
from fhir_server.search.reading.dates import DateReader
from fhir_server.search.reading.references import ReferenceReader

Step = Callable[[list[Item], Env, Draft], None]
"""Evaluates one operand on a resource and adds its entries"""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps for a resource type: those that need one of some JSON properties by each, and those always run."""

    by_key: Mapping[str, tuple[Step, ...]]
    always: tuple[Step, ...]


def plan(parameters: Parameters, resource_type: str, read_date: DateReader, read_reference: ReferenceReader) -> Plan:
    """The plan for a resource type."""
    by_key: dict[str, list[Step]] = {}
    always: list[Step] = []
    for parameter in parameters.of(resource_type).values():
        if parameter.name in BY_ROW or parameter.name in TYPE_BY_NAME[parameter.definition.type].not_offered:
            continue
        extractors = _extractors(parameters, Extraction(parameter, read_date, read_reference))
        for code in parameter.code.branches or (parameter.code,):
            step = _step(code, extractors)
            if step is None:
                continue
            if code.keys is None:
                always.append(step)
            for key in code.keys or ():
                by_key.setdefault(key, []).append(step)
    return Plan({key: tuple(steps) for key, steps in by_key.items()}, tuple(always))


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


def _step(code: Code, extractors: Mapping[str, Extract]) -> Step | None:
    if code.types is None:
        return _step_for_resources(code, extractors)
    kept = {name: extractors[name] for name in code.types if name in extractors}
    if not kept:
        return None
    return _step_for_one(code, *kept.values()) if len(kept) == len(code.types) == 1 else _step_by_type(code, kept)


def _step_for_one(code: Code, extract: Extract) -> Step:
    run = code.run

    def step(focus: list[Item], env: Env, draft: Draft) -> None:
        for item in run(focus, env):
            if item[1] is not None:
                extract(item[1], draft)

    return step


def _step_by_type(code: Code, extractors: Mapping[str, Extract]) -> Step:
    run, find = code.run, extractors.get

    def step(focus: list[Item], env: Env, draft: Draft) -> None:
        for item in run(focus, env):
            extract = find(item[0])
            if extract is not None and item[1] is not None:
                extract(item[1], draft)

    return step


def _step_for_resources(code: Code, extractors: Mapping[str, Extract]) -> Step | None:
    """Where types are known only at the end: a resource inside another, or a value of any type."""
    run, find, whole = code.run, extractors.get, extractors.get("Resource")

    def step(focus: list[Item], env: Env, draft: Draft) -> None:
        for item in run(focus, env):
            extract = find(item[0], whole)
            if extract is not None and item[1] is not None:
                extract(item[1], draft)

    return step if extractors else None
