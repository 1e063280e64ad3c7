"""Criteria that were looked up in the store before the search that asks for them runs."""

from collections.abc import Callable
from dataclasses import dataclass

from fhir_server.store.criteria import Elements
from fhir_server.store.sqlite.queries.sql import Sql


@dataclass(frozen=True, slots=True)
class Words:
    """An expression of the full-text index; `complete` where a row that it finds needs no further look at this
    criterion. `alternatives`: single words, where it is nothing but a choice of them."""

    text: str
    complete: bool
    alternatives: tuple[str, ...] = ()
    count: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """A criterion that needed a look into the store first (`resolve.py`).

    `condition`: that a row (by its alias) matches. `words` and, where they are known, `ids`: how its rows are found.
    `what` names it, without values.
    """

    condition: Callable[[str], Sql]
    words: Words | None = None
    ids: tuple[str, ...] | None = None
    elements: Elements = ()
    what: str = ""
