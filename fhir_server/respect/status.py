"""How a person stands with ReSPECT, in one word: what a list of residents shows, and never by colour alone."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from fhir_server.respect.plan import Plan

PlanStatus = Literal[
    "in-force",
    "in-force-not-countersigned",
    "in-force-review-passed",
    "draft-only",
    "ended-only",
    "none-known",
    "withheld",
]


def plan_status(in_force: Plan | None, others: Sequence[Plan], *, withheld: bool, today: date) -> PlanStatus:
    """The status. `in_force`: the plan that holds now; `others`: further plans that are known; `withheld`: something in
    this person's record is kept from the caller, so that the absence of a plan cannot be claimed.

    A date of review gone by weighs more than a missing countersignature: the first says that the plan may be out of
    date. Neither ends the plan.
    """
    if in_force is not None:
        if in_force.review_passed(today):
            return "in-force-review-passed"
        return "in-force" if in_force.countersigned else "in-force-not-countersigned"
    if withheld:
        return "withheld"
    if any(plan.status == "in-progress" for plan in others):
        return "draft-only"
    if any(plan.ended for plan in others):
        return "ended-only"
    return "none-known"
