"""The ReSPECT plans of a resident: QuestionnaireResponses of our Questionnaire, in every state that a page must show.

The names and registration numbers of the signatories are made up; no real registration number begins with DEMO.
docs/respect.md has the linkIds.
"""

from collections.abc import Iterator
from typing import Any

from fhir_server.demo.facts.plans import MadePlan, plans_of
from fhir_server.demo.facts.residents import Resident
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.places import HOME_A, HOME_B, PRACTICE, WORKERS
from fhir_server.demo.records.terms import SNOMED, Json, coding, reference, resource
from fhir_server.respect.plan import QUESTIONNAIRE, REVOKED, SUPERSEDED
from profiles.canonical import CANONICAL

_FOCUS = {
    "extend-life": "Extending life comes first",
    "balance": "A balance of longer life with comfort and what the person values",
    "comfort": "Comfort comes first",
}
_PRIORITY = {"extend-life": 3, "balance": 6, "comfort": 9}
_GUIDANCE = {
    "extend-life": "Take to hospital for illness that can be treated there, and for any fall with injury. Would accept "
    "antibiotics through a drip and a short stay. Intensive care: to be talked over at the time.",
    "balance": "Treat infections here first, with tablets; to hospital if that fails or for a suspected broken bone. "
    "Not for intensive care. Would accept a drip for a few days, not a feeding tube.",
    "comfort": "Stay here, among people who know me. Treat pain, breathlessness and distress at once; just-in-case "
    "medicines are in the locked cupboard. To hospital only for what cannot be made comfortable here, as a broken hip.",
}
_VALUES = {
    "extend-life": "Seeing the great-grandchildren grow up; walking in the garden.",
    "balance": "Being at home here, my music, and visits on Sundays.",
    "comfort": "Being calm and free of pain, with family near.",
}
_FEARS = {
    "extend-life": "Being a burden; not being told what is going on.",
    "balance": "Long stays in hospital where nobody knows me.",
    "comfort": "Being moved at night; pain; dying alone.",
}
_NUMBERS = {"gp-1": "DEMO-7301", "gp-2": "DEMO-7302"}


def respect_plans(resident: Resident, moments: Moments) -> Iterator[Json]:
    """All plans, oldest first; the one before another carries the mark that it was superseded."""
    made = plans_of(resident)
    signed = [one for one in made if one.signed]
    for one in made:
        later = next((other for other in signed if other.number > one.number), None)
        yield _plan(resident, one, later if one.signed else None, moments)


def _id(resident: Resident, plan: MadePlan) -> str:
    return f"{resident.id}-respect-{plan.number}"


def _plan(resident: Resident, plan: MadePlan, later: MadePlan | None, moments: Moments) -> Json:
    marks: list[Json] = []
    if later is not None:
        marks.append(_superseded(resident, later, moments))
    if plan.revoked is not None:
        marks.append(_revoked(plan.revoked, moments))
    return resource(
        "QuestionnaireResponse",
        _id(resident, plan),
        **({"modifierExtension": marks} if marks else {}),
        questionnaire=f"{QUESTIONNAIRE}|1.0.0",
        status="completed" if plan.signed else "in-progress",
        subject=reference("Patient", resident.id),
        authored=moments.time(plan.day, 680),
        author=reference("PractitionerRole", f"demo{resident.seed}-{resident.gp}"),
        item=[group for group in _sections(resident, plan, moments) if group.get("item")],
    )


def _superseded(resident: Resident, later: MadePlan, moments: Moments) -> Json:
    by = reference("QuestionnaireResponse", _id(resident, later))
    parts = [{"url": "by", "valueReference": by}, {"url": "at", "valueDateTime": moments.time(later.day, 700)}]
    return {"url": SUPERSEDED, "extension": parts}


def _revoked(day: int, moments: Moments) -> Json:
    parts = [
        {"url": "at", "valueDateTime": moments.time(day, 640)},
        {"url": "reason", "valueString": "Withdrawn at the person's wish; a new conversation is arranged."},
    ]
    return {"url": REVOKED, "extension": parts}


def _sections(resident: Resident, plan: MadePlan, moments: Moments) -> Iterator[Json]:
    who = resident.person
    yield _item("1", items=[_item("1.1", {"valueString": who.known_as})] if who.known_as else [])
    yield _item("2", items=list(_understanding(resident)))
    yield _item("3", items=list(_what_matters(plan)))
    yield _item("4", items=list(_recommendations(plan, moments)))
    yield from _capacity_and_involvement(resident, plan)
    yield _item("7", items=list(_signatures(resident, plan, moments)))
    yield _item("8", items=list(_contacts(resident)))
    if plan.signed:
        yield _item("9", items=[_item("9.1", {"valueDate": moments.date(plan.review)})])


