"""Pieces of SQL with their values, and how they are joined."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fhir_server.outcome import TooCostly

MOST_TERMS = 4_000

Value: TypeAlias = object
"""What SQLite can hold, or `apsw.pyobject`: a Python value for one of our own functions"""


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and the values of its question marks, in their order."""

    text: str
    values: tuple[Value, ...] = ()


TRUE = Sql("1")
FALSE = Sql("?", (0,))
"""Bound: SQLite folds a literal, and then finds no use for the index that it is told to take."""


def all_of(parts: Sequence[Sql]) -> Sql:
    """All of the conditions; of none: true."""
    kept = [part for part in parts if part is not TRUE]
    return _joined(kept, " AND ") if kept else TRUE


def any_of(parts: Sequence[Sql]) -> Sql:
    """At least one of the conditions; of none: false."""
    return _joined(list(parts), " OR ") if parts else FALSE


def negated(part: Sql) -> Sql:
    return Sql(f"NOT ({part.text})", part.values)


def _joined(parts: list[Sql], word: str) -> Sql:
    """Joined as a balanced tree: SQLite bounds the depth of expressions, not their number."""
    if len(parts) > MOST_TERMS:
        raise TooCostly(f"more than {MOST_TERMS} alternatives in one search")
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _joined(parts[:middle], word), _joined(parts[middle:], word)
    return Sql(f"({left.text}{word}{right.text})", left.values + right.values)
