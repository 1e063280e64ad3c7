"""Criteria that were looked up in the store before the search that asks for them runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fhir_server.store.criteria import AllOf, AnyOf, Criterion, Elements


@dataclass(frozen=True, slots=True)
class Staged:
    """What a chain or hierarchy came to: rows with one of these `ids`, or that have one of these `keys`.

    `what` names it, without values.
    """

    what: str
    ids: tuple[str, ...] | None = None
    keys: tuple[str, ...] = ()
    elements: Elements = ()

    @property
    def empty(self) -> bool:
        """Whether no row matches it."""
        return not self.ids and not self.keys


Asked: TypeAlias = Criterion | Staged


def conjuncts(criteria: Sequence[Asked]) -> list[Asked]:
    """The criteria that must all hold, without nesting."""
    parts: list[Asked] = []
    for criterion in criteria:
        parts += conjuncts(criterion.criteria) if isinstance(criterion, AllOf) else [criterion]
    return parts


def is_nothing(criterion: Asked) -> bool:
    """Whether no row at all matches."""
    return criterion == AnyOf(()) or (isinstance(criterion, Staged) and criterion.empty)
