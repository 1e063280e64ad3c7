"""Comparison. http://hl7.org/fhirpath/N1/#comparison"""

from collections.abc import Callable

from fhir_server.fhirpath.code import BOOLEAN, Code, Env, Item, boolean
from fhir_server.fhirpath.compiling import Compiling, Operator, Operators
from fhir_server.fhirpath.syntax import Binary
from fhir_server.fhirpath.values.kinds import single
from fhir_server.fhirpath.values.ordering import compare


def _operator(decide: Callable[[int], bool]) -> Operator:
    def compile_it(compiling: Compiling, node: Binary, focus: Code) -> Code:
        left, right = compiling.code(node.left, focus), compiling.code(node.right, focus)
        run_left, run_right = left.run, right.run

        def run(items: list[Item], env: Env) -> list[Item]:
            ours = single(run_left(items, env), "One item")
            theirs = single(run_right(items, env), "One item")
            found = None if ours is None or theirs is None else compare(ours, theirs)
            return boolean(None if found is None else decide(found))

        return Code(run, types=frozenset({BOOLEAN}), reads=left.reads | right.reads)

    return compile_it


COMPARISON: Operators = {
    "<": _operator(lambda order: order < 0),
    ">": _operator(lambda order: order > 0),
    "<=": _operator(lambda order: order <= 0),
    ">=": _operator(lambda order: order >= 0),
}
