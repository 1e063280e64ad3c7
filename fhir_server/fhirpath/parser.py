"""FHIRPath text to a syntax tree: a Pratt parser for the whole grammar of FHIRPath 2.0.

http://hl7.org/fhirpath/N1/grammar.html. Departures: words that name calendar units are identifiers unless a number
stands before them, and a long literal (`5L`) is read, as the later versions of the language have it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, cast

from fhir_server.fhirpath.errors import ExpressionInvalid
from fhir_server.fhirpath.lexer import Token, tokens
from fhir_server.fhirpath.syntax import (
    Binary,
    Call,
    Constant,
    Expression,
    Indexer,
    LiteralKind,
    Member,
    Polarity,
    Special,
    TypeTest,
    Variable,
)

BINARY_POWER = {
    "implies": 1,
    "or": 2,
    "xor": 2,
    "and": 3,
    "in": 4,
    "contains": 4,
    "=": 5,
    "~": 5,
    "!=": 5,
    "!~": 5,
    "<": 6,
    ">": 6,
    "<=": 6,
    ">=": 6,
    "|": 7,
    "is": 8,
    "as": 8,
    "+": 9,
    "-": 9,
    "&": 9,
    "*": 10,
    "/": 10,
    "div": 10,
    "mod": 10,
}
_UNARY_POWER = 11
_WORD_OPERATORS = frozenset({"implies", "or", "xor", "and", "in", "contains", "is", "as", "div", "mod"})
# Keywords that may also name an element, as the grammar says.
_RESERVED = (_WORD_OPERATORS - {"as", "contains", "in", "is"}) | {"true", "false"}
_UNITS = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
CALENDAR_UNITS = frozenset(_UNITS) | {f"{unit}s" for unit in _UNITS}
_LITERALS: dict[str, LiteralKind] = {
    "string": "string",
    "long": "long",
    "date": "date",
    "dateTime": "dateTime",
    "time": "time",
}

MAX_LENGTH = 20_000
MAX_DEPTH = 150
"""Longest chain or nesting: evaluation nests as deep, and must stay far from the interpreter's limit."""


@lru_cache(maxsize=4096)
def parse(expression: str) -> Expression:
    """The syntax tree of an expression. Raises `ExpressionInvalid` with the place of the first fault."""
    if len(expression) > MAX_LENGTH:
        raise ExpressionInvalid(f"An expression is at most {MAX_LENGTH} characters long", expression[:100], 0)
    return _Parser(expression).whole()


class _Parser:
    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens = tokens(expression)
        self.place = 0
        self.nesting = 0

    def whole(self) -> Expression:
        tree = self._expression(0)
        if self._next.kind != "end":
            raise self._unexpected()
        return tree

    @property
    def _next(self) -> Token:
        return self.tokens[self.place]

    def _take(self) -> Token:
        token = self.tokens[self.place]
        self.place += 1
        return token

    def _at(self, symbol: str) -> bool:
        token = self.tokens[self.place]
        return token.kind == "symbol" and token.text == symbol

    def _expect(self, symbol: str) -> Token:
        if not self._at(symbol):
            raise self._unexpected(f", {symbol!r} is needed")
        return self._take()

    def _unexpected(self, needed: str = "") -> ExpressionInvalid:
        token = self._next
        what = "The expression ends too early" if token.kind == "end" else f"{token.text!r} cannot stand here"
        return ExpressionInvalid(what + needed, self.expression, token.position)

    def _deeper(self, levels: int) -> None:
        if levels > MAX_DEPTH:
            raise ExpressionInvalid(f"Deeper than {MAX_DEPTH} levels", self.expression, self._next.position)

    def _expression(self, power: int) -> Expression:
        """An expression whose operators all bind tighter than `power`."""
        self.nesting += 1
        links = 0
        tree = self._unary()
        while (step := self._step(power)) is not None:
            links += 1
            self._deeper(self.nesting + links)
            tree = step(tree)
        self.nesting -= 1
        return tree

    def _unary(self) -> Expression:
        self._deeper(self.nesting)
        if self._at("+") or self._at("-"):
            sign = self._take()
            return Polarity(sign.position, cast(Literal["+", "-"], sign.text), self._expression(_UNARY_POWER))
        return self._term()

    def _step(self, power: int) -> Callable[[Expression], Expression] | None:
        """What the next token makes of the expression before it, or None where the expression ends."""
        token = self._next
        if token.kind == "symbol" and token.text == ".":
            return self._invocation
        if token.kind == "symbol" and token.text == "[":
            return self._indexer
        word = token.kind == "identifier" and token.text in _WORD_OPERATORS
        if not word and token.kind != "symbol":
            return None
        if BINARY_POWER.get(token.text, 0) <= power:
            return None
        return self._type_test if token.text in ("is", "as") else self._binary

    def _invocation(self, source: Expression) -> Expression:
        self._expect(".")
        return self._named(source)

    def _indexer(self, source: Expression) -> Expression:
        position = self._take().position
        index = self._expression(0)
        self._expect("]")
        return Indexer(position, source, index)

    def _binary(self, left: Expression) -> Expression:
        operator = self._take()
        return Binary(operator.position, operator.text, left, self._expression(BINARY_POWER[operator.text]))

    def _type_test(self, operand: Expression) -> Expression:
        operator = self._take()
        name = self._identifier()
        while self._at("."):
            self._take()
            name += "." + self._identifier()
        return TypeTest(operator.position, cast(Literal["is", "as"], operator.text), operand, name)

    def _identifier(self) -> str:
        token = self._next
        if token.kind == "quoted" or (token.kind == "identifier" and token.text not in _RESERVED):
            return self._take().text
        raise self._unexpected(", a name is needed")

    def _named(self, source: Expression | None) -> Expression:
        """An element, a function or a `$` word, after a source or at the start."""
        token = self._next
        if token.kind == "symbol" and token.text.startswith("$"):
            if source is not None:
                raise self._unexpected()
            return Special(self._take().position, cast(Literal["this", "index", "total"], token.text[1:]))
        name = self._identifier()
        if self._at("("):
            return Call(token.position, name, self._arguments(), source)
        return Member(token.position, name, source)

    def _arguments(self) -> tuple[Expression, ...]:
        self._expect("(")
        found: list[Expression] = []
        while not self._at(")"):
            if found:
                self._expect(",")
            found.append(self._expression(0))
        self._take()
        return tuple(found)

    def _term(self) -> Expression:
        token = self._next
        if token.kind == "symbol":
            return self._bracketed(token)
        if token.kind == "number":
            return self._number()
        if token.kind in _LITERALS:
            return Constant(self._take().position, _LITERALS[token.kind], token.text)
        if token.kind == "identifier" and token.text in ("true", "false"):
            return Constant(self._take().position, "boolean", token.text)
        return self._named(None)

    def _bracketed(self, token: Token) -> Expression:
        if token.text == "(":
            self._take()
            inner = self._expression(0)
            self._expect(")")
            return inner
        if token.text == "{":
            self._take()
            self._expect("}")
            return Constant(token.position, "null", "")
        if token.text == "%":
            self._take()
            name = self._take().text if self._next.kind == "string" else self._identifier()
            return Variable(token.position, name)
        return self._named(None)

    def _number(self) -> Expression:
        number = self._take()
        unit = self._next
        if unit.kind == "string":
            return Constant(number.position, "quantity", number.text, self._take().text)
        if unit.kind == "identifier" and unit.text in CALENDAR_UNITS:
            return Constant(number.position, "quantity", number.text, self._take().text, calendar=True)
        return Constant(number.position, "decimal" if "." in number.text else "integer", number.text)
