"""Filtering and projection. http://hl7.org/fhirpath/N1/#filtering-and-projection"""

from dataclasses import replace

from fhir_server.fhirpath.code import EMPTY, Code, Env, Item, truth
from fhir_server.fhirpath.compiling import Function, Functions, Invocation
from fhir_server.fhirpath.types_of import resolved_type


def where(invocation: Invocation) -> Code:
    """The items for which the criteria, the first argument, hold."""
    source = invocation.source
    if source.always_empty:
        return EMPTY
    criteria = invocation.criteria(0)
    run_source, run_criteria = source.run, criteria.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        return [item for item in run_source(focus, env) if truth(run_criteria([item], env))]

    target = resolved_type(invocation.node.arguments[0])
    return replace(
        source.filtered(run),
        reads=source.reads | criteria.reads,
        targets=source.targets if target is None else frozenset({target}),
    )


FILTERING: Functions = {"where": Function(1, 1, where)}
