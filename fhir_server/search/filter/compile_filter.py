"""A filter to one criterion. https://hl7.org/fhir/R4/search_filter.html"""

from fhir_server.outcome import Invalid, NotSupported
from fhir_server.search.chaining import follow
from fhir_server.search.compilation import Compilation
from fhir_server.search.filter.operators import compare
from fhir_server.search.filter.parser import read_filter
from fhir_server.search.filter.syntax import And, Comparison, Filter, Has, Negation, Or, Step
from fhir_server.search.offered import FILTER
from fhir_server.search.parameter_path import Backward, Forward, too_deep
from fhir_server.search.parameter_type import Asked
from fhir_server.store.criteria import AllOf, AnyOf, Criterion, Not

_SHOWN = 64


async def compile_filter(compilation: Compilation, resource_type: str, text: str) -> Criterion:
    """The criterion of a filter on resources of a type.

    Raises `Invalid` for a fault in the text, an unknown parameter, an operator that does not apply or a bad value;
    `NotSupported` for what is not offered; `TooCostly` beyond a limit.
    """
    found = read_filter(text, depth=compilation.context.limits.filter_depth)
    return await _compiled(compilation, resource_type, found, 0)


async def _compiled(compilation: Compilation, resource_type: str, found: Filter, hops: int) -> Criterion:
    match found:
        case And(parts):
            return AllOf(tuple([await _compiled(compilation, resource_type, part, hops) for part in parts]))
        case Or(parts):
            return AnyOf(tuple([await _compiled(compilation, resource_type, part, hops) for part in parts]))
        case Negation(part):
            return Not(await _compiled(compilation, resource_type, part, hops))
        case Comparison():
            criterion = await _along(compilation, resource_type, found, 0, hops)
            if criterion is None:
                raise _unknown(resource_type, found)
            return criterion


async def _along(
    compilation: Compilation, resource_type: str, found: Comparison, place: int, hops: int
) -> Criterion | None:
    """The rest of a comparison's path, from its step at `place` on; None where the type lacks the parameter.

    `hops`: references that lead here.
    """
    step = found.path[place]
    if place == len(found.path) - 1:
        assert isinstance(step, Step)
        return await _at_end(compilation, resource_type, found, step)
    if hops == compilation.context.limits.chain_depth:
        raise too_deep(compilation.context.limits)
    if isinstance(step, Step) and step.where is not None:
        _check_nested(compilation, resource_type, step)

    async def rest(target: str) -> tuple[Criterion, ...] | None:
        last = await _along(compilation, target, found, place + 1, hops + 1)
        if last is None:
            return None
        if isinstance(step, Has) or step.where is None:
            return (last,)
        return await _compiled(compilation, target, step.where, hops + 1), last

    hop = Backward(step.type, step.param) if isinstance(step, Has) else Forward(step.name, step.type)
    return await follow(compilation, resource_type, hop, rest)


def _check_nested(compilation: Compilation, resource_type: str, step: Step) -> None:
    parameter = compilation.parameters(resource_type).get(step.name)
    if parameter is not None and parameter.definition.type != "reference":
        raise NotSupported(
            f"_filter: a filter in brackets is offered after references, and {step.name} is none; "
            "a composite parameter asks for values that hold together."
        )


async def _at_end(compilation: Compilation, resource_type: str, found: Comparison, step: Step) -> Criterion | None:
    if step.type is not None or step.where is not None:
        raise Invalid(
            f"_filter: after {step.name[:_SHOWN]} with a type or a filter stands a dot and a further parameter."
        )
    if step.name == FILTER:
        raise Invalid("_filter: a filter stands in parentheses or square brackets, not as a parameter.")
    parameter = compilation.parameters(resource_type).get(step.name)
    if parameter is None:
        return None
    compilation.spend()
    return await compare(Asked(parameter, found.value, compilation.context), found.operator)


def _unknown(resource_type: str, found: Comparison) -> Invalid:
    step = found.path[0]
    name = step.name if isinstance(step, Step) else "_has"
    return Invalid(
        f"_filter, character {found.place}: {resource_type} has no search parameter {name[:_SHOWN]} for this."
    )
