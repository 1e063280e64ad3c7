"""Which of two items is greater. http://hl7.org/fhirpath/N1/#comparison"""

from fhir_server.fhirpath.env import Item
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.values import amounts, moments
from fhir_server.fhirpath.values.equal import moment_of
from fhir_server.fhirpath.values.kinds import AMOUNT, CLOCK, KIND_OF_TYPE, MOMENT, NUMBER, TEXT, number


def compare(left: Item, right: Item) -> int | None:
    """-1, 0 or 1 where the left is less than, equal to or greater than the right, both with values; None where the
    precision or the units leave it open. Raises `EvaluationError` where the types have no common order."""
    kind, other = KIND_OF_TYPE.get(left[0]), KIND_OF_TYPE.get(right[0])
    if kind != other or kind is None:
        if {kind, other} == {NUMBER, AMOUNT}:
            return _amounts(left, right)
        raise EvaluationError(f"{left[0]} and {right[0]} have no common order")
    if kind == NUMBER:
        ours, theirs = number(left[1]), number(right[1])
        return (ours > theirs) - (ours < theirs)
    if kind == TEXT:
        return int(left[1] > right[1]) - int(left[1] < right[1])
    if kind == AMOUNT:
        return _amounts(left, right)
    if kind in (MOMENT, CLOCK):
        moment, later = moment_of(left), moment_of(right)
        return None if moment is None or later is None else moments.compare(moment, later)
    raise EvaluationError(f"{left[0]} has no order")


def _amounts(left: Item, right: Item) -> int | None:
    ours, other = amounts.amount_of(left), amounts.amount_of(right)
    return None if ours is None or other is None else amounts.compare(ours, other)
