"""References. http://hl7.org/fhir/R4/fhirpath.html#functions"""

from dataclasses import replace

from fhir_server.fhirpath.code import EMPTY, Code, Env, Item
from fhir_server.fhirpath.compiling import Function, Functions, Invocation


def _resolve(invocation: Invocation) -> Code:
    """What the items refer to, as far as the surroundings can tell; for the index only the type of it."""
    source = invocation.source
    if source.always_empty:
        return EMPTY
    run_source = source.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        resolve = env.resolve
        return [found for item in run_source(focus, env) for found in resolve(item[1])]

    opaque = invocation.compiling.for_search
    return replace(source.filtered(run), types=None, elements=(), paths=frozenset(), opaque=opaque)


REFERENCES: Functions = {"resolve": Function(0, 0, _resolve)}
