"""Boolean logic with three values. http://hl7.org/fhirpath/N1/#boolean-logic"""

from collections.abc import Callable

from fhir_server.fhirpath.code import BOOLEAN, Code, Env, Item, boolean, truth
from fhir_server.fhirpath.compiling import Compiling, Operator, Operators
from fhir_server.fhirpath.syntax import Binary

Logic = Callable[[bool | None, bool | None], bool | None]


def _and(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _or(left: bool | None, right: bool | None) -> bool | None:
    if left or right:
        return True
    return None if left is None or right is None else False


def _xor(left: bool | None, right: bool | None) -> bool | None:
    return None if left is None or right is None else left != right


def _implies(left: bool | None, right: bool | None) -> bool | None:
    return _or(None if left is None else not left, right)


def _operator(decide: Logic) -> Operator:
    def compile_it(compiling: Compiling, node: Binary, focus: Code) -> Code:
        left, right = compiling.code(node.left, focus), compiling.code(node.right, focus)
        run_left, run_right = left.run, right.run

        def run(items: list[Item], env: Env) -> list[Item]:
            return boolean(decide(truth(run_left(items, env)), truth(run_right(items, env))))

        return Code(run, types=frozenset({BOOLEAN}), reads=left.reads | right.reads)

    return compile_it


LOGIC: Operators = {
    "and": _operator(_and),
    "or": _operator(_or),
    "xor": _operator(_xor),
    "implies": _operator(_implies),
}
