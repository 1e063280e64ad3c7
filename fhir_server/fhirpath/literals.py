"""Literals: the collection of one item that each stands for. http://hl7.org/fhirpath/N1/#literals"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fhir_server.fhirpath.code import EMPTY, Code, Item
from fhir_server.fhirpath.compiling import Compiling
from fhir_server.fhirpath.syntax import Constant, LiteralKind

_VALUES: Mapping[LiteralKind, tuple[str, Callable[[str], Any]]] = {
    "boolean": ("System.Boolean", lambda text: text == "true"),
    "string": ("System.String", str),
    "integer": ("System.Integer", int),
    "decimal": ("System.Decimal", Decimal),
}


def literal(compiling: Compiling, node: Constant) -> Code:
    """The code of a literal; `{}` is the empty collection. Raises `ExpressionNotSupported` for the other kinds."""
    if node.kind == "null":
        return EMPTY
    if node.kind not in _VALUES:
        raise compiling.not_supported(f"A {node.kind} literal is not offered here", node)
    type_name, read = _VALUES[node.kind]
    items: list[Item] = [(type_name, read(node.text), None)]
    return Code(lambda focus, env: items, types=frozenset({type_name}))
