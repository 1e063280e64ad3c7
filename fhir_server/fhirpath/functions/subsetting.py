"""Subsetting. http://hl7.org/fhirpath/N1/#subsetting"""

from fhir_server.fhirpath.code import Env, Item
from fhir_server.fhirpath.compiling import Functions, filtering
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.values.equal import contains, distinct
from fhir_server.fhirpath.values.kinds import integer_of


def _single(env: Env, items: list[Item]) -> list[Item]:
    if len(items) > 1:
        raise EvaluationError("One item is asked for, and there are several")
    return items


def _skip(env: Env, items: list[Item], number: list[Item]) -> list[Item]:
    return items[max(_needed(number), 0) :]


def _take(env: Env, items: list[Item], number: list[Item]) -> list[Item]:
    return items[: max(_needed(number), 0)]


def _needed(items: list[Item]) -> int:
    found = integer_of(items)
    if found is None:
        raise EvaluationError("A number of items is asked for")
    return found


def _intersect(env: Env, items: list[Item], others: list[Item]) -> list[Item]:
    return distinct([item for item in items if contains(others, item, env)], env)


def _exclude(env: Env, items: list[Item], others: list[Item]) -> list[Item]:
    return [item for item in items if not contains(others, item, env)]


SUBSETTING: Functions = {
    "single": filtering(_single),
    "first": filtering(lambda env, items: items[:1]),
    "last": filtering(lambda env, items: items[-1:]),
    "tail": filtering(lambda env, items: items[1:]),
    "skip": filtering(_skip, 1),
    "take": filtering(_take, 1),
    "intersect": filtering(_intersect, 1),
    "exclude": filtering(_exclude, 1),
}
