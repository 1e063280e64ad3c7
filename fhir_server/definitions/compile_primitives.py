"""What the definitions of the primitives say about their values: the pattern, the kind of JSON, the type of `value`.

https://hl7.org/fhir/R4/datatypes.html#primitive
"""

from fhir_server.definitions.layout import JsonKind
from fhir_server.definitions.package import PackageError
from fhir_server.definitions.source import (
    CANONICAL,
    SYSTEM_TYPE,
    StructureSource,
    Types,
    TypeSource,
    elements_of,
    type_name,
)

REGEX = CANONICAL + "regex"
JSON_KINDS: dict[str, JsonKind] = {"Boolean": "boolean", "Integer": "number", "Decimal": "number"}


def root_primitive(source: StructureSource, types: Types) -> StructureSource:
    """The primitive at the end of the line that this one derives from: string for code, integer for positiveInt."""
    line = [source]
    while (base := line[-1].base_definition) is not None:
        parent = types.get(type_name(base))
        if parent is None or parent.kind != "primitive-type" or parent in line:
            break
        line.append(parent)
    return line[-1]


def pattern(source: StructureSource) -> str | None:
    """The regular expression of the value, as the definition gives it."""
    found = (extension.value_string for extension in _value_type(source).extension if extension.url == REGEX)
    return next(found, None)


def json_kind(source: StructureSource, types: Types) -> JsonKind:
    """The JSON value that carries a primitive: that of its root, for a positiveInt's own definition calls it a
    string."""
    code = _value_type(root_primitive(source, types)).code
    return JSON_KINDS.get(code.removeprefix(SYSTEM_TYPE), "string")


def _value_type(source: StructureSource) -> TypeSource:
    for element in elements_of(source):
        if element.path == f"{source.type}.value" and len(element.type) == 1:
            return element.type[0]
    raise PackageError(f"The primitive {source.name} has no value of one type.")
