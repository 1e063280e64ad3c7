"""What the tables of functions, operators and literals are made of, and what they may ask of the compiler."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, TypeAlias

from fhir_server.fhirpath.code import Code, Env, Item, Run
from fhir_server.fhirpath.errors import ExpressionInvalid, ExpressionNotSupported
from fhir_server.fhirpath.syntax import Binary, Call, Expression, Special
from fhir_server.fhirpath.type_model import TypeModel


class Compiling(Protocol):
    """One expression on its way from tree to closures."""

    @property
    def model(self) -> TypeModel:
        """The types."""

    @property
    def for_search(self) -> bool:
        """Whether the expression is compiled for the index: of what `resolve()` gives only the type is known then."""

    @property
    def variables(self) -> frozenset[str]:
        """The names of the `%` variables that the caller gives."""

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
        return self.compiling.code(self.node.arguments[place], replace(self.focus, variables=self.source.variables))

    def criteria(self, place: int) -> Code:
        """An argument that is evaluated for each item of the source."""
        return self.compiling.code(self.node.arguments[place], self.source.of_each())

    def needs_index(self, place: int) -> bool:
        """Whether an argument asks for `$index`."""
        return _has_index(self.node.arguments[place])


@dataclass(frozen=True, slots=True)
class Function:
    """A function: how many arguments it takes at least and at most, and what compiles it."""

    minimum: int
    maximum: int
    compile: Callable[[Invocation], Code]


def _has_index(node: Expression) -> bool:
    return (isinstance(node, Special) and node.name == "index") or any(map(_has_index, parts_of(node)))


def parts_of(node: Expression) -> Iterator[Expression]:
    """The expressions right inside one."""
    for each in fields(node):
        value = getattr(node, each.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Expression):
                yield part


def each(items: list[Item], run: Run, env: Env) -> Iterator[tuple[Item, list[Item]]]:
    """What an argument gives for each item, with `$index` set meanwhile."""
    env.spend(len(items))
    outer = env.index
    try:
        for place, item in enumerate(items):
            env.index = place
            yield item, run([item], env)
    finally:
        env.index = outer


Apply: TypeAlias = Callable[..., list[Item]]
"""What a function does: from the surroundings, the items of its source and those of each argument to its result"""


def eager(
    apply: Apply, result: str | None, minimum: int = 0, maximum: int | None = None, *, of_empty: bool = False
) -> Function:
    """A function whose arguments are evaluated before it. `result`: the type of what it gives, None where only running
    it tells. `of_empty`: it may give something where the source is empty."""

    def compile_it(invocation: Invocation) -> Code:
        source = invocation.source
        arguments = [invocation.argument(place) for place in range(invocation.count)]
        return Code(
            _eager_run(apply, source.run, [code.run for code in arguments]),
            types=None if result is None else frozenset({result}),
            keys=None if of_empty else source.keys,
            reads=source.reads.union(*(code.reads for code in arguments)),
        )

    return Function(minimum, minimum if maximum is None else maximum, compile_it)


def _eager_run(apply: Apply, source: Run, arguments: list[Run]) -> Run:
    if not arguments:
        return lambda focus, env: apply(env, source(focus, env))
    if len(arguments) == 1:
        only = arguments[0]
        return lambda focus, env: apply(env, source(focus, env), only(focus, env))

    def run(focus: list[Item], env: Env) -> list[Item]:
        items: Any = source(focus, env)
        return apply(env, items, *(argument(focus, env) for argument in arguments))

    return run


def filtering(apply: Apply, minimum: int = 0, maximum: int | None = None) -> Function:
    """A function that leaves out some items of its source."""

    def compile_it(invocation: Invocation) -> Code:
        source = invocation.source
        arguments = [invocation.argument(place) for place in range(invocation.count)]
        kept = source.filtered(_eager_run(apply, source.run, [code.run for code in arguments]))
        return replace(kept, reads=source.reads.union(*(code.reads for code in arguments)))

    return Function(minimum, minimum if maximum is None else maximum, compile_it)


Functions: TypeAlias = Mapping[str, Function]
Operator: TypeAlias = Callable[[Compiling, Binary, Code], Code]
"""Compiles a binary operator in the given focus"""
Operators: TypeAlias = Mapping[str, Operator]
