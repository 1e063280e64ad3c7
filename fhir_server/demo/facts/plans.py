"""Which ReSPECT plan a resident has: every state that a page must tell apart, in turn, so that both homes show all.

A plan is signed by the GP of the resident and countersigned, or not, by the practice's other GP as senior responsible
clinician. Days are counted from the "today" of the data.
"""

from dataclasses import dataclass, replace
from typing import Literal

from fhir_server.demo.facts.draws import Draws
from fhir_server.demo.facts.residents import Resident

State = Literal[
    "countersigned", "not-countersigned", "review-passed", "superseded", "draft", "revoked", "draft-beside", "none"
]
Focus = Literal["extend-life", "balance", "comfort"]
_TURN: tuple[State, ...] = (
    "countersigned",
    "not-countersigned",
    "countersigned",
    "review-passed",
    "superseded",
    "draft",
    "countersigned",
    "none",
    "superseded",
    "revoked",
    "draft-beside",
    "countersigned",
)


@dataclass(frozen=True, slots=True)
class MadePlan:
    """One plan: the day it was signed (None: a draft), whether countersigned, the day of review, for CPR or not, and
    what care aims for. `revoked`: the day on which it was withdrawn."""

    number: int
    day: int
    signed: bool
    countersigned: bool
    review: int
    for_cpr: bool
    focus: Focus
    revoked: int | None = None


def plans_of(resident: Resident) -> tuple[MadePlan, ...]:
    """The plans, oldest first. In the last months of life there is always one in force: that is what it is for."""
    state = _TURN[(resident.index - 1) // 2 % len(_TURN)]
    if resident.story.last_months and state in ("none", "draft", "revoked"):
        state = "countersigned"
    draws = Draws(resident.seed, resident.index, "respect")
    day = max(resident.until - draws.whole(20, 150), resident.stays[0].first + 2)
    latest = _plan(resident, 2, day, countersigned=state != "not-countersigned")
    earlier = _plan(resident, 1, day - draws.whole(200, 420), countersigned=True)
    draft = replace(_plan(resident, 3, resident.until - 3, countersigned=False), signed=False)
    return {
        "countersigned": (latest,),
        "not-countersigned": (latest,),
        "review-passed": (replace(earlier, review=resident.until - draws.whole(5, 40)),),
        "superseded": (earlier, latest),
        "draft": (draft,),
        "revoked": (replace(latest, revoked=resident.until - 4),),
        "draft-beside": (latest, draft),
        "none": (),
    }[state]


def _plan(resident: Resident, number: int, day: int, *, countersigned: bool) -> MadePlan:
    level = next((level for on, level in reversed(resident.frailty) if on <= day), resident.frailty[0][1])
    focus: Focus = "balance"
    if resident.story.last_months or level >= 8:
        focus = "comfort"
    elif level <= 5:
        focus = "extend-life"
    for_cpr = focus == "extend-life" and resident.age < 88
    return MadePlan(number, day, True, countersigned, day + 540, for_cpr, focus)
