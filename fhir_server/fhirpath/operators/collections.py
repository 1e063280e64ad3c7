"""Collections. http://hl7.org/fhirpath/N1/#collections"""

from dataclasses import replace

from fhir_server.fhirpath.code import BOOLEAN, EMPTY, Code, Env, Item, boolean
from fhir_server.fhirpath.compiling import Compiling, Operator, Operators
from fhir_server.fhirpath.syntax import Binary, Expression
from fhir_server.fhirpath.values.equal import contains, distinct
from fhir_server.fhirpath.values.kinds import KIND_OF_TYPE, PLAIN, single


def _union(compiling: Compiling, node: Binary, focus: Code) -> Code:
    return union_of([compiling.code(operand, focus) for operand in _operands(node)])


def union_of(codes: list[Code]) -> Code:
    """All items of all operands, each once; operands that can have none (for other resource types) fall away."""
    parts = [part for code in codes for part in code.branches or (code,)]
    branches = tuple(code for code in parts if not code.always_empty)
    if not branches:
        return EMPTY
    if len(branches) == 1:
        return _distinct(branches[0]) if len(codes) > 1 else branches[0]
    runs = tuple(code.run for code in branches)

    def run(items: list[Item], env: Env) -> list[Item]:
        return distinct([item for each in runs for item in each(items, env)], env)

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


def _distinct(only: Code) -> Code:
    """Its results, each once. Where equal ones are the same JSON, the values may still be read directly."""
    run = only.run
    made = only.filtered(lambda items, env: distinct(run(items, env), env))
    kinds = {KIND_OF_TYPE.get(name) for name in only.types or ()}
    return replace(made, direct=only.direct) if kinds <= {None, *PLAIN} else made


def _operands(node: Expression) -> list[Expression]:
    """The operands of a chain of unions, in order; a loop, for there may be dozens."""
    found: list[Expression] = []
    while isinstance(node, Binary) and node.operator == "|":
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]


def _together(sets: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [each for each in sets if each is not None]
    return frozenset[str]().union(*known) if len(known) == len(sets) else None


def _membership(*, reverse: bool) -> Operator:
    """Whether the one item on one side is in the collection on the other."""

    def compile_it(compiling: Compiling, node: Binary, focus: Code) -> Code:
        one, all_items = (node.right, node.left) if reverse else (node.left, node.right)
        item, items = compiling.code(one, focus), compiling.code(all_items, focus)
        run_item, run_items = item.run, items.run

        def run(focus: list[Item], env: Env) -> list[Item]:
            wanted = single(run_item(focus, env), "One item")
            return [] if wanted is None else boolean(contains(run_items(focus, env), wanted, env))

        return Code(run, types=frozenset({BOOLEAN}), keys=item.keys, reads=item.reads | items.reads)

    return compile_it


COLLECTIONS: Operators = {"|": _union, "in": _membership(reverse=False), "contains": _membership(reverse=True)}
