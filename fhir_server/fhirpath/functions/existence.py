"""Existence. http://hl7.org/fhirpath/N1/#existence"""

from collections.abc import Callable

from fhir_server.fhirpath.code import BOOLEAN, FALSE, TRUE, Code, Env, Item, boolean, truth
from fhir_server.fhirpath.compiling import Function, Functions, Invocation, each, eager, filtering
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.functions.filtering import where
from fhir_server.fhirpath.values.equal import contains, distinct
from fhir_server.fhirpath.values.kinds import INTEGER

_BOOLEAN = frozenset({BOOLEAN})


def _exists(invocation: Invocation) -> Code:
    source = where(invocation) if invocation.count else invocation.source
    run_source = source.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        return TRUE if run_source(focus, env) else FALSE

    return Code(run, types=_BOOLEAN, reads=source.reads)


def _all(invocation: Invocation) -> Code:
    """Whether the criteria hold for every item; true for none."""
    source, criteria = invocation.source, invocation.criteria(0)
    run_source, run_criteria = source.run, criteria.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        found = each(run_source(focus, env), run_criteria, env)
        return TRUE if all(truth(result) for _, result in found) else FALSE

    return Code(run, types=_BOOLEAN, reads=source.reads | criteria.reads)


def _empty(env: Env, items: list[Item]) -> list[Item]:
    return FALSE if items else TRUE


def _not(env: Env, items: list[Item]) -> list[Item]:
    value = truth(items)
    return boolean(None if value is None else not value)


def _truths(decide: Callable[[list[bool]], bool]) -> Function:
    """A function of truth values. Raises `EvaluationError` for an item that is none."""

    def apply(env: Env, items: list[Item]) -> list[Item]:
        found = [truth([item]) for item in items]
        if any(item[0] not in (BOOLEAN, "boolean") for item in items):
            raise EvaluationError("Truth values are asked for")
        return boolean(decide([value is True for value in found if value is not None]))

    return eager(apply, BOOLEAN, of_empty=True)


def _count(env: Env, items: list[Item]) -> list[Item]:
    return [(INTEGER, len(items), None)]


def _distinct(env: Env, items: list[Item]) -> list[Item]:
    return distinct(items, env)


def _is_distinct(env: Env, items: list[Item]) -> list[Item]:
    return boolean(len(distinct(items, env)) == len(items))


def _subset_of(env: Env, items: list[Item], others: list[Item]) -> list[Item]:
    return boolean(all(contains(others, item, env) for item in items))


def _superset_of(env: Env, items: list[Item], others: list[Item]) -> list[Item]:
    return _subset_of(env, others, items)


EXISTENCE: Functions = {
    "exists": Function(0, 1, _exists),
    "all": Function(1, 1, _all),
    "empty": eager(_empty, BOOLEAN, of_empty=True),
    "not": eager(_not, BOOLEAN),
    "allTrue": _truths(all),
    "anyTrue": _truths(any),
    "allFalse": _truths(lambda values: not any(values)),
    "anyFalse": _truths(lambda values: not all(values)),
    "count": eager(_count, INTEGER, of_empty=True),
    "distinct": filtering(_distinct),
    "isDistinct": eager(_is_distinct, BOOLEAN, of_empty=True),
    "subsetOf": eager(_subset_of, BOOLEAN, 1, of_empty=True),
    "supersetOf": eager(_superset_of, BOOLEAN, 1, of_empty=True),
}
