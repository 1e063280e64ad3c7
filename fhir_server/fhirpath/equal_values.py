"""When two items are equal. http://hl7.org/fhirpath/N1/#equality"""

from decimal import Decimal

from fhir_server.fhirpath.code import Item

TEXT, TRUTH, NUMBER = "text", "truth", "number"

# fmt: off
_TEXTS = (
    "System.String", "string", "code", "id", "uri", "url", "canonical", "oid", "uuid", "markdown", "base64Binary",
    "xhtml",
)
_NUMBERS = ("System.Integer", "System.Decimal", "integer", "decimal", "positiveInt", "unsignedInt")
# fmt: on
KIND_OF_TYPE = {
    **dict.fromkeys(_TEXTS, TEXT),
    **dict.fromkeys(("System.Boolean", "boolean"), TRUTH),
    **dict.fromkeys(_NUMBERS, NUMBER),
}
"""The types whose values compare as plain JSON values. Dates, times and quantities need their own rules."""


def equal(left: Item, right: Item) -> bool:
    """Whether two items of types in `KIND_OF_TYPE`, with values, are equal; others are equal when their JSON is."""
    kind = KIND_OF_TYPE.get(left[0])
    if kind != KIND_OF_TYPE.get(right[0]):
        return False
    if kind == NUMBER:
        return _number(left[1]) == _number(right[1])
    if kind is None and left[0] != right[0]:
        return False
    return bool(left[1] == right[1] and left[2] == right[2]) if kind is None else bool(left[1] == right[1])


def _number(value: object) -> object:
    """A binary fraction stands for the decimal that its shortest form shows."""
    return Decimal(repr(value)) if isinstance(value, float) else value
