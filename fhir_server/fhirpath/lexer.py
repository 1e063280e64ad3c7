"""FHIRPath text to tokens. http://hl7.org/fhirpath/N1/grammar.html"""

import re
from dataclasses import dataclass
from typing import Literal

from fhir_server.fhirpath.errors import ExpressionInvalid

TokenKind = Literal["identifier", "quoted", "string", "number", "long", "date", "dateTime", "time", "symbol", "end"]

_TIME = r"\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?"
_DATE = r"\d{4}(?:-\d\d(?:-\d\d)?)?"
# Each alternative starts with another character than the others or is told apart by the next ones, so a match is
# linear. A symbol of two characters stands before those of one.
_TOKEN = re.compile(
    r"(?P<space>(?:[ \t\r\n]|//[^\r\n]*|/\*(?:[^*]|\*(?!/))*\*/)+)"
    r"|(?P<identifier>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<long>\d+L)"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<string>'(?:[^'\\]|\\.)*')"
    r"|(?P<quoted>`(?:[^`\\]|\\.)*`)"
    rf"|(?P<time>@T{_TIME})"
    rf"|(?P<dateTime>@{_DATE}T(?:{_TIME}(?:Z|[+-]\d\d:\d\d)?)?)"
    rf"|(?P<date>@{_DATE})"
    r"|(?P<symbol>\$this|\$index|\$total|<=|>=|!=|!~|/(?!\*)|[.,()\[\]{}+\-*&|<>=~%])",
    re.ASCII | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.ASCII | re.DOTALL)
_ESCAPED = {"r": "\r", "n": "\n", "t": "\t", "f": "\f"} | {mark: mark for mark in "`'\"\\/"}

_QUOTES = {"string": "string", "quoted": "delimited identifier"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `text` is what it stands for, quotes, escapes and `@` taken off."""

    kind: TokenKind
    text: str
    position: int


def tokens(expression: str) -> list[Token]:
    """The tokens of an expression, closed by one of kind `end`. Raises `ExpressionInvalid`."""
    found: list[Token] = []
    position = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise _unreadable(expression, position)
        if match.lastgroup != "space":
            found.append(_token(match, expression))
        position = match.end()
    found.append(Token("end", "", len(expression)))
    return found


def _token(match: re.Match[str], expression: str) -> Token:
    kind: TokenKind = match.lastgroup  # type: ignore[assignment]  # the groups are named after the kinds
    text = match.group()
    if kind in _QUOTES:
        text = _unescaped(text[1:-1], expression, match.start() + 1)
    elif text.startswith("@"):
        text = text[1:].removeprefix("T")
    return Token(kind, text, match.start())


def _unescaped(text: str, expression: str, start: int) -> str:
    def replacement(match: re.Match[str]) -> str:
        escape = match.group(1)
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPED:
            raise ExpressionInvalid(f"There is no escape \\{escape} in FHIRPath", expression, start + match.start())
        return _ESCAPED[escape]

    if "\\" not in text:
        return text
    try:
        # Two escapes may be the halves of one character, as in JSON.
        return _ESCAPE.sub(replacement, text).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ExpressionInvalid("Half of a surrogate pair stands alone", expression, start) from None


def _unreadable(expression: str, position: int) -> ExpressionInvalid:
    rest = expression[position:]
    if rest.startswith("/*"):
        return ExpressionInvalid("A comment is not closed", expression, position)
    if rest[0] in "'`":
        return ExpressionInvalid("A quotation is not closed", expression, position)
    return ExpressionInvalid(f"The character {rest[0]!r} cannot stand here", expression, position)
