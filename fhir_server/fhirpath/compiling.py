"""What the tables of functions, operators and literals are made of, and what they may ask of the compiler."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from fhir_server.fhirpath.code import Code
from fhir_server.fhirpath.errors import ExpressionInvalid, ExpressionNotSupported
from fhir_server.fhirpath.syntax import Binary, Call, Expression
from fhir_server.fhirpath.type_model import TypeModel


class Compiling(Protocol):
    """One expression on its way from tree to closures."""

    @property
    def model(self) -> TypeModel:
        """The types."""

    def code(self, node: Expression, focus: Code) -> Code:
        """The code of a part of the tree, for these items in focus."""

    def type_named(self, name: str, node: Expression) -> str:
        """The type that a type specifier means; raises `ExpressionInvalid` for an unknown one."""

    def invalid(self, reason: str, node: Expression) -> ExpressionInvalid:
        """The error that this part of the expression is wrong, to be raised."""

    def not_supported(self, reason: str, node: Expression) -> ExpressionNotSupported:
        """The error that this part of the expression is not offered here, to be raised."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A function call to compile: its source compiled, its arguments not yet."""

    compiling: Compiling
    node: Call
    source: Code
    focus: Code

    @property
    def count(self) -> int:
        """How many arguments it has."""
        return len(self.node.arguments)

    def argument(self, place: int) -> Code:
        """An argument that is evaluated once, in the focus of the expression around it."""
        return self.compiling.code(self.node.arguments[place], self.focus)

    def criteria(self, place: int) -> Code:
        """An argument that is evaluated for each item of the source."""
        return self.compiling.code(self.node.arguments[place], self.source.of_each())


@dataclass(frozen=True, slots=True)
class Function:
    """A function: how many arguments it takes at least and at most, and what compiles it."""

    minimum: int
    maximum: int
    compile: Callable[[Invocation], Code]


Functions: TypeAlias = Mapping[str, Function]
Operator: TypeAlias = Callable[[Compiling, Binary, Code], Code]
"""Compiles a binary operator in the given focus"""
Operators: TypeAlias = Mapping[str, Operator]
