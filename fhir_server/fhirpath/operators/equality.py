"""Equality. http://hl7.org/fhirpath/N1/#equality

Offered for texts, truth values and numbers, where equality is that of the JSON values. Dates of different precision and
quantities compare by rules of their own, so an expression that compares them is refused, not answered roughly.
"""

from collections.abc import Callable

from fhir_server.fhirpath.code import BOOLEAN, FALSE, TRUE, Code, Env, Item, Run, boolean
from fhir_server.fhirpath.compiling import Compiling, Operator, Operators
from fhir_server.fhirpath.equal_values import KIND_OF_TYPE, TEXT, equal
from fhir_server.fhirpath.syntax import Binary, Constant

_BOOLEAN = frozenset({BOOLEAN})


def _operator(answer: Callable[[bool], bool]) -> Operator:
    def compile_it(compiling: Compiling, node: Binary, focus: Code) -> Code:
        left, right = compiling.code(node.left, focus), compiling.code(node.right, focus)
        if not (_comparable(left, right) or _comparable(right, left)):
            raise compiling.not_supported(f"Comparing {_names(left)} with {_names(right)} is not offered here", node)
        run_left, run_right = left.run, right.run
        if isinstance(node.right, Constant):
            return Code(_with_constant(run_left, run_right, answer), types=_BOOLEAN, keys=left.keys, reads=left.reads)

        def run(items: list[Item], env: Env) -> list[Item]:
            found = _equal(run_left(items, env), run_right(items, env))
            return boolean(None if found is None else answer(found))

        return Code(run, types=_BOOLEAN, reads=left.reads | right.reads)

    return compile_it


def _with_constant(run_left: Run, run_constant: Run, answer: Callable[[bool], bool]) -> Run:
    """The most frequent comparison (`where(system = 'phone')`) without a detour."""

    def run(items: list[Item], env: Env) -> list[Item]:
        found, constant = run_left(items, env), run_constant(items, env)
        if len(found) == 1 and constant and found[0][1] is not None:
            return TRUE if answer(equal(found[0], constant[0])) else FALSE
        same = _equal(found, constant)
        return boolean(None if same is None else answer(same))

    return run


def _comparable(plain: Code, other: Code) -> bool:
    """Whether one side is plain JSON values, and the other is so or certainly something else."""
    if plain.always_empty:
        return True
    if plain.types is None or other.types is None:
        return False
    kinds = {KIND_OF_TYPE.get(name) for name in plain.types}
    others = {KIND_OF_TYPE.get(name) for name in other.types}
    return None not in kinds and (None not in others or TEXT not in kinds)


def _names(code: Code) -> str:
    return "items of unknown type" if code.types is None else " or ".join(sorted(code.types)) or "nothing"


def _equal(left: list[Item], right: list[Item]) -> bool | None:
    values = [item for item in left if item[1] is not None]
    others = [item for item in right if item[1] is not None]
    if not values or not others:
        return None
    return len(values) == len(others) and all(map(equal, values, others))


EQUALITY: Operators = {"=": _operator(lambda same: same), "!=": _operator(lambda same: not same)}
