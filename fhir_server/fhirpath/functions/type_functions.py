"""Types as functions: `ofType`, `type`, and `is` and `as` in their function form. http://hl7.org/fhirpath/N1/#types"""

from collections.abc import Callable

from fhir_server.fhirpath.code import BOOLEAN, Code, Env, Item, boolean
from fhir_server.fhirpath.compiling import Function, Functions, Invocation, eager
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.type_model import SYSTEM, TypeModel
from fhir_server.fhirpath.types_of import cast, restricted, tested, type_name_of
from fhir_server.fhirpath.values.kinds import (
    CLOCK,
    DATE,
    DATE_TIME,
    DECIMAL,
    INTEGER,
    KIND_OF_TYPE,
    STRING,
    TEXT,
    TIME,
    TRUTH,
    TYPE_INFO,
)


def _by(make: Callable[[TypeModel, Code, str], Code]) -> Function:
    def compile_it(invocation: Invocation) -> Code:
        compiling, argument = invocation.compiling, invocation.node.arguments[0]
        name = type_name_of(argument)
        if name is None:
            raise compiling.invalid(f"The function {invocation.node.name}() takes the name of a type", argument)
        chosen = cast if make is restricted and invocation.node.name == "as" and not compiling.for_search else make
        return chosen(compiling.model, invocation.source, compiling.type_named(name, argument))

    return Function(1, 1, compile_it)


def _type(env: Env, items: list[Item]) -> list[Item]:
    """The namespace and name of the type of each item."""
    found: list[Item] = []
    for item in items:
        system = item[0].startswith(SYSTEM)
        namespace, name = ("System", item[0].removeprefix(SYSTEM)) if system else ("FHIR", item[0])
        found.append((TYPE_INFO, {"namespace": namespace, "name": name}, None))
    return found


def _has_value(env: Env, items: list[Item]) -> list[Item]:
    """Whether there is a single primitive, with a value. http://hl7.org/fhir/R4/fhirpath.html#functions"""
    return boolean(len(items) == 1 and items[0][1] is not None and not isinstance(items[0][1], dict))


_VALUE_TYPES = {TEXT: STRING, TRUTH: BOOLEAN, CLOCK: TIME}
_DATES = {"date": DATE, "dateTime": DATE_TIME, "instant": DATE_TIME}


def _get_value(env: Env, items: list[Item]) -> list[Item]:
    """The value of a single primitive as FHIRPath's own type."""
    if len(items) > 1:
        raise EvaluationError("getValue() is for one item")
    if not items or items[0][1] is None or isinstance(items[0][1], dict):
        return []
    type_name, value, _ = items[0]
    number = INTEGER if isinstance(value, int) else DECIMAL
    own = _DATES.get(type_name) or _VALUE_TYPES.get(KIND_OF_TYPE.get(type_name, ""), number)
    return [(own if not type_name.startswith(SYSTEM) else type_name, value, None)]


TYPE_FUNCTIONS: Functions = {
    "ofType": _by(restricted),
    "as": _by(restricted),
    "is": _by(tested),
    "type": eager(_type, TYPE_INFO),
    "hasValue": eager(_has_value, BOOLEAN, of_empty=True),
    "getValue": eager(_get_value, None),
}
