"""What `_text` and `_content` ask: words that must be there, with `and`, `or` and parentheses.

https://hl7.org/fhir/R4/search.html#text: `(bone OR liver) and metastases`. Words beside one another must all be
there, in any order; `or` binds less. What would promise more than words is refused: quotes (a phrase) and `NOT`.
"""

import re
from typing import Final

from fhir_server.outcome import Invalid, NotSupported
from fhir_server.search.parameter_type import Asked
from fhir_server.search.reading.words import words_of
from fhir_server.store.criteria import AllOf, AnyOf, Criterion, HasWord

_TOKEN: Final = re.compile(r"[()]|[^\s()]+")
_ENDS: Final = (None, ")", "or")


def words_asked(asked: Asked, text: str) -> Criterion:
    """The criterion. Raises `Invalid` for what is no such expression, `NotSupported` for `NOT`."""
    return _Expression(asked, text).whole()


class _Expression:
    """An expression while it is read, from left to right."""

    def __init__(self, asked: Asked, text: str) -> None:
        self._name, self._elements = asked.parameter.name, asked.parameter.elements
        self._deepest = asked.context.limits.filter_depth
        found = _TOKEN.findall(text)
        if "NOT" in found:
            raise NotSupported(f"The parameter {self._name} has `and`, `or` and parentheses, but no NOT.")
        if '"' in text:
            raise self._fault()
        self._tokens = [token.lower() if token.lower() in ("and", "or") else token for token in found]
        self._place = 0

    def whole(self) -> Criterion:
        criterion = self._some(0)
        if self._next() is not None:
            raise self._fault()
        return criterion

    def _some(self, depth: int) -> Criterion:
        if depth > self._deepest:
            raise Invalid(f"The parameter {self._name} nests more than {self._deepest} deep.")
        parts = [self._all(depth)]
        while self._next() == "or":
            self._place += 1
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self, depth: int) -> Criterion:
        words: set[str] = set()
        groups: list[Criterion] = []
        joined = False
        while (token := self._next()) not in _ENDS:
            self._place += 1
            if token == "and":
                if joined or not (words or groups):
                    raise self._fault()
                joined = True
                continue
            joined = False
            if token == "(":
                groups.append(self._group(depth))
            else:
                words |= words_of(token or "")
        if joined or not (words or groups):
            raise self._fault()
        return AllOf((*(HasWord(self._name, word, self._elements) for word in sorted(words)), *groups))

    def _group(self, depth: int) -> Criterion:
        found = self._some(depth + 1)
        if self._next() != ")":
            raise self._fault()
        self._place += 1
        return found

    def _next(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _fault(self) -> Invalid:
        return Invalid(
            f"The parameter {self._name} is one or more words, without quotes; and, or and parentheses may join them."
        )
