"""The syntax tree of FHIRPath 2.0: one frozen class per form of the grammar, each with its place in the expression.

http://hl7.org/fhirpath/N1/grammar.html
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

LiteralKind = Literal["null", "boolean", "string", "integer", "decimal", "long", "date", "dateTime", "time", "quantity"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. `text` is its value without quotes and escapes, `@` taken off; `unit` is that of a quantity.

    `calendar` tells a calendar unit (`year`) from a quoted UCUM unit (`'a'`).
    """

    position: int
    kind: LiteralKind
    text: str
    unit: str = ""
    calendar: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """`%name`."""

    position: int
    name: str


@dataclass(frozen=True, slots=True)
class Special:
    """`$this`, `$index` or `$total`."""

    position: int
    name: Literal["this", "index", "total"]


@dataclass(frozen=True, slots=True)
class Member:
    """`source.name`; without a source the name stands at the start of an expression."""

    position: int
    name: str
    source: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class Call:
    """`source.name(arguments)`."""

    position: int
    name: str
    arguments: "tuple[Expression, ...]" = ()
    source: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class Indexer:
    """`source[index]`."""

    position: int
    source: "Expression"
    index: "Expression"


@dataclass(frozen=True, slots=True)
class Polarity:
    """`+operand` or `-operand`."""

    position: int
    sign: Literal["+", "-"]
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`, for every operator but `is` and `as`."""

    position: int
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`operand is type` or `operand as type`; the type name may have a namespace (`FHIR.Patient`)."""

    position: int
    operator: Literal["is", "as"]
    operand: "Expression"
    type: str


Expression: TypeAlias = Constant | Variable | Special | Member | Call | Indexer | Polarity | Binary | TypeTest
