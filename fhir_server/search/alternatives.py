"""One parameter with its modifier and the values between its commas.

https://hl7.org/fhir/R4/search.html#modifiers, https://hl7.org/fhir/R4/search.html#combining. Nothing is ever dropped:
what is not offered is an error that names it, for a search that ignored a part of its question would answer with too
much.
"""

from fhir_server.outcome import Invalid, NotSupported, TooCostly
from fhir_server.search.compilation import Compilation
from fhir_server.search.offered import require_indexed, why_not_offered
from fhir_server.search.parameter_type import Asked
from fhir_server.search.parameter_types import PARAMETER_TYPES, TYPE_BY_NAME
from fhir_server.search.parameters import BY_ROW, Parameter
from fhir_server.search.reading.escapes import split
from fhir_server.store.criteria import AllOf, AnyOf, Criterion, IdIs, IsPresent, Not

_MODIFIERS = frozenset[str]().union(*(each.modifiers for each in PARAMETER_TYPES))
_NEGATED: dict[str, str | None] = {"not": None, "not-in": "in"}
"""Modifiers that mean: none of the alternatives, each read with this modifier"""
_SHOWN = 64

NEVER = AnyOf(())
ALWAYS = AllOf(())


async def compile_alternatives(
    compilation: Compilation, parameter: Parameter, modifier: str | None, value: str
) -> Criterion:
    """What a parameter asks: any of its values; with `:not` and `:not-in` none of them; with `:missing` whether it has
    one.

    Raises `Invalid` for a wrong modifier or value, `NotSupported` for what is not offered, `TooCostly` beyond a limit.
    """
    if modifier is not None:
        _check_modifier(compilation, parameter, modifier)
    check_offered(parameter)
    if modifier == "missing":
        if value not in ("true", "false"):
            raise Invalid(f"The parameter {parameter.name}:missing is true or false.")
        return presence(parameter, value == "false")
    if modifier in _NEGATED:
        return Not(await _any_of(compilation, parameter, _NEGATED[modifier], value))
    return await _any_of(compilation, parameter, modifier, value)


def check_offered(parameter: Parameter) -> None:
    """Raises `NotSupported` for a parameter that queries may not use, `Unavailable` while it would find too little."""
    require_indexed(parameter)
    reason = why_not_offered(parameter)
    if reason is not None:
        raise NotSupported(f"The parameter {parameter.name} cannot be used: {reason}.")


def presence(parameter: Parameter, present: bool) -> Criterion:
    """Whether the resource has a value for the parameter."""
    if parameter.name in BY_ROW:
        return ALWAYS if present else NEVER
    found = IsPresent(parameter.name, parameter.elements)
    return found if present else Not(found)


def _check_modifier(compilation: Compilation, parameter: Parameter, modifier: str) -> None:
    """A modifier must be one that R4 has for the parameter's type; a resource type is one for references."""
    declared = TYPE_BY_NAME[parameter.definition.type]
    if modifier in declared.modifiers:
        return
    if compilation.context.definitions.is_resource_type(modifier):
        if declared.name == "reference" and modifier in parameter.definition.targets:
            return
        raise Invalid(f"The parameter {parameter.name} cannot refer to {modifier}.")
    if modifier in _MODIFIERS:
        raise Invalid(f"The modifier :{modifier} does not apply to {parameter.name}, a {declared.name} parameter.")
    raise Invalid(f"There is no modifier :{modifier[:_SHOWN]}.")


async def _any_of(compilation: Compilation, parameter: Parameter, modifier: str | None, value: str) -> Criterion:
    values = alternatives(parameter.name, value, compilation.context.limits.alternatives)
    found: list[Criterion] = []
    for each in values:
        found.append(await compile_value(Asked(parameter, each, compilation.context, modifier)))
        compilation.spend(size(found[-1]))
    return found[0] if len(found) == 1 else _joined(list(dict.fromkeys(found)))


async def compile_value(asked: Asked) -> Criterion:
    """The criterion of one value, by the type of its parameter, which must be one that is offered."""
    compiler = TYPE_BY_NAME[asked.parameter.definition.type].compile
    assert compiler is not None  # `check_offered` has refused the others
    return await compiler(asked)


def alternatives(name: str, value: str, limit: int) -> list[str]:
    """The values between commas; an empty one would match nothing or everything, so it is an error."""
    found = split(value, ",")
    if not all(each.strip() for each in found):
        raise Invalid(f"The parameter {name} has an empty value: give a value or leave the parameter out.")
    if len(found) > limit:
        raise TooCostly(f"The parameter {name} has more than {limit} values.")
    return found


def _joined(found: list[Criterion]) -> Criterion:
    if len(found) == 1:
        return found[0]
    ids = [criterion for criterion in found if isinstance(criterion, IdIs)]
    if len(ids) == len(found):
        return IdIs(tuple(dict.fromkeys(each for criterion in ids for each in criterion.ids)), ids[0].elements)
    return AnyOf(tuple(found))


def size(criterion: Criterion) -> int:
    """How many plain criteria one value has become."""
    if isinstance(criterion, AllOf | AnyOf):
        return sum(map(size, criterion.criteria))
    if isinstance(criterion, Not):
        return size(criterion.criterion)
    return len(criterion.ids) if isinstance(criterion, IdIs) else 1
