"""Order and aggregates: `sort`, `aggregate`. http://hl7.org/fhirpath/N1/#aggregates"""

from collections.abc import Callable
from functools import cmp_to_key

from fhir_server.fhirpath.code import Code, Env, Item, Run
from fhir_server.fhirpath.compiling import Function, Functions, Invocation, each
from fhir_server.fhirpath.syntax import Polarity
from fhir_server.fhirpath.values.kinds import single
from fhir_server.fhirpath.values.ordering import compare

_MOST_KEYS = 16


def _sort(invocation: Invocation) -> Code:
    """The items in the order of the keys that each argument gives, descending where a minus stands before it; of a
    later version of FHIRPath. An item without a key comes first."""
    source = invocation.source
    keys: list[tuple[Run, int]] = []
    for argument in invocation.node.arguments:
        descending = isinstance(argument, Polarity) and argument.sign == "-"
        wanted = argument.operand if isinstance(argument, Polarity) else argument
        keys.append((invocation.compiling.code(wanted, source.of_each()).run, -1 if descending else 1))
    run_source = source.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        items = run_source(focus, env)
        signs = [sign for _, sign in keys] or [1]
        columns = [[_key(found) for _, found in each(items, key, env)] for key, _ in keys]
        if not keys:
            columns = [[_key([item]) for item in items]]
        rows: list[tuple[Item | None, ...]] = list(zip(*columns, strict=True))
        places = sorted(range(len(items)), key=cmp_to_key(_comparison(rows, signs, env)))
        return [items[place] for place in places]

    return source.filtered(run)


def _key(items: list[Item]) -> Item | None:
    return single(items, "A key of sort()")


def _comparison(rows: list[tuple[Item | None, ...]], signs: list[int], env: Env) -> Callable[[int, int], int]:
    def order(first: int, second: int) -> int:
        env.spend(1)
        for left, right, sign in zip(rows[first], rows[second], signs, strict=True):
            if left is None or right is None:
                found = (left is not None) - (right is not None)
            else:
                found = sign * (compare(left, right) or 0)
            if found:
                return found
        return 0

    return order


def _aggregate(invocation: Invocation) -> Code:
    """What the first argument makes of each item and of `$total`, which starts as the second."""
    source, step = invocation.source, invocation.criteria(0)
    start = invocation.argument(1).run if invocation.count > 1 else None
    run_source, run_step = source.run, step.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        outer = env.total
        items = run_source(focus, env)
        total = [] if start is None else start(focus, env)
        try:
            env.total = total
            for _, found in each(items, run_step, env):
                env.spend(len(found))
                env.total = found
            return env.total
        finally:
            env.total = outer

    return Code(run, types=None, reads=source.reads | step.reads)


ORDER: Functions = {"sort": Function(0, _MOST_KEYS, _sort), "aggregate": Function(1, 2, _aggregate)}
