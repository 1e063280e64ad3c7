"""One query parameter to one criterion.

https://hl7.org/fhir/R4/search.html#modifiers, #combining, #chaining. Nothing is ever dropped: what is not offered is an
error that names it, for a search that ignored a part of its question would answer with too much.
"""

from fhir_server.outcome import Invalid, NotSupported, TooCostly
from fhir_server.search.context import SearchContext
from fhir_server.search.offered import require_indexed, why_not_offered
from fhir_server.search.parameter_type import Asked
from fhir_server.search.parameter_types import PARAMETER_TYPES, TYPE_BY_NAME
from fhir_server.search.parameters import Parameter, parameters_of
from fhir_server.search.reading.escapes import split
from fhir_server.store.criteria import AllOf, AnyOf, Criterion, IdIs, Not

_MODIFIERS = frozenset[str]().union(*(each.modifiers for each in PARAMETER_TYPES))


async def compile_criterion(resource_type: str, name: str, value: str, context: SearchContext) -> Criterion | None:
    """The criterion of one query parameter; None where the type has no parameter of this name.

    Raises `Invalid` for a wrong modifier or value, `NotSupported` for what is not offered, `TooCostly` beyond a limit.
    """
    plain, dot, _ = name.partition(".")
    plain, colon, modifier = plain.partition(":")
    parameter = parameters_of(context.definitions).of(resource_type).get(plain)
    if parameter is None:
        return None
    require_indexed(parameter)
    if colon:
        _check_modifier(parameter, modifier, context)
    if dot:
        raise _chained(parameter)
    if colon:
        raise NotSupported(f"The modifier :{modifier} of the parameter {plain} is not offered.")
    reason = why_not_offered(parameter)
    if reason is not None:
        raise NotSupported(f"The parameter {plain} cannot be used: {reason}.")
    return await _any_of(parameter, value, context)


def _check_modifier(parameter: Parameter, modifier: str, context: SearchContext) -> None:
    """A modifier must be one that R4 has for the parameter's type; a resource type is one for references."""
    declared = TYPE_BY_NAME[parameter.definition.type]
    if modifier in declared.modifiers:
        return
    if context.definitions.is_resource_type(modifier):
        if declared.name == "reference" and modifier in parameter.definition.targets:
            return
        raise Invalid(f"The parameter {parameter.name} cannot refer to {modifier}.")
    if modifier in _MODIFIERS:
        raise Invalid(f"The modifier :{modifier} does not apply to {parameter.name}, a {declared.name} parameter.")
    raise Invalid(f"There is no modifier :{modifier}.")


def _chained(parameter: Parameter) -> Exception:
    if parameter.definition.type != "reference":
        return Invalid(f"The parameter {parameter.name} is no reference, so nothing can be chained to it.")
    return NotSupported(f"Chained parameters ({parameter.name}.…) are not offered.")


async def _any_of(parameter: Parameter, value: str, context: SearchContext) -> Criterion:
    """Alternatives between commas; an empty one would match nothing or everything, so it is an error."""
    alternatives = split(value, ",")
    if not all(alternative.strip() for alternative in alternatives):
        raise Invalid(f"The parameter {parameter.name} has an empty value: give a value or leave the parameter out.")
    if len(alternatives) > context.limits.alternatives:
        raise TooCostly(f"The parameter {parameter.name} has more than {context.limits.alternatives} values.")
    compiler = TYPE_BY_NAME[parameter.definition.type].compile
    assert compiler is not None  # `why_not_offered` has refused the others
    found = [await compiler(Asked(parameter, alternative, context)) for alternative in alternatives]
    return _joined(list(dict.fromkeys(found)))


def _joined(found: list[Criterion]) -> Criterion:
    if len(found) == 1:
        return found[0]
    ids = [criterion for criterion in found if isinstance(criterion, IdIs)]
    if len(ids) == len(found):
        return IdIs(tuple(dict.fromkeys(each for criterion in ids for each in criterion.ids)), ids[0].elements)
    return AnyOf(tuple(found))


def size(criterion: Criterion) -> int:
    """How many plain criteria it is made of."""
    if isinstance(criterion, AllOf | AnyOf):
        return sum(map(size, criterion.criteria))
    if isinstance(criterion, Not):
        return size(criterion.criterion)
    return len(criterion.ids) if isinstance(criterion, IdIs) else 1
