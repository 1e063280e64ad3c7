"""A ReSPECT plan as a page shows it: the status first, then the CPR recommendation, then the form in its order."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from fhir_server.respect.plan import MODIFIED_CPR, Plan, Signature, plan_of
from fhir_server.web.person import day, moment

Json = dict[str, Any]

FOR_CPR, NOT_FOR_CPR = "450475007", "450476008"


@dataclass(frozen=True, slots=True)
class Banner:
    """What must not be missed: `kind` chooses the look (`holds`, `holds-but`, `ended`, `draft`, `nothing`)."""

    kind: str
    words: str
    more: str


@dataclass(frozen=True, slots=True)
class Cpr:
    """The CPR recommendation in large words; `kind` chooses the look (`for`, `not-for`, `other`, `none`)."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class PlanPage:
    """One plan, ready to be shown. `holds`: it is the plan in force."""

    id: str
    version: str
    plan: Plan
    banner: Banner
    cpr: Cpr
    holds: bool
    signed: str
    signatures: tuple[tuple[Signature, str], ...]


def plan_page(resource: Json, *, current: str | None, today: date) -> PlanPage | None:
    """The page of a QuestionnaireResponse; None where it is no plan. `current`: the id of the plan in force, if any.

    A plan that says that it holds and is not the one that the server gives as current is never shown as if it were.
    """
    plan = plan_of(resource)
    if plan is None:
        return None
    holds = plan.in_force and current == plan.id
    return PlanPage(
        id=plan.id,
        version=str(resource.get("meta", {}).get("versionId", "")),
        plan=plan,
        banner=_banner(plan, holds, today),
        cpr=_cpr(plan),
        holds=holds,
        signed=when(plan.signed_at),
        signatures=tuple((one, when(one.at)) for one in plan.signatures),
    )


def when(at: datetime | None) -> str:
    """A time as people read it."""
    return "time not recorded" if at is None else moment(at.isoformat())


def _banner(plan: Plan, holds: bool, today: date) -> Banner:
    if plan.status == "entered-in-error":
        return Banner("ended", "Entered in error: not a plan of this person", "Do not use it.")
    if plan.superseded_at is not None:
        return Banner("ended", "Superseded: not in force", f"A newer plan took its place on {day(plan.superseded_at)}.")
    if plan.revoked_at is not None:
        more = f"Withdrawn on {day(plan.revoked_at)}. {plan.revoked_reason or ''}".strip()
        return Banner("ended", "Revoked: not in force", more)
    if not plan.signed:
        return Banner("draft", "Draft: not signed, not in force", "It is being prepared. Do not act on it as a plan.")
    if not holds:
        return Banner("ended", "Not the plan in force", "Look for the plan in force before you act.")
    return _holding(plan, today)


def _holding(plan: Plan, today: date) -> Banner:
    doubts = []
    if plan.review_passed(today):
        doubts.append(f"its review date, {day(plan.review_due)}, has passed")
    if not plan.countersigned:
        doubts.append("no senior clinician has countersigned it")
    signed = f"Signed {when(plan.signed_at)}."
    if doubts:
        return Banner("holds-but", "Plan in force", f"{signed} It holds, but {' and '.join(doubts)}.")
    return Banner("holds", "Plan in force", signed)


def _cpr(plan: Plan) -> Cpr:
    """From the code, not from the words beside it: they could say something else."""
    if plan.cpr is None:
        return Cpr("none", "No CPR recommendation recorded")
    if plan.cpr.code == FOR_CPR:
        return Cpr("for", "CPR attempts are recommended")
    if plan.cpr.code == NOT_FOR_CPR:
        return Cpr("not-for", "CPR attempts are NOT recommended")
    if plan.cpr.code == MODIFIED_CPR:
        return Cpr("other", "Modified CPR is recommended (child)")
    return Cpr("other", f"{plan.cpr.text} (code {plan.cpr.code})")
