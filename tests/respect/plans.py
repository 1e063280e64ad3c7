"""Plans of invented people, as QuestionnaireResponses."""

from typing import Any

from fhir_server.respect.plan import QUESTIONNAIRE, REVOKED, SUPERSEDED
from profiles.canonical import CANONICAL

Json = dict[str, Any]

SCT = "http://snomed.info/sct"


def coding(code_system: str, code: str, display: str = "") -> Json:
    """A choice of one of our own code systems."""
    value = {"system": f"{CANONICAL}/CodeSystem/{code_system}", "code": code}
    return {"valueCoding": value | ({"display": display} if display else {})}


def item(link_id: str, *answers: Json, items: list[Json] | None = None) -> Json:
    """An item of an answered questionnaire."""
    whole: Json = {"linkId": link_id}
    if answers:
        whole["answer"] = list(answers)
    if items:
        whole["item"] = items
    return whole


def signature(at: str, *, name: str = "Dr Example", senior: bool = False, number: str = "0000001") -> Json:
    """A clinician's signature."""
    return item(
        "7.1",
        items=[
            item("7.1.1", {"valueString": name}),
            item("7.1.2", {"valueString": "General practitioner"}),
            item("7.1.3", coding("respect-registration-body", "GMC")),
            item("7.1.4", {"valueString": number}),
            item("7.1.5", {"valueDateTime": at}),
            item("7.1.6", {"valueBoolean": senior}),
        ],
    )


def answers(
    *signatures: Json, without: tuple[str, ...] = (), cpr: str = "450476008", summary: str = "Frail"
) -> list[Json]:
    """What a whole plan says, less the items that are named."""
    system = SCT if cpr.isdigit() else f"{CANONICAL}/CodeSystem/respect-cpr"
    groups = {
        "2": [item("2.1", {"valueString": summary})],
        "3": [item("3.1", {"valueInteger": 8})],
        "4": [
            item("4.1", coding("respect-focus", "comfort")),
            item("4.3", {"valueCoding": {"system": system, "code": cpr}}),
        ],
        "5": [item("5.1", coding("respect-capacity", "has-capacity"))],
        "6": [item("6.1", coding("respect-involvement", "A"))],
        "7": list(signatures),
    }
    kept = {number: [one for one in items if one["linkId"] not in without] for number, items in groups.items()}
    return [item(number, items=items) for number, items in kept.items() if items]


def plan(patient: str, signed: str | None = "2026-03-01T10:00:00Z", **changed: Any) -> Json:
    """A plan of this Patient, signed at this time (None: a draft); `changed` are elements, None takes one away."""
    whole: Json = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{QUESTIONNAIRE}|1.0.0",
        "status": "in-progress" if signed is None else "completed",
        "subject": {"reference": f"Patient/{patient}"},
        "authored": "2026-03-01T09:00:00Z",
        "item": answers() if signed is None else answers(signature(signed)),
    }
    return {name: value for name, value in (whole | changed).items() if value is not None}


def superseded(by: str = "QuestionnaireResponse/other", at: str = "2026-03-02T10:00:00Z") -> Json:
    """The mark of a plan that was superseded."""
    parts = [{"url": "by", "valueReference": {"reference": by}}, {"url": "at", "valueDateTime": at}]
    return {"url": SUPERSEDED, "extension": parts}


def revoked(at: str = "2026-03-02T10:00:00Z", reason: str = "Asked for by the person") -> Json:
    """The mark of a plan that was revoked."""
    return {
        "url": REVOKED,
        "extension": [{"url": "at", "valueDateTime": at}, {"url": "reason", "valueString": reason}],
    }
