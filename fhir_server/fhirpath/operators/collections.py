"""Collections. http://hl7.org/fhirpath/N1/#collections"""

from fhir_server.fhirpath.code import EMPTY, Code, Env, Item
from fhir_server.fhirpath.compiling import Compiling, Operators
from fhir_server.fhirpath.equal_values import equal
from fhir_server.fhirpath.syntax import Binary, Expression


def _union(compiling: Compiling, node: Binary, focus: Code) -> Code:
    """All items of all operands, each once; operands that can have none (for other resource types) fall away."""
    parts = [code for operand in _operands(node) for code in _flat(compiling.code(operand, focus))]
    branches = tuple(code for code in parts if not code.always_empty)
    if not branches:
        return EMPTY
    if len(branches) == 1:
        return branches[0]
    runs = tuple(code.run for code in branches)

    def run(items: list[Item], env: Env) -> list[Item]:
        return _distinct([item for each in runs for item in each(items, env)])

    return Code(
        run,
        types=_together([code.types for code in branches]),
        keys=_together([code.keys for code in branches]),
        paths=frozenset[str]().union(*(code.paths for code in branches)),
        reads=frozenset[str]().union(*(code.reads for code in branches)),
        elements=tuple(dict.fromkeys(element for code in branches for element in code.elements)),
        targets=_together([code.targets for code in branches]),
        opaque=any(code.opaque for code in branches),
        branches=branches,
    )


def _operands(node: Expression) -> list[Expression]:
    """The operands of a chain of unions, in order; a loop, for there may be dozens."""
    found: list[Expression] = []
    while isinstance(node, Binary) and node.operator == "|":
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]


def _flat(code: Code) -> tuple[Code, ...]:
    return code.branches or (code,)


def _together(sets: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [each for each in sets if each is not None]
    return frozenset[str]().union(*known) if len(known) == len(sets) else None


def _distinct(items: list[Item]) -> list[Item]:
    found: list[Item] = []
    for item in items:
        if not any(equal(item, other) for other in found):
            found.append(item)
    return found


COLLECTIONS: Operators = {"|": _union}
