"""Where exactly JSON is at fault. Slow and careful; runs only on what the fast path refused or doubts."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from fhir_server.model.limits import (
    DECIMAL_OUT_OF_RANGE,
    INTEGER_OUT_OF_RANGE,
    MAX_DEPTH,
    TOO_DEEP,
    is_decimal_in_range,
    is_integer_in_range,
)
from fhir_server.model.place import cut, expression
from fhir_server.outcome import Invalid

_BOM = b"\xef\xbb\xbf"
_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)
_BAD_CHARACTERS = re.compile("[\x00\ud800-\udfff]")
_NUL_OR_SURROGATE = "A text has a NUL character or half a surrogate pair (\\u0000, \\ud800 …)."


class _Wrong:
    """Stands in the tree where a value is that cannot be taken."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


class _Repeating(dict[str, Any]):
    """An object that has a name twice."""

    repeated: str = ""


def find(raw: bytes) -> Invalid | None:
    """The first fault of a JSON text with its place, or None where there is none."""
    if raw.startswith(_BOM):
        return Invalid("The body starts with a byte order mark; send UTF-8 without one.")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return Invalid(f"The body is not valid UTF-8 {_position(raw.decode(errors='replace'), _start(raw, error))}.")
    deep = _too_deep_at(text)
    if deep is not None:
        return Invalid(f"{TOO_DEEP} This happens {_position(text, deep)}.")
    try:
        tree = _reader().decode(text)
    except json.JSONDecodeError as error:
        return Invalid(f"The body is not valid JSON {_position(text, error.pos)}: {error.msg}.")
    found = _first(tree, (None, _root(tree)))
    if found is None:
        return None
    sentence, place = found
    return Invalid(sentence, expression=expression(place))


def has_duplicates(text: bytes) -> bool:
    """Whether some object of a valid JSON text has a name twice."""
    found: list[bool] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        names = {name for name, _ in pairs}
        if len(names) != len(pairs):
            found.append(True)

    json.JSONDecoder(object_pairs_hook=look, parse_float=str, parse_int=str).decode(text.decode())
    return bool(found)


def _start(raw: bytes, error: UnicodeDecodeError) -> int:
    return len(raw[: error.start].decode())


def _position(text: str, offset: int) -> str:
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return f"at line {line}, column {column}"


def _too_deep_at(text: str) -> int | None:
    depth = 0
    for match in _BRACKETS.finditer(text):
        first = text[match.start()]
        if first in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                return match.start()
        elif first in "}]":
            depth -= 1
    return None


def _reader() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_constant)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeating = _Repeating(members)
    repeating.repeated = Counter(name for name, _ in pairs).most_common(1)[0][0]
    return repeating


def _integer(literal: str) -> Any:
    return 0 if is_integer_in_range(literal) else _Wrong(INTEGER_OUT_OF_RANGE)


def _float(literal: str) -> Any:
    try:
        fits = is_decimal_in_range(literal, Decimal(literal))
    except InvalidOperation:
        fits = False
    return 0 if fits else _Wrong(DECIMAL_OUT_OF_RANGE)


def _constant(name: str) -> _Wrong:
    return _Wrong(f"{name} is not a JSON number.")


def _root(tree: Any) -> str:
    if not isinstance(tree, dict):
        return "$this"
    name = tree.get("resourceType")
    return name if isinstance(name, str) and name.isidentifier() and name.isascii() else "Resource"


def _first(node: Any, place: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]] | None:
    """The first fault in a tree, depth first: its sentence and its place."""
    if isinstance(node, _Wrong):
        return node.sentence, place
    if isinstance(node, str):
        return (_NUL_OR_SURROGATE, place) if _BAD_CHARACTERS.search(node) else None
    if isinstance(node, _Repeating):
        return f"The name {cut(node.repeated)} appears twice in one object.", (place, node.repeated)
    if isinstance(node, dict) and any(_BAD_CHARACTERS.search(name) for name in node):
        return _NUL_OR_SURROGATE, place
    return next((found for key, child in _children(node) if (found := _first(child, (place, key))) is not None), None)


def _children(node: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()
