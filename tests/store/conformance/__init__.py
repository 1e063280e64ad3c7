"""The conformance suite: what every store must do, whatever it is made of.

A test class of an implementation inherits `StoreConformance` and gives a fixture `place` with an empty store. To add
a rule: a test in the class of its subject, or a new class that is named below.
"""

from tests.store.conformance.access import AccessRules
from tests.store.conformance.audits import AuditRules
from tests.store.conformance.commits import CommitRules
from tests.store.conformance.jobs import JobRules
from tests.store.conformance.oracle import OracleRules
from tests.store.conformance.outbox import OutboxRules
from tests.store.conformance.races import RaceRules
from tests.store.conformance.searches import SearchRules


class StoreConformance(
    CommitRules, SearchRules, AccessRules, AuditRules, JobRules, OutboxRules, RaceRules, OracleRules
):
    """All rules."""
