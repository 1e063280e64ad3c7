"""The home's own care and support plan: a CarePlan, and a Goal for each need of the resident.

Plans for emergencies (ReSPECT) are made by other means, never here. https://hl7.org/fhir/R4/careplan.html
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fhir_server.demo.facts import problems
from fhir_server.demo.facts.draws import Draws
from fhir_server.demo.facts.problems import Problem
from fhir_server.demo.facts.residents import Resident
from fhir_server.demo.records.conditions import condition_here
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.places import MANAGERS, OBSERVERS, organisation, role_of
from fhir_server.demo.records.terms import CARE_PLAN, Json, concept, reference, resource

Applies = Callable[[Resident], bool]


@dataclass(frozen=True, slots=True)
class Need:
    """One part of a care plan: what it is for, what is done, and how often a day (None: at all times)."""

    name: str
    goal: str
    activity: str
    times: int | None
    applies: Applies
    because: tuple[Problem, ...] = ()


def _has(*found: Problem) -> Applies:
    return lambda resident: resident.has(*found)


NEEDS = (
    Need(
        "comfort",
        "To be free of pain and distress, and with family when I want them",
        "Look at comfort, mouth and skin; offer sips and mouth care; give just-in-case medicines as written up; "
        "call the community nurses at any hour",
        6,
        lambda resident: resident.story.last_months,
        (problems.END_OF_LIFE,),
    ),
    Need(
        "moving",
        "To move about safely and to fall less often",
        "One member of staff beside me with my frame; call bell and glasses in reach; sensor mat at night",
        None,
        lambda resident: resident.story.falls or resident.frailty[-1][1] == 6,
        (problems.RECURRENT_FALLS,),
    ),
    Need(
        "transfers",
        "To be moved in comfort and without harm",
        "Two members of staff and the full hoist for every transfer; change of position every four hours",
        6,
        lambda resident: resident.frailty[-1][1] >= 7,
    ),
    Need(
        "eating",
        "To stop losing weight",
        "Fortified meals and two milk drinks a day between them; food chart; weight each month; dietitian asked",
        5,
        lambda resident: resident.has(problems.LOSING_WEIGHT) and not resident.story.last_months,
        (problems.LOSING_WEIGHT,),
    ),
    Need(
        "swallowing",
        "To eat and drink without choking",
        "Slightly thick drinks (IDDSI level 1), soft and bite-sized food (level 6); upright for meals and 30 "
        "minutes after; somebody stays with me",
        4,
        _has(problems.SWALLOWING),
        (problems.SWALLOWING,),
    ),
    Need(
        "orientation",
        "To feel safe and to do what I enjoy every day",
        "Same faces where possible; say who you are and what comes next; music and time outdoors; if I am suddenly "
        "more confused, take a full set of observations",
        None,
        _has(problems.ALZHEIMER, problems.VASCULAR_DEMENTIA, problems.DEMENTIA),
        (problems.ALZHEIMER, problems.VASCULAR_DEMENTIA, problems.DEMENTIA),
    ),
    Need(
        "breathing",
        "To breathe as easily as I can",
        "Inhaler with spacer; sit me forward when breathless; the aim for my oxygen saturation stands in my alerts",
        None,
        _has(problems.COPD, problems.HEART_FAILURE),
        (problems.COPD, problems.HEART_FAILURE),
    ),
    Need(
        "continence",
        "To be dry and clean, and to be asked in private",
        "Offer the toilet on rising, after meals and at bedtime; pads as assessed; report new smell or pain",
        5,
        _has(problems.INCONTINENCE),
        (problems.INCONTINENCE,),
    ),
    Need(
        "talking",
        "To hear and see those who talk to me",
        "Hearing aids in and working each morning; glasses clean; face me in good light",
        1,
        _has(problems.HEARING_LOSS, problems.SIGHT_LOSS),
        (problems.HEARING_LOSS, problems.SIGHT_LOSS),
    ),
    Need(
        "skin",
        "To keep my skin whole",
        "Look at heels, hips and base of spine when washing me; cream to dry skin; pressure-relieving mattress",
        2,
        lambda resident: True,
    ),
)
MOST_NEEDS = 5


def care_plan(resident: Resident, moments: Moments) -> Iterator[Json]:
    """A goal for each need, and the plan with what is done for it."""
    draws = Draws(resident.seed, resident.index, "care plan")
    needs = [need for need in NEEDS if need.applies(resident)][:MOST_NEEDS]
    start = max(resident.stays[-1].first + 5, resident.until - draws.whole(20, 80))
    subject = reference("Patient", resident.id)
    for need in needs:
        yield _goal(resident, need, moments.date(start))
    home = resident.stays[-1].home
    period = {"start": moments.date(start)}
    if resident.died:
        period["end"] = moments.date(resident.until)
    yield resource(
        "CarePlan",
        f"{resident.id}-care-plan",
        status="completed" if resident.died else "active",
        intent="plan",
        category=[CARE_PLAN],
        title="Care and support plan",
        subject=subject,
        period=period,
        created=moments.date(start),
        author=role_of(resident.seed, draws.pick(OBSERVERS[home])),
        contributor=[role_of(resident.seed, MANAGERS[home])],
        goal=[reference("Goal", _goal_id(resident, need)) for need in needs],
        activity=[_activity(resident, need) for need in needs],
    )


def _goal_id(resident: Resident, need: Need) -> str:
    return f"{resident.id}-goal-{need.name}"


def _goal(resident: Resident, need: Need, start: str) -> Json:
    addresses = [
        reference("Condition", condition_here(resident, place))
        for place, problem in enumerate(resident.problems, 1)
        if problem in need.because
    ]
    goal = resource(
        "Goal",
        _goal_id(resident, need),
        lifecycleStatus="completed" if resident.died else "active",
        description=concept(text=need.goal),
        subject=reference("Patient", resident.id),
        startDate=start,
    )
    return goal | {"addresses": addresses} if addresses else goal


def _activity(resident: Resident, need: Need) -> Json:
    detail: Json = {
        "goal": [reference("Goal", _goal_id(resident, need))],
        "status": "completed" if resident.died else "in-progress",
    }
    if need.times is not None:
        detail["scheduledTiming"] = {"repeat": {"frequency": need.times, "period": 1, "periodUnit": "d"}}
    detail["performer"] = [organisation(resident.seed, resident.stays[-1].home)]
    return {"detail": detail | {"description": need.activity}}
