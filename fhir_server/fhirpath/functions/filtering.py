"""Filtering and projection. http://hl7.org/fhirpath/N1/#filtering-and-projection"""

from dataclasses import replace

from fhir_server.fhirpath.code import EMPTY, Code, Env, Item, truth
from fhir_server.fhirpath.compiling import Function, Functions, Invocation, each
from fhir_server.fhirpath.direct import direct_where
from fhir_server.fhirpath.types_of import resolved_type
from fhir_server.fhirpath.values.equal import same, weight


def where(invocation: Invocation) -> Code:
    """The items for which the criteria, the first argument, hold."""
    source = invocation.source
    if source.always_empty:
        return EMPTY
    criteria = invocation.criteria(0)
    run_source, run_criteria = source.run, criteria.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        items = run_source(focus, env)
        env.spend(len(items))
        return [item for item in items if truth(run_criteria([item], env))]

    def run_with_index(focus: list[Item], env: Env) -> list[Item]:
        return [item for item, found in each(run_source(focus, env), run_criteria, env) if truth(found)]

    target = resolved_type(invocation.node.arguments[0])
    return replace(
        source.filtered(run_with_index if invocation.needs_index(0) else run),
        reads=source.reads | criteria.reads,
        targets=source.targets if target is None else frozenset({target}),
        direct=direct_where(source, criteria),
    )


def _select(invocation: Invocation) -> Code:
    """What the projection gives for each item, all together."""
    source = invocation.source
    if source.always_empty:
        return EMPTY
    projection = invocation.criteria(0)
    run_source, run_projection = source.run, projection.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        out: list[Item] = []
        for _, found in each(run_source(focus, env), run_projection, env):
            env.spend(len(found))
            out += found
        return out

    return replace(projection.filtered(run), keys=source.keys, reads=source.reads | projection.reads)


def _repeat(invocation: Invocation) -> Code:
    """What the projection gives for each item and for what it gave, as long as there is something new."""
    source = invocation.source
    run_source = source.run
    # Of what comes out again nothing is known but that it runs: the types of the first round may not be the last.
    anything = replace(source.of_each(), types=None, elements=(), targets=None)
    projection = invocation.compiling.code(invocation.node.arguments[0], anything)
    run_projection = projection.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        out: list[Item] = []
        waiting = run_source(focus, env)
        while waiting:
            new: list[Item] = []
            for _, found in each(waiting, run_projection, env):
                for item in found:
                    env.spend((len(out) + 1) * weight(item))
                    if not any(same(item, other) for other in out):
                        out.append(item)
                        new.append(item)
            waiting = new
        return out

    return Code(run, types=None, keys=source.keys, paths=projection.paths, reads=source.reads | projection.reads)


FILTERING: Functions = {
    "where": Function(1, 1, where),
    "select": Function(1, 1, _select),
    "repeat": Function(1, 1, _repeat),
}
