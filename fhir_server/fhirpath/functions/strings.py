"""String manipulation. http://hl7.org/fhirpath/N1/#string-manipulation

Positions count characters from 0. Patterns are those of RE2, in which the dot is also a line break: matching takes time
in proportion to the text, whatever the pattern.
"""

import base64
import binascii
import html
import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import re2

from fhir_server.fhirpath.code import BOOLEAN, Env, Item
from fhir_server.fhirpath.compiling import Function, Functions, eager
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.values.kinds import INTEGER, STRING, integer_of, text_of

MAX_TEXT: Final = 1_000_000
_CHARACTERS = 64
"""So many cost one step"""
_PATTERNS = 512
_MAX_PATTERN = 1000


def string(text: str | None, env: Env) -> list[Item]:
    """The collection of a string; None is the empty one. Raises `EvaluationError` for a string that grew too long."""
    if text is None:
        return []
    if len(text) > MAX_TEXT:
        raise EvaluationError(f"A string is longer than {MAX_TEXT} characters")
    env.spend(len(text) // _CHARACTERS)
    return [(STRING, text, None)]


def _of_texts(result: str, number: int, answer: Callable[..., Any]) -> Function:
    """A function of a string and of `number` strings more: empty where one of them is."""

    def apply(env: Env, items: list[Item], *arguments: list[Item]) -> list[Item]:
        texts = [text_of(items), *map(text_of, arguments)]
        if None in texts:
            return []
        env.spend(sum(map(len, texts)) // _CHARACTERS)
        found = answer(*texts)
        if result == STRING:
            return string(found, env)
        return [] if found is None else [(result, found, None)]

    return eager(apply, result, number)


def _substring(env: Env, items: list[Item], start: list[Item], length: list[Item] | None = None) -> list[Item]:
    text, first = text_of(items), integer_of(start)
    if text is None or first is None or not 0 <= first < len(text):
        return []
    count = None if length is None else integer_of(length)
    return string(text[first:] if count is None else text[first : first + max(count, 0)], env)


def _replace(text: str, pattern: str, substitution: str) -> str:
    if len(text) * (len(substitution) + 1) > MAX_TEXT and text.count(pattern) * len(substitution) > MAX_TEXT:
        raise EvaluationError(f"A string is longer than {MAX_TEXT} characters")
    return text.replace(pattern, substitution)


@lru_cache(_PATTERNS)
def _pattern(pattern: str) -> Any:
    options = re2.Options()
    options.dot_nl, options.log_errors = True, False
    if len(pattern) > _MAX_PATTERN:
        raise EvaluationError(f"A pattern is longer than {_MAX_PATTERN} characters")
    try:
        return re2.compile(pattern, options=options)
    except re2.error:
        raise EvaluationError("A pattern is no regular expression, or one that cannot be used here") from None


def _matches(text: str, pattern: str) -> bool:
    return _pattern(pattern).search(text) is not None


def _matches_full(text: str, pattern: str) -> bool:
    return _pattern(pattern).fullmatch(text) is not None


_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|(\d)|\$)|\\(.)", re.ASCII | re.DOTALL)


def _replace_matches(text: str, pattern: str, substitution: str) -> str:
    """`$1`, `${name}` and `$0` in the substitution are groups of the match, `$$` and `\\$` the sign itself."""
    if not pattern:
        return text
    compiled, groups = _pattern(pattern), _REFERENCE
    left = MAX_TEXT

    def put(match: Any) -> str:
        nonlocal left

        def reference(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            if name is None:
                return found[3] or "$"
            try:
                return match.group(int(name) if name.isdigit() else name) or ""
            except (IndexError, KeyError, re2.error):
                return found[0]

        made = groups.sub(reference, substitution)
        left -= len(made)
        if left < 0:
            raise EvaluationError(f"A string is longer than {MAX_TEXT} characters")
        return made

    return str(compiled.sub(put, text))


def _to_chars(env: Env, items: list[Item]) -> list[Item]:
    text = text_of(items) or ""
    env.spend(len(text))
    return [(STRING, character, None) for character in text]


def _split(env: Env, items: list[Item], separator: list[Item]) -> list[Item]:
    text, mark = text_of(items), text_of(separator)
    if text is None or mark is None:
        return []
    parts = text.split(mark) if mark else list(text)
    env.spend(len(parts))
    return [(STRING, part, None) for part in parts]


def _join(env: Env, items: list[Item], separator: list[Item] | None = None) -> list[Item]:
    texts = [text for item in items if (text := text_of([item])) is not None]
    mark = "" if separator is None else text_of(separator) or ""
    if sum(map(len, texts)) + len(mark) * len(texts) > MAX_TEXT:
        raise EvaluationError(f"A string is longer than {MAX_TEXT} characters")
    return string(mark.join(texts), env) if texts else []


_ENCODINGS: dict[str, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "base64": lambda data: base64.b64encode(data).decode(),
    "urlbase64": lambda data: base64.urlsafe_b64encode(data).decode(),
}
_DECODINGS: dict[str, Callable[[str], bytes]] = {
    "hex": bytes.fromhex,
    "base64": lambda text: base64.b64decode(text, validate=True),
    "urlbase64": lambda text: base64.b64decode(text, altchars=b"-_", validate=True),
}


def _encode(text: str, name: str) -> str | None:
    encode = _ENCODINGS.get(name)
    return None if encode is None else encode(text.encode())


def _decode(text: str, name: str) -> str | None:
    decode = _DECODINGS.get(name)
    if decode is None:
        return None
    try:
        return decode(text).decode()
    except (ValueError, binascii.Error):
        raise EvaluationError(f"A text is not {name}, or of no text") from None


def _escape(text: str, target: str) -> str | None:
    if target == "html":
        return html.escape(text).replace("&#x27;", "&#39;")
    return json.dumps(text, ensure_ascii=False)[1:-1] if target == "json" else None


_JSON_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])')
_JSON_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _unescape(text: str, target: str) -> str | None:
    if target == "html":
        return html.unescape(text)
    if target != "json":
        return None

    def plain(match: re.Match[str]) -> str:
        mark = match[1]
        return chr(int(mark[1:], 16)) if len(mark) > 1 else _JSON_ESCAPED.get(mark, mark)

    found = _JSON_ESCAPE.sub(plain, text)
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _contains(text: str, part: str) -> bool:
    return part in text


