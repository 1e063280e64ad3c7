"""An access filter as MongoDB filters on documents of `resource` and `version`, and the masks of single rows."""

from collections.abc import Sequence
from functools import lru_cache

from fhir_server.store.access import EVERYTHING, AccessFilter, Rule
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Chained,
    Criterion,
    Elements,
    HasWord,
    InGroup,
    InHierarchy,
    Not,
    ReverseChained,
    TermIs,
)
from fhir_server.store.masking import masked_in_all, reads_masked
from fhir_server.store.matching import CannotJudge, Row, rule_matches
from fhir_server.store.mongodb.queries.filters import ALWAYS, Filter, all_of, any_of, negated, one_of
from fhir_server.store.mongodb.queries.match import Rows, surely

NOTHING_MASKED: frozenset[str] = frozenset()


class RowAccess:
    """The filter for rows of one type, or (type None) of every type.

    `everything`: every row is visible. `masks`: in some rows elements are masked. `open`: nothing is kept back at all.
    Raises `CannotJudge` for rules that one row does not decide.
    """

    def __init__(self, access: AccessFilter, type: str | None) -> None:
        self._type = type
        self.allow = tuple(rule for rule in access.allow if _may_speak_of(rule, type))
        self.deny = tuple(rule for rule in access.deny if _may_speak_of(rule, type))
        for rule in (*self.allow, *self.deny):
            _check(rule.criteria)
        self.everything = not self.deny and any(_is_unconditional(rule, type) for rule in self.allow)
        self.masks = any(rule.masked for rule in self.allow) and not any(
            _is_unconditional(rule, type) and not rule.masked for rule in self.allow
        )
        self.open = self.everything and not self.masks
        denied = [negated(self._applies(rule)) for rule in self.deny]
        self.visible = ALWAYS if self.everything else all_of([self._any_applies(self.allow), *denied])
        """The documents that pass."""

    def unmasked(self, elements: Elements) -> Filter | None:
        """The documents in which none of these elements is masked; None: they never are."""
        if not self.masks or not any(reads_masked(elements, rule.masked) for rule in self.allow):
            return None
        return self._any_applies([rule for rule in self.allow if not reads_masked(elements, rule.masked)])

    def masked(self, row: Row) -> frozenset[str]:
        """The elements that are masked in a row that is visible."""
        if not self.masks:
            return NOTHING_MASKED
        return masked_in_all([rule.masked for rule in self.allow if rule_matches(rule, row)])

    def _any_applies(self, rules: Sequence[Rule]) -> Filter:
        return any_of([self._applies(rule) for rule in rules])

    def _applies(self, rule: Rule) -> Filter:
        rows = Rows(self._type)
        parts = [surely(criterion, rows) for criterion in rule.criteria]
        if self._type is None and rule.types is not None:
            parts.insert(0, one_of("t", sorted(rule.types)))
        return all_of(parts)


def _may_speak_of(rule: Rule, type: str | None) -> bool:
    return type is None or rule.types is None or type in rule.types


def _is_unconditional(rule: Rule, type: str | None) -> bool:
    if rule.types is not None and type is None:
        return False
    return all(criterion == AllOf(()) for criterion in rule.criteria)


def _check(criteria: Sequence[Criterion]) -> None:
    """Rules are judged alike here and in Python, where words and other resources are not at hand."""
    for criterion in criteria:
        match criterion:
            case AllOf(inner) | AnyOf(inner) | InGroup(_, inner):
                _check(inner)
            case Not(negative):
                _check((negative,))
            case HasWord() | Chained() | ReverseChained() | InHierarchy() | TermIs(_, _, "starts" | "contains"):
                raise CannotJudge(f"{type(criterion).__name__} cannot be judged on one row")


@lru_cache(maxsize=1_024)
def _remembered(access: AccessFilter, type: str | None) -> RowAccess:
    return RowAccess(access, type)


_EVERYTHING = RowAccess(EVERYTHING, None)


def row_access(access: AccessFilter, type: str | None) -> RowAccess:
    """The filter, compiled for rows of this type (None: of every type)."""
    return _EVERYTHING if access == EVERYTHING else _remembered(access, type)
