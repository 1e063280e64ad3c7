"""Literals: the collection of one item that each stands for. http://hl7.org/fhirpath/N1/#literals"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fhir_server.fhirpath.code import EMPTY, Code, Item
from fhir_server.fhirpath.compiling import Compiling
from fhir_server.fhirpath.syntax import Constant, LiteralKind
from fhir_server.fhirpath.values.amounts import Amount, calendar_unit, is_unit
from fhir_server.fhirpath.values.conversion import MOST_INTEGER, MOST_LONG
from fhir_server.fhirpath.values.kinds import BOOLEAN, DATE, DATE_TIME, DECIMAL, INTEGER, LONG, STRING, TIME
from fhir_server.fhirpath.values.moments import read_moment, read_time

_VALUES: Mapping[LiteralKind, tuple[str, Callable[[str], Any]]] = {
    "boolean": (BOOLEAN, lambda text: text == "true"),
    "string": (STRING, str),
    "integer": (INTEGER, int),
    "decimal": (DECIMAL, Decimal),
    "long": (LONG, lambda text: int(text.removesuffix("L"))),
    "date": (DATE, str),
    "dateTime": (DATE_TIME, lambda text: text.removesuffix("T")),
    "time": (TIME, str),
}
_MOST = {INTEGER: MOST_INTEGER + 1, LONG: MOST_LONG}  # one more may stand behind a minus
_LONGEST_NUMBER = 400


def literal(compiling: Compiling, node: Constant) -> Code:
    """The code of a literal; `{}` is the empty collection. Raises `ExpressionInvalid` for a date that is none, a unit
    that UCUM does not have, and a number that does not fit its type."""
    if node.kind == "null":
        return EMPTY
    if node.kind in ("integer", "decimal", "long", "quantity") and len(node.text) > _LONGEST_NUMBER:
        raise compiling.invalid(f"A number has at most {_LONGEST_NUMBER} digits", node)
    item = _quantity(compiling, node) if node.kind == "quantity" else _value(compiling, node)
    items = [item]
    return Code(lambda focus, env: items, types=frozenset({item[0]}))


def _value(compiling: Compiling, node: Constant) -> Item:
    type_name, read = _VALUES[node.kind]
    value = read(node.text)
    if type_name in (DATE, DATE_TIME) and read_moment(value) is None:
        raise compiling.invalid(f"@{node.text} is no date", node)
    if type_name == TIME and read_time(value) is None:
        raise compiling.invalid(f"@T{node.text} is no time", node)
    if type_name in _MOST and value > _MOST[type_name]:
        raise compiling.invalid(f"{node.text} is too large for {type_name}", node)
    return type_name, value, None


def _quantity(compiling: Compiling, node: Constant) -> Item:
    calendar = calendar_unit(node.unit) if node.calendar else None
    if calendar is None and not is_unit(node.unit) and calendar_unit(node.unit) is None:
        raise compiling.invalid(f"{node.unit!r} is no unit of UCUM", node)
    return Amount(Decimal(node.text), calendar or node.unit, calendar is not None).item()