STRINGS: Functions = {
    "indexOf": _of_texts(INTEGER, 1, str.find),
    "lastIndexOf": _of_texts(INTEGER, 1, str.rfind),
    "substring": eager(_substring, STRING, 1, 2),
    "startsWith": _of_texts(BOOLEAN, 1, str.startswith),
    "endsWith": _of_texts(BOOLEAN, 1, str.endswith),
    "contains": _of_texts(BOOLEAN, 1, _contains),
    "upper": _of_texts(STRING, 0, str.upper),
    "lower": _of_texts(STRING, 0, str.lower),
    "trim": _of_texts(STRING, 0, str.strip),
    "length": _of_texts(INTEGER, 0, len),
    "replace": _of_texts(STRING, 2, _replace),
    "matches": _of_texts(BOOLEAN, 1, _matches),
    "matchesFull": _of_texts(BOOLEAN, 1, _matches_full),
    "replaceMatches": _of_texts(STRING, 2, _replace_matches),
    "toChars": eager(_to_chars, STRING),
    "split": eager(_split, STRING, 1),
    "join": eager(_join, STRING, 0, 1),
    "encode": _of_texts(STRING, 1, _encode),
    "decode": _of_texts(STRING, 1, _decode),
    "escape": _of_texts(STRING, 1, _escape),
    "unescape": _of_texts(STRING, 1, _unescape),
}
