"""Existence. http://hl7.org/fhirpath/N1/#existence"""

from fhir_server.fhirpath.code import BOOLEAN, FALSE, TRUE, Code, Env, Item, boolean, truth
from fhir_server.fhirpath.compiling import Function, Functions, Invocation
from fhir_server.fhirpath.functions.filtering import where

_BOOLEAN = frozenset({BOOLEAN})


def _exists(invocation: Invocation) -> Code:
    source = where(invocation) if invocation.count else invocation.source
    run_source = source.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        return TRUE if run_source(focus, env) else FALSE

    return Code(run, types=_BOOLEAN, reads=source.reads)


def _empty(invocation: Invocation) -> Code:
    run_source = invocation.source.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        return FALSE if run_source(focus, env) else TRUE

    return Code(run, types=_BOOLEAN, reads=invocation.source.reads)


def _not(invocation: Invocation) -> Code:
    run_source = invocation.source.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        value = truth(run_source(focus, env))
        return boolean(None if value is None else not value)

    return Code(run, types=_BOOLEAN, keys=invocation.source.keys, reads=invocation.source.reads)


EXISTENCE: Functions = {"exists": Function(0, 1, _exists), "empty": Function(0, 0, _empty), "not": Function(0, 0, _not)}
