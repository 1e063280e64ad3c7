"""Chains, forwards (`subject.name`) and backwards (`_has`), one hop at a time.

https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has. Where a chain names no type,
every type counts that the reference may have and that has the rest of the chain.
"""

from collections.abc import Awaitable, Callable

from fhir_server.outcome import Invalid, NotSupported
from fhir_server.search.compilation import Compilation
from fhir_server.search.contained import is_known_inside
from fhir_server.search.context import SearchContext
from fhir_server.search.offered import require_indexed, why_not_followed
from fhir_server.search.parameter_path import Backward, Hop
from fhir_server.search.parameters import Parameter
from fhir_server.store.criteria import AnyOf, Chained, Criterion, InGroup, ReverseChained
from fhir_server.store.entries import contained_group

Rest = Callable[[str], Awaitable[tuple[Criterion, ...] | None]]
"""What must hold at the other end, for resources of this type; None where the type lacks the parameter"""

_SHOWN = 64


async def follow(compilation: Compilation, resource_type: str, hop: Hop, rest: Rest) -> Criterion | None:
    """The criterion of one hop from resources of this type; None where they have no such parameter.

    Raises `Invalid` where no type can have the rest, or as the rest does for each of them; `NotSupported` for
    references that are not followed.
    """
    if isinstance(hop, Backward):
        return await _backward(compilation, resource_type, hop, rest)
    parameter = compilation.parameters(resource_type).get(hop.param)
    if parameter is None:
        return None
    check_followed(parameter)
    if hop.type is not None:
        return await _to_type(compilation, parameter, hop.type, rest)
    return await _to_any(compilation, parameter, rest)


def check_followed(parameter: Parameter) -> None:
    """Raises `Invalid` for what is no reference, `NotSupported` for a reference that leads to no stored resource,
    `Unavailable` while it would find too little."""
    require_indexed(parameter)
    if parameter.definition.type != "reference":
        raise Invalid(f"The parameter {parameter.name} is no reference, so nothing can be chained to it.")
    reason = why_not_followed(parameter)
    if reason is not None:
        raise NotSupported(f"The parameter {parameter.name} of {parameter.resource_type} cannot be followed: {reason}.")


def check_reached(resource_type: str, context: SearchContext) -> None:
    """Raises `NotSupported` for a type that is kept apart."""
    if resource_type in context.kept_apart:
        raise NotSupported(
            f"Resources of the type {resource_type} are kept apart: chains and includes do not reach them."
        )


async def _to_type(compilation: Compilation, parameter: Parameter, target: str, rest: Rest) -> Criterion:
    check_reached(target, compilation.context)
    if target not in parameter.target_types():
        raise Invalid(f"The parameter {parameter.name} cannot refer to {target[:_SHOWN]}.")
    compilation.spend()
    criteria = await rest(target)
    if criteria is None:
        raise Invalid(f"{target} does not have what is chained to {parameter.name}.")
    return reaching(parameter, target, criteria)


def reaching(parameter: Parameter, target: str, criteria: tuple[Criterion, ...]) -> Criterion:
    """A reference to a resource of this type that matches: one of its own or, where entries decide it, one that is
    contained. https://hl7.org/fhir/R4/search.html#contained"""
    chained = Chained(parameter.name, target, criteria, parameter.elements)
    if not is_known_inside(criteria):
        return chained
    elements = (*parameter.elements, f"{parameter.resource_type}.contained")
    return AnyOf((chained, InGroup(contained_group(parameter.name, target), criteria, elements)))


async def _to_any(compilation: Compilation, parameter: Parameter, rest: Rest) -> Criterion:
    """A type for which the rest is invalid cannot match; where it is so for all, the first refusal says why."""
    found: list[Criterion] = []
    refusals: list[Invalid] = []
    for target in parameter.target_types():
        compilation.spend()
        try:
            criteria = await rest(target)
        except Invalid as refusal:
            refusals.append(refusal)
            continue
        if criteria is not None:
            found.append(reaching(parameter, target, criteria))
    if not found:
        if refusals:
            raise refusals[0]
        raise Invalid(f"None of the types that {parameter.name} refers to has what is chained to it.")
    return found[0] if len(found) == 1 else AnyOf(tuple(found))


async def _backward(compilation: Compilation, resource_type: str, hop: Backward, rest: Rest) -> Criterion:
    if not compilation.context.definitions.is_resource_type(hop.type):
        raise Invalid(f"_has: there is no resource type {hop.type[:_SHOWN]}.")
    check_reached(hop.type, compilation.context)
    parameter = compilation.parameters(hop.type).get(hop.param)
    if parameter is None:
        raise Invalid(f"_has: {hop.type} has no search parameter {hop.param[:_SHOWN]}.")
    check_followed(parameter)
    if resource_type not in parameter.target_types():
        raise Invalid(f"_has: the parameter {parameter.name} of {hop.type} cannot refer to {resource_type}.")
    compilation.spend()
    criteria = await rest(hop.type)
    if criteria is None:
        raise Invalid(f"_has: {hop.type} does not have the parameter that is asked for.")
    return ReverseChained(hop.type, parameter.name, criteria, parameter.elements)
