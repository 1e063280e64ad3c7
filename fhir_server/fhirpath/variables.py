"""`%` variables. http://hl7.org/fhirpath/N1/#environment-variables, http://hl7.org/fhir/R4/fhirpath.html#variables"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fhir_server.fhirpath.code import Code, Env, Item, Run
from fhir_server.fhirpath.compiling import Compiling
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.syntax import Variable
from fhir_server.fhirpath.values.kinds import STRING

_TEXTS: Mapping[str, str] = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
_PREFIXES: Mapping[str, str] = {
    "vs-": "http://hl7.org/fhir/ValueSet/",
    "ext-": "http://hl7.org/fhir/StructureDefinition/",
}
KNOWN: Final = frozenset({"resource", "rootResource", "context", *_TEXTS})
"""Names that an expression cannot define anew"""


def _resource(focus: list[Item], env: Env) -> list[Item]:
    return [env.resource]


def _root_resource(focus: list[Item], env: Env) -> list[Item]:
    return [env.root_resource]


def variable(compiling: Compiling, node: Variable, focus: Code, root: Code) -> Code:
    """The code of a variable: of the language, of `defineVariable()`, or one that the caller gives. Raises
    `ExpressionInvalid` for another."""
    defined = dict(focus.variables).get(node.name)
    if defined is not None:
        return defined
    text = _text(node.name)
    if text is not None:
        items: list[Item] = [(STRING, text, None)]
        return Code(lambda focus, env: items, types=frozenset({STRING}))
    if node.name in KNOWN:
        return _of_surroundings(compiling, node.name, root)
    if node.name in compiling.variables:
        return Code(_given(node.name), types=None)
    raise compiling.invalid(f"There is no variable %{node.name}", node)


def _of_surroundings(compiling: Compiling, name: str, root: Code) -> Code:
    """An expression for the index is evaluated on a whole resource, so the three are one there."""
    starts_at_resource = all(compiling.model.is_a(each, "Resource") for each in root.types or ())
    if compiling.for_search or (name == "resource" and starts_at_resource):
        return replace(root, run=_resource)
    if name == "context":
        return replace(root, run=_context)
    return Code(_resource if name == "resource" else _root_resource, types=None)


def _context(focus: list[Item], env: Env) -> list[Item]:
    return env.context


def _text(name: str) -> str | None:
    if name in _TEXTS:
        return _TEXTS[name]
    for prefix, start in _PREFIXES.items():
        if name.startswith(prefix) and len(name) > len(prefix):
            return start + name.removeprefix(prefix)
    return None


def _given(name: str) -> Run:
    def run(focus: list[Item], env: Env) -> list[Item]:
        if name not in env.variables:
            raise EvaluationError(f"The variable %{name} has no value")
        return env.variables[name]

    return run
