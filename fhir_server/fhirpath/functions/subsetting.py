"""Subsetting. http://hl7.org/fhirpath/N1/#subsetting"""

from fhir_server.fhirpath.code import Code, Env, Item
from fhir_server.fhirpath.compiling import Function, Functions, Invocation


def _first(invocation: Invocation) -> Code:
    run_source = invocation.source.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        return run_source(focus, env)[:1]

    return invocation.source.filtered(run)


def _last(invocation: Invocation) -> Code:
    run_source = invocation.source.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        return run_source(focus, env)[-1:]

    return invocation.source.filtered(run)


SUBSETTING: Functions = {"first": Function(0, 0, _first), "last": Function(0, 0, _last)}
