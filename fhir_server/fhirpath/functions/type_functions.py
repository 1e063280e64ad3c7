"""Types as functions: `ofType`, and `is` and `as` in their function form. http://hl7.org/fhirpath/N1/#types"""

from collections.abc import Callable

from fhir_server.fhirpath.code import Code
from fhir_server.fhirpath.compiling import Function, Functions, Invocation
from fhir_server.fhirpath.type_model import TypeModel
from fhir_server.fhirpath.types_of import restricted, tested, type_name_of


def _by(make: Callable[[TypeModel, Code, str], Code]) -> Function:
    def compile_it(invocation: Invocation) -> Code:
        compiling, argument = invocation.compiling, invocation.node.arguments[0]
        name = type_name_of(argument)
        if name is None:
            raise compiling.invalid(f"The function {invocation.node.name}() takes the name of a type", argument)
        return make(compiling.model, invocation.source, compiling.type_named(name, argument))

    return Function(1, 1, compile_it)


TYPE_FUNCTIONS: Functions = {"ofType": _by(restricted), "as": _by(restricted), "is": _by(tested)}
