"""The word that a list shows for how a person stands with ReSPECT."""

from datetime import date
from typing import Any

import pytest

from fhir_server.respect.plan import Plan, plan_of
from fhir_server.respect.status import PlanStatus, plan_status
from tests.respect.plans import answers, item, plan, revoked, signature

AT = "2026-03-01T10:00:00Z"
TODAY = date(2026, 6, 1)


def _plan(**changed: Any) -> Plan:
    found = plan_of(plan("p", **changed))
    assert found is not None
    return found


def _due(on: str, *, senior: bool = True, reviewed: str | None = None) -> Plan:
    review = [item("9.1", {"valueDate": on})]
    if reviewed is not None:
        review.append(item("9.2", items=[item("9.2.1", {"valueDate": reviewed})]))
    return _plan(item=[*answers(signature(AT, senior=senior)), item("9", items=review)])


@pytest.mark.parametrize(
    ("in_force", "others", "withheld", "expected"),
    [
        (_due("2026-06-01"), [], False, "in-force"),
        (_due("2026-05-31"), [], False, "in-force-review-passed"),
        (_due("2026-05-31", reviewed="2026-05-31"), [], False, "in-force"),
        (_due("2026-05-31", reviewed="2026-05-01"), [], False, "in-force-review-passed"),
        (_due("2026-05-31", senior=False), [], False, "in-force-review-passed"),
        (_due("2026-07-01", senior=False), [], False, "in-force-not-countersigned"),
        (_due("2026-07-01"), [_plan(signed=None)], True, "in-force"),
        (None, [], True, "withheld"),
        (None, [_plan(signed=None)], True, "withheld"),
        (None, [_plan(signed=None), _plan(modifierExtension=[revoked()])], False, "draft-only"),
        (None, [_plan(modifierExtension=[revoked()])], False, "ended-only"),
        (None, [_plan(status="entered-in-error")], False, "none-known"),
        (None, [], False, "none-known"),
    ],
)
def test_status(in_force: Plan | None, others: list[Plan], withheld: bool, expected: PlanStatus) -> None:
    assert plan_status(in_force, others, withheld=withheld, today=TODAY) == expected
