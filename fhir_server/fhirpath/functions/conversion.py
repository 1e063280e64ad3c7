"""Conversion, and `iif`. http://hl7.org/fhirpath/N1/#conversion"""

from fhir_server.fhirpath.code import BOOLEAN, Code, Env, Item, boolean
from fhir_server.fhirpath.compiling import Function, Functions, Invocation, eager
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.values import amounts
from fhir_server.fhirpath.values.conversion import CONVERSIONS, Conversion
from fhir_server.fhirpath.values.equal import equal
from fhir_server.fhirpath.values.kinds import QUANTITY, single, text_of


def _iif(invocation: Invocation) -> Code:
    """The second argument where the first is true, else the third; only the one that counts is evaluated."""
    source = invocation.source
    run_source = source.run
    codes = [invocation.criteria(place) for place in range(invocation.count)]
    run_test, run_yes = codes[0].run, codes[1].run
    run_no = codes[2].run if len(codes) > 2 else None

    def run(focus: list[Item], env: Env) -> list[Item]:
        items = run_source(focus, env)
        if len(items) > 1:
            raise EvaluationError("iif() is for one item")
        test = single(run_test(items, env), "A truth value")
        if test is not None and test[0] not in (BOOLEAN, "boolean"):
            raise EvaluationError("The criterion of iif() is a truth value")
        if test is not None and test[1] is True:
            return run_yes(items, env)
        return [] if run_no is None else run_no(items, env)

    results = codes[1:]
    known = [code.types for code in results if code.types is not None]
    return Code(
        run,
        types=frozenset[str]().union(*known) if len(known) == len(results) else None,
        paths=frozenset[str]().union(*(code.paths for code in results)),
        reads=source.reads.union(*(code.reads for code in codes)),
    )


def _to(convert: Conversion, type_name: str) -> Function:
    def apply(env: Env, items: list[Item]) -> list[Item]:
        item = single(items, "A value")
        found = None if item is None else convert(item)
        return [] if found is None else [found]

    return eager(apply, type_name)


def _converts_to(convert: Conversion) -> Function:
    def apply(env: Env, items: list[Item]) -> list[Item]:
        item = single(items, "A value")
        return boolean(None if item is None else convert(item) is not None)

    return eager(apply, BOOLEAN)


def _in_unit(env: Env, items: list[Item], unit: list[Item] | None = None) -> list[Item]:
    """A quantity, with an argument in that unit."""
    item = single(items, "A value")
    found = None if item is None else CONVERSIONS["Quantity"][1](item)
    wanted = None if unit is None else text_of(unit)
    if found is None or wanted is None:
        return [] if found is None or unit is not None else [found]
    amount = amounts.amount_of(found)
    changed = None if amount is None else amounts.converted(amount, wanted)
    return [] if changed is None else [changed.item()]


def _converts_to_quantity(env: Env, items: list[Item], unit: list[Item] | None = None) -> list[Item]:
    if single(items, "A value") is None:
        return []
    return boolean(bool(_in_unit(env, items) if unit is None else _in_unit(env, items, unit)))


def _comparable(env: Env, items: list[Item], others: list[Item]) -> list[Item]:
    """Whether two quantities measure the same."""
    left, right = single(items, "A quantity"), single(others, "A quantity")
    if left is None or right is None:
        return []
    ours, theirs = amounts.amount_of(left), amounts.amount_of(right)
    if ours is None or theirs is None:
        return boolean(None if equal(left, right) is None else False)
    return boolean(amounts.comparable(ours, theirs))


_PLAIN = {name: each for name, each in CONVERSIONS.items() if name != "Quantity"}

CONVERSION: Functions = {
    "iif": Function(2, 3, _iif),
    **{f"to{name}": _to(convert, type_name) for name, (type_name, convert) in _PLAIN.items()},
    **{f"convertsTo{name}": _converts_to(convert) for name, (_, convert) in _PLAIN.items()},
    "toQuantity": eager(_in_unit, QUANTITY, 0, 1),
    "convertsToQuantity": eager(_converts_to_quantity, BOOLEAN, 0, 1),
    "comparable": eager(_comparable, BOOLEAN, 1),
}
