"""Which kind of value a type has: FHIR's primitives and Quantity stand for the types of FHIRPath.

http://hl7.org/fhir/R4/fhirpath.html#types
"""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, Overflow
from typing import Any, Final

from fhir_server.fhirpath.env import Item
from fhir_server.fhirpath.errors import EvaluationError

BOOLEAN, STRING, INTEGER, LONG, DECIMAL = (
    "System.Boolean",
    "System.String",
    "System.Integer",
    "System.Long",
    "System.Decimal",
)
DATE, DATE_TIME, TIME, QUANTITY = "System.Date", "System.DateTime", "System.Time", "System.Quantity"
TYPE_INFO = "System.TypeInfo"

TEXT, TRUTH, NUMBER, MOMENT, CLOCK, AMOUNT = "text", "truth", "number", "date", "time", "quantity"

# fmt: off
_TEXTS = (
    STRING, "string", "code", "id", "uri", "url", "canonical", "oid", "uuid", "markdown", "base64Binary", "xhtml",
)
_NUMBERS = (INTEGER, LONG, DECIMAL, "integer", "decimal", "positiveInt", "unsignedInt")
_QUANTITIES = (QUANTITY, "Quantity", "Age", "Count", "Distance", "Duration")
# fmt: on
KIND_OF_TYPE: Final = {
    **dict.fromkeys(_TEXTS, TEXT),
    **dict.fromkeys((BOOLEAN, "boolean"), TRUTH),
    **dict.fromkeys(_NUMBERS, NUMBER),
    **dict.fromkeys((DATE, DATE_TIME, "date", "dateTime", "instant"), MOMENT),
    **dict.fromkeys((TIME, "time"), CLOCK),
    **dict.fromkeys(_QUANTITIES, AMOUNT),
}
"""The other types are compared as the structures they are"""

PLAIN: Final = frozenset({TEXT, TRUTH, NUMBER})
"""Kinds of values that compare as plain JSON values"""

_LARGEST_EXPONENT = 400

NUMBERS: Final = Context(
    prec=100,
    rounding=ROUND_HALF_UP,
    Emax=_LARGEST_EXPONENT,
    Emin=-_LARGEST_EXPONENT,
    traps=[InvalidOperation, Overflow],
)
"""How decimals are reckoned: exactly to a hundred digits, so that no expression makes a number without end"""


def number(value: Any) -> int | Decimal:
    """A JSON number; a binary fraction stands for the decimal that its shortest form shows. Raises `EvaluationError`
    for a number that nobody writes in earnest."""
    if type(value) is int:
        return value
    found = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not found.is_finite() or abs(found.adjusted()) > _LARGEST_EXPONENT:
        raise EvaluationError("A number is too large or too small")
    return found


def single(items: list[Item], what: str) -> Item | None:
    """The one item with a value; None where there is none. Raises `EvaluationError` for several."""
    if not items:
        return None
    if len(items) > 1:
        raise EvaluationError(f"{what} is asked for, and there are several items")
    return None if items[0][1] is None else items[0]


def _one_of(kind: str, what: str) -> Callable[[list[Item]], Any]:
    def read(items: list[Item]) -> Any:
        found = single(items, what)
        if found is None:
            return None
        if KIND_OF_TYPE.get(found[0]) != kind:
            raise EvaluationError(f"{what} is asked for, not {found[0]}")
        return found[1]

    return read


text_of: Final = _one_of(TEXT, "A string")
"""The one string of a collection; None for none. Raises `EvaluationError` for several items or another type"""

_number_of = _one_of(NUMBER, "A number")


def number_of(items: list[Item]) -> int | Decimal | None:
    """The one number of a collection; None for none. Raises `EvaluationError`."""
    found = _number_of(items)
    return None if found is None else number(found)


def integer_of(items: list[Item]) -> int | None:
    """The one integer of a collection; None for none. Raises `EvaluationError`."""
    found = number_of(items)
    if found is not None and type(found) is not int:
        raise EvaluationError("An integer is asked for, not a decimal")
    return found
