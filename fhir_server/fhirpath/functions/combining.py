"""Combining. http://hl7.org/fhirpath/N1/#combining"""

from fhir_server.fhirpath.code import Code, Env, Item
from fhir_server.fhirpath.compiling import Function, Functions, Invocation
from fhir_server.fhirpath.operators.collections import union_of


def _union(invocation: Invocation) -> Code:
    return union_of([invocation.source, invocation.argument(0)])


def _combine(invocation: Invocation) -> Code:
    """All items of both, those that are equal too."""
    source, other = invocation.source, invocation.argument(0)
    run_source, run_other = source.run, other.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        items = [*run_source(focus, env), *run_other(focus, env)]
        env.spend(len(items))
        return items

    known = source.types is not None and other.types is not None
    return Code(
        run,
        types=(source.types or frozenset()) | (other.types or frozenset()) if known else None,
        paths=source.paths | other.paths,
        reads=source.reads | other.reads,
    )


COMBINING: Functions = {"union": Function(1, 1, _union), "combine": Function(1, 1, _combine)}
