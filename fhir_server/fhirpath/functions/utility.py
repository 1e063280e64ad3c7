"""Utility functions. http://hl7.org/fhirpath/N1/#utility-functions"""

from dataclasses import replace

from fhir_server.fhirpath.code import Code, Env, Item
from fhir_server.fhirpath.compiling import Function, Functions, Invocation, each, eager
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.syntax import Constant
from fhir_server.fhirpath.values.kinds import DATE, DATE_TIME, TIME, text_of
from fhir_server.fhirpath.variables import KNOWN


def _now(env: Env, items: list[Item]) -> list[Item]:
    return [(DATE_TIME, env.time().isoformat(timespec="milliseconds"), None)]


def _today(env: Env, items: list[Item]) -> list[Item]:
    return [(DATE, env.time().date().isoformat(), None)]


def _time_of_day(env: Env, items: list[Item]) -> list[Item]:
    return [(TIME, env.time().time().isoformat(timespec="milliseconds"), None)]


def _trace(invocation: Invocation) -> Code:
    """The items, of which the surroundings are told by name, or of what the second argument gives for each."""
    source, name = invocation.source, invocation.argument(0)
    shown = invocation.criteria(1).run if invocation.count > 1 else None
    run_source, run_name = source.run, name.run

    def run(focus: list[Item], env: Env) -> list[Item]:
        items = run_source(focus, env)
        text = text_of(run_name(focus, env))
        if text is None:
            raise EvaluationError("trace() needs a name")
        found = items if shown is None else [part for _, parts in each(items, shown, env) for part in parts]
        env.trace(text, found)
        return items

    return source.filtered(run)


def _define_variable(invocation: Invocation) -> Code:
    """The items, with a `%` variable for what follows: what the second argument gives for them, or they themselves."""
    source, argument = invocation.source, invocation.node.arguments[0]
    if not isinstance(argument, Constant) or argument.kind != "string":
        raise invocation.compiling.not_supported("The name of a variable is a string, written out", argument)
    name = argument.text
    if name in dict(source.variables) or name in KNOWN:
        raise invocation.compiling.invalid(f"The variable %{name} is defined already", argument)
    value = invocation.criteria(1) if invocation.count > 1 else source
    run_source, run_value = source.run, value.run if invocation.count > 1 else None
    key = f"{name} {argument.position}"

    def run(focus: list[Item], env: Env) -> list[Item]:
        items = run_source(focus, env)
        env.variables[key] = items if run_value is None else run_value(items, env)
        return items

    known = replace(value.filtered(lambda focus, env: env.variables[key]), keys=None)
    return replace(source.filtered(run), variables=(*source.variables, (name, replace(known, variables=()))))


UTILITY: Functions = {
    "now": eager(_now, DATE_TIME, of_empty=True),
    "today": eager(_today, DATE, of_empty=True),
    "timeOfDay": eager(_time_of_day, TIME, of_empty=True),
    "trace": Function(1, 2, _trace),
    "defineVariable": Function(1, 2, _define_variable),
}
