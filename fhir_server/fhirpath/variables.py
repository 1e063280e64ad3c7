"""`%` variables. http://hl7.org/fhirpath/N1/#environment-variables, http://hl7.org/fhir/R4/fhirpath.html#variables"""

from collections.abc import Mapping
from dataclasses import replace

from fhir_server.fhirpath.code import Code, Env, Item, Run
from fhir_server.fhirpath.compiling import Compiling
from fhir_server.fhirpath.syntax import Variable


def _resource(focus: list[Item], env: Env) -> list[Item]:
    return [env.resource]


_VARIABLES: Mapping[str, Run] = {"resource": _resource, "rootResource": _resource, "context": _resource}
"""An expression is evaluated on a whole resource, so the three are one"""


def variable(compiling: Compiling, node: Variable, root: Code) -> Code:
    """The code of a variable. Raises `ExpressionNotSupported` for one that is not offered."""
    run = _VARIABLES.get(node.name)
    if run is None:
        raise compiling.not_supported(f"The variable %{node.name} is not offered here", node)
    return replace(root, run=run)
