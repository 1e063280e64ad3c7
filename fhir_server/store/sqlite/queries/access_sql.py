"""An access filter as SQL conditions on rows of `version`.

A row is judged as it was and, where it has been superseded, also by the current version of its resource: content may
be of then, access is of now.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

from fhir_server.outcome import TooCostly
from fhir_server.store.access import EVERYTHING, AccessFilter, Rule
from fhir_server.store.criteria import AllOf, Criterion, Elements
from fhir_server.store.masking import masked_in_all, reads_masked
from fhir_server.store.sqlite.queries.predicates import Guard, any_condition, condition, unguarded
from fhir_server.store.sqlite.queries.sql import FALSE, TRUE, Sql, Value, all_of, any_of, negated
from fhir_server.store.sqlite.schema import FOREVER

MOST_GROUPS = 60

Judge = Callable[[str], Sql]

_NOW = """({row}.until_commit={forever} OR EXISTS (SELECT 1 FROM version now WHERE now.vid=(SELECT latest.vid
 FROM version latest WHERE latest.type={row}.type AND latest.id={row}.id ORDER BY latest.version DESC LIMIT 1)
 AND {condition}))"""


class RowAccess:
    """The filter for rows of one type, or (type None) of every type.

    `everything`: every row is visible. `masks`: in some rows elements are masked. `open`: nothing is kept back at all.
    """

    def __init__(self, access: AccessFilter, type: str | None) -> None:
        self._type = type
        self.allow = tuple(rule for rule in access.allow if _may_speak_of(rule, type))
        self.deny = tuple(rule for rule in access.deny if _may_speak_of(rule, type))
        self.everything = not self.deny and any(_is_unconditional(rule, type) for rule in self.allow)
        self._groups = _by_masks(self.allow)
        self.masks = any(self._groups) and not any(
            _is_unconditional(rule, type) and not rule.masked for rule in self.allow
        )
        self.open = self.everything and not self.masks

    def visible(self, row: str) -> Sql:
        """The row itself passes."""
        if self.everything:
            return TRUE
        allowed = self._any_applies(self.allow, row)
        denied = [negated(self._applies(rule, row)) for rule in self.deny]
        return all_of([allowed, *denied])

    def visible_then_and_now(self, row: str) -> Sql:
        """The row passes, and so does the current version of its resource."""
        return TRUE if self.everything else _then_and_now(row, self.visible)

    @cached_property
    def reading_current(self) -> tuple[Sql, Sql, Sql]:
        """What a read of the current version asks of its row `v`: visible, masks, and no masks beyond those."""
        groups = self.mask_groups("v")
        return self.visible("v"), groups, Sql("NULL")

    @cached_property
    def reading_any(self) -> tuple[Sql, Sql, Sql]:
        """What a read of some version `v` also asks of the current one, `c`: visible, masks then, masks now."""
        return self.visible_then_and_now("v"), self.mask_groups("v"), self.mask_groups("c")

    def guard(self, row: str) -> Guard:
        """The guard against criteria that read what is masked in the row, then or now."""
        return (lambda elements: self._unmasked(row, elements)) if self.masks else unguarded

    def _unmasked(self, row: str, elements: Elements) -> Sql | None:
        if not any(reads_masked(elements, rule.masked) for rule in self.allow):
            return None
        open_rules = [rule for rule in self.allow if not reads_masked(elements, rule.masked)]
        return _then_and_now(row, lambda alias: self._any_applies(open_rules, alias))

    def mask_groups(self, row: str) -> Sql:
        """A number with a bit for each set of masks of which an allow rule matches the row."""
        if not self.masks:
            return Sql("0")
        texts: list[str] = []
        values: list[Value] = []
        for place, rules in enumerate(self._groups.values()):
            part = self._any_applies(rules, row)
            texts.append(f"(CASE WHEN {part.text} THEN {1 << place} ELSE 0 END)")
            values += part.values
        return Sql(f"({' + '.join(texts) or '0'})", tuple(values))

    def masked(self, bits: int) -> frozenset[str]:
        """The elements that are masked in a row with this number from `mask_groups`."""
        return masked_in_all([masks for place, masks in enumerate(self._groups) if bits >> place & 1])

    def _any_applies(self, rules: Sequence[Rule], row: str) -> Sql:
        """At least one of the rules speaks of the row; those of one criterion are judged together."""
        plain: list[Criterion] = []
        others: list[Sql] = []
        for rule in rules:
            if len(rule.criteria) == 1 and (self._type is not None or rule.types is None):
                plain.append(rule.criteria[0])
            else:
                others.append(self._applies(rule, row))
        return any_of([*others, any_condition(plain, row)] if plain else others)

    def _applies(self, rule: Rule, row: str) -> Sql:
        parts = [condition(criterion, row) for criterion in rule.criteria]
        if self._type is None and rule.types is not None:
            parts.insert(0, any_of([Sql(f"{row}.type=?", (name,)) for name in sorted(rule.types)]))
        return all_of(parts)


def _may_speak_of(rule: Rule, type: str | None) -> bool:
    return type is None or rule.types is None or type in rule.types


def _by_masks(rules: Sequence[Rule]) -> dict[frozenset[str], list[Rule]]:
    groups: dict[frozenset[str], list[Rule]] = {}
    for rule in rules:
        groups.setdefault(rule.masked, []).append(rule)
    if len(groups) > MOST_GROUPS:
        raise TooCostly(f"an access filter with more than {MOST_GROUPS} different sets of masks")
    return groups


def _is_unconditional(rule: Rule, type: str | None) -> bool:
    if rule.types is not None and type is None:
        return False
    return all(criterion == AllOf(()) for criterion in rule.criteria)


def _then_and_now(row: str, judge: Judge) -> Sql:
    then, now = judge(row), judge("now")
    if then is FALSE or then is TRUE:
        return then
    wrapped = _NOW.format(row=row, forever=FOREVER, condition=now.text)
    return all_of([then, Sql(wrapped, now.values)])


@lru_cache(maxsize=1_024)
def _remembered(access: AccessFilter, type: str | None) -> RowAccess:
    return RowAccess(access, type)


_EVERYTHING = RowAccess(EVERYTHING, None)


def row_access(access: AccessFilter, type: str | None) -> RowAccess:
    """The filter, compiled for rows of this type (None: of every type)."""
    return _EVERYTHING if access is EVERYTHING else _remembered(access, type)
