"""The access filter: which rows a session sees, and which elements are masked in them.

A value made by `auth/`, bound to a session, compiled by the store into every match, count, history entry and commit.
"""

from dataclasses import dataclass

from fhir_server.store.criteria import Criterion


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of these types (None: all) for which every criterion holds; `masked` elements are left out of them.

    `masked` holds element paths from the type (`Patient.address`, `Patient.telecom`). A rule that only allows some
    AuditEvents names the type and `InCompartment("Patient", id)`. A rule is judged on one row: chains, hierarchies,
    words and parts of terms are for searches only (`matching.CannotJudge`).
    """

    types: frozenset[str] | None = None
    criteria: tuple[Criterion, ...] = ()
    masked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """A row is visible if at least one `allow` rule matches it and no `deny` rule does.

    In a visible row an element is masked if every `allow` rule that matches the row masks it. A criterion or sort key
    that reads a masked element does not match that row. With no rule nothing is visible.
    """

    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()


EVERYTHING = AccessFilter(allow=(Rule(),))
NOTHING = AccessFilter()
