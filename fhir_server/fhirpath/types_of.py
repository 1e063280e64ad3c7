"""Restricting a collection to a type, and asking for it: what `is`, `as` and `ofType` share in both their forms.

http://hl7.org/fhirpath/N1/#types. In R4's search expressions `as` is used on collections and filters them; elsewhere
it is for one item. Both `as` and `ofType` want exactly the type (a code is not `as(string)`, as the official
test suite has it), but for abstract types, of which nothing is exactly; `is` is also true of what derives from it.
"""

from collections.abc import Callable
from dataclasses import replace

from fhir_server.fhirpath.code import BOOLEAN, EMPTY, Code, Env, Item, boolean
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.syntax import Call, Expression, Member
from fhir_server.fhirpath.type_model import TypeModel


def type_name_of(argument: Expression) -> str | None:
    """The type specifier that stands as the argument of a function (`as(FHIR.Quantity)`), None where it is none."""
    if not isinstance(argument, Member):
        return None
    if argument.source is None:
        return argument.name
    outer = type_name_of(argument.source)
    return None if outer is None else f"{outer}.{argument.name}"


def cast(model: TypeModel, source: Code, type_name: str) -> Code:
    """The one item of the source, where it is of this type. An expression for the index takes `restricted` instead."""
    kept, run_source = restricted(model, source, type_name), source.run
    run_kept = kept.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        if len(run_source(focus, env)) > 1:
            raise EvaluationError("`as` is for one item")
        return run_kept(focus, env)

    return kept.filtered(run)


def restricted(model: TypeModel, source: Code, type_name: str) -> Code:
    """The items of the source that are of this type; decided without running where the types are known."""
    matches = _remembered(
        lambda actual: actual == type_name or (model.is_abstract(type_name) and model.is_a(actual, type_name))
    )
    if source.types is None:
        return replace(source.filtered(_filter(source, matches)), types=_known(model, type_name))
    kept = frozenset(actual for actual in source.types if matches(actual))
    if not kept:
        return EMPTY
    if kept == source.types:
        return source
    if source.narrow is not None and len(kept) == 1:
        return source.narrow(next(iter(kept)))
    return replace(source.filtered(_filter(source, matches)), types=kept)


def tested(model: TypeModel, source: Code, type_name: str) -> Code:
    """Whether the one item of the source is of this type or one that derives from it."""
    matches = _remembered(lambda actual: model.is_a(actual, type_name))
    run_source = source.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        items = run_source(focus, env)
        if len(items) > 1:
            raise EvaluationError("`is` asks for the type of one item")
        return boolean(matches(items[0][0])) if items else []

    return Code(run, types=frozenset({BOOLEAN}), keys=source.keys, reads=source.reads)


def resolved_type(criteria: Expression) -> str | None:
    """The type that `resolve() is Type` asks for, None for any other expression."""
    operand = getattr(criteria, "operand", None)
    if getattr(criteria, "operator", None) != "is" or not isinstance(operand, Call):
        return None
    plain = operand.name == "resolve" and operand.source is None
    return str(getattr(criteria, "type", "")) if plain else None


def _known(model: TypeModel, type_name: str) -> frozenset[str] | None:
    return None if model.is_abstract(type_name) else frozenset({type_name})


def _filter(source: Code, matches: Callable[[str], bool]) -> Callable[[list[Item], Env], list[Item]]:
    run_source = source.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        return [item for item in run_source(focus, env) if matches(item[0])]

    return run


def _remembered(test: Callable[[str], bool]) -> Callable[[str], bool]:
    known: dict[str, bool] = {}

    def ask(type_name: str) -> bool:
        found = known.get(type_name)
        if found is None:
            found = known[type_name] = test(type_name)
        return found

    return ask
