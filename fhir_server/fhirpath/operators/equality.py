"""Equality and equivalence. http://hl7.org/fhirpath/N1/#equality"""

from collections.abc import Callable

from fhir_server.fhirpath.code import BOOLEAN, FALSE, TRUE, Code, Env, Item, Run, boolean
from fhir_server.fhirpath.compiling import Compiling, Operator, Operators
from fhir_server.fhirpath.direct import is_text
from fhir_server.fhirpath.syntax import Binary, Constant
from fhir_server.fhirpath.values.equal import equal_collections, equivalent_collections
from fhir_server.fhirpath.values.kinds import KIND_OF_TYPE, TEXT

_BOOLEAN = frozenset({BOOLEAN})


def _equality(answer: Callable[[bool], bool]) -> Operator:
    def compile_it(compiling: Compiling, node: Binary, focus: Code) -> Code:
        left, right = compiling.code(node.left, focus), compiling.code(node.right, focus)
        run_left, run_right = left.run, right.run
        if isinstance(node.right, Constant) and _are_texts(left) and _are_texts(right):
            return Code(
                _with_text(run_left, run_right, answer),
                types=_BOOLEAN,
                keys=left.keys,
                reads=left.reads,
                holds=is_text(left, node.right) if answer(True) else None,
            )

        def run(items: list[Item], env: Env) -> list[Item]:
            found = equal_collections(run_left(items, env), run_right(items, env), env)
            return boolean(None if found is None else answer(found))

        return Code(run, types=_BOOLEAN, reads=left.reads | right.reads)

    return compile_it


def _with_text(run_left: Run, run_constant: Run, answer: Callable[[bool], bool]) -> Run:
    """The most frequent comparison (`where(system = 'phone')`) without a detour."""
    yes, no = (TRUE, FALSE) if answer(True) else (FALSE, TRUE)

    def run(items: list[Item], env: Env) -> list[Item]:
        found, constant = run_left(items, env), run_constant(items, env)
        if len(found) == 1 and found[0][1] is not None:
            return yes if found[0][1] == constant[0][1] else no
        same = equal_collections(found, constant, env)
        return boolean(None if same is None else answer(same))

    return run


def _are_texts(code: Code) -> bool:
    return bool(code.types) and all(KIND_OF_TYPE.get(name) == TEXT for name in code.types or ())


def _equivalence(answer: Callable[[bool], bool]) -> Operator:
    def compile_it(compiling: Compiling, node: Binary, focus: Code) -> Code:
        left, right = compiling.code(node.left, focus), compiling.code(node.right, focus)
        run_left, run_right = left.run, right.run

        def run(items: list[Item], env: Env) -> list[Item]:
            return boolean(answer(equivalent_collections(run_left(items, env), run_right(items, env), env)))

        return Code(run, types=_BOOLEAN, reads=left.reads | right.reads)

    return compile_it


EQUALITY: Operators = {
    "=": _equality(lambda same: same),
    "!=": _equality(lambda same: not same),
    "~": _equivalence(lambda same: same),
    "!~": _equivalence(lambda same: not same),
}