def _understanding(resident: Resident) -> Iterator[Json]:
    level = resident.frailty[-1][1]
    problems = ", ".join(problem.text for problem in resident.problems)
    home = {"home-a": HOME_A, "home-b": HOME_B}[resident.stays[-1].home].name
    yield _item("2.1", {"valueString": f"{problems}. Clinical Frailty Scale {level}. Lives at {home}."})
    yield _item("2.2", {"valueString": f"Care and support plan, at {home}."})
    kin = resident.person.kin
    if kin is not None and resident.index % 3 == 0:
        proxy = [
            _item("2.3.1", _choice("respect-proxy", "lpa", "Lasting power of attorney for health and welfare")),
            _item("2.3.2", _choice("respect-proxy-status", "present", "In place")),
            _item("2.3.3", {"valueString": f"{kin.given} {kin.family}, {kin.telephone}"}),
        ]
        yield _item("2.3", items=proxy)


def _what_matters(plan: MadePlan) -> Iterator[Json]:
    yield _item("3.1", {"valueInteger": _PRIORITY[plan.focus]})
    yield _item("3.2", {"valueString": _VALUES[plan.focus]})
    yield _item("3.3", {"valueString": _FEARS[plan.focus]})


def _recommendations(plan: MadePlan, moments: Moments) -> Iterator[Json]:
    yield _item("4.1", _choice("respect-focus", plan.focus, _FOCUS[plan.focus]))
    yield _item("4.2", {"valueString": _GUIDANCE[plan.focus]})
    if not plan.signed:
        return
    words = ("450475007", "CPR attempts are recommended"), ("450476008", "CPR attempts are NOT recommended")
    yield _item("4.3", {"valueCoding": coding(SNOMED, *words[0 if plan.for_cpr else 1])})
    yield _item("4.4", {"valueDateTime": moments.time(plan.day, 660)})


def _capacity_and_involvement(resident: Resident, plan: MadePlan) -> Iterator[Json]:
    lacks = any("dementia" in problem.text.lower() for problem in resident.problems) and resident.index % 2 == 0
    capacity = ("lacks-capacity", "Cannot take part in making this plan, even with support")
    if not lacks:
        capacity = ("has-capacity", "Can take part in making this plan")
    why = [
        _item("5.2", {"valueString": "Cannot keep the matter in mind long enough to weigh it; assessed with family."})
    ]
    yield _item("5", items=[_item("5.1", _choice("respect-capacity", *capacity)), *(why if lacks else [])])
    if not plan.signed:
        return
    basis = (
        (
            "B",
            "B: the person cannot decide; the plan was made in their best interests with those close to them or "
            "their legal proxy",
        )
        if lacks
        else ("A", "A: the person can decide and took part in full")
    )
    kin = resident.person.kin
    others = f", {kin.given} {kin.family} ({kin.relation.lower()})" if kin is not None else ""
    involved = f"{resident.person.given} {resident.person.family}{others}, {_worker(resident.gp)} (GP)"
    yield _item(
        "6",
        items=[
            _item("6.1", _choice("respect-involvement", *basis)),
            _item("6.3", {"valueString": involved}),
            _item("6.4", {"valueString": f"GP record, {PRACTICE.name}"}),
        ],
    )


def _signatures(resident: Resident, plan: MadePlan, moments: Moments) -> Iterator[Json]:
    if not plan.signed:
        return
    other = "gp-2" if resident.gp == "gp-1" else "gp-1"
    yield _signature(resident.gp, "General practitioner", moments.time(plan.day, 700), senior=False)
    if plan.countersigned:
        senior = moments.time(plan.day + 1, 560)
        yield _signature(other, "General practitioner, senior responsible clinician", senior, senior=True)


def _signature(worker: str, role: str, at: str, *, senior: bool) -> Json:
    return _item(
        "7.1",
        items=[
            _item("7.1.1", {"valueString": _worker(worker)}),
            _item("7.1.2", {"valueString": role}),
            _item("7.1.3", _choice("respect-registration-body", "GMC", "General Medical Council")),
            _item("7.1.4", {"valueString": _NUMBERS[worker]}),
            _item("7.1.5", {"valueDateTime": at}),
            _item("7.1.6", {"valueBoolean": senior}),
        ],
    )


def _contacts(resident: Resident) -> Iterator[Json]:
    kin = resident.person.kin
    if kin is not None:
        yield _contact(f"{kin.given} {kin.family}", kin.relation, kin.telephone)
    yield _contact(PRACTICE.name, "GP practice", PRACTICE.telephone)


def _contact(name: str, relation: str, telephone: str) -> Json:
    parts = (("8.1.1", name), ("8.1.2", relation), ("8.1.3", telephone))
    return _item("8.1", items=[_item(link_id, {"valueString": text}) for link_id, text in parts])


def _worker(key: str) -> str:
    worker = next(one for one in WORKERS if one.key == key)
    return f"{worker.title} {worker.given} {worker.family}"


def _choice(code_system: str, code: str, display: str) -> Json:
    return {"valueCoding": coding(f"{CANONICAL}/CodeSystem/{code_system}", code, display)}


def _item(link_id: str, *answers: Json, items: list[Json] | None = None) -> Json:
    whole: dict[str, Any] = {"linkId": link_id}
    if answers:
        whole["answer"] = list(answers)
    if items:
        whole["item"] = items
    return whole
