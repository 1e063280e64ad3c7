"""Patient/[id]/$respect-current: the ReSPECT plan in force, or which kind of nothing there is. docs/operations.md

Absence is never claimed by silence: none known here, something withheld, and could not be checked are three answers.
"""

from typing import Any

import msgspec

from fhir_server.interactions.answers import shown
from fhir_server.interactions.context import Context
from fhir_server.model.json import dump
from fhir_server.operations.operation import Operation
from fhir_server.outcome import NotFound, Unavailable
from fhir_server.request import FhirResponse
from fhir_server.respect.in_force import plan_key
from fhir_server.respect.plan import Plan, plan_of
from fhir_server.store.criteria import Query, ReferenceTo
from profiles.canonical import CANONICAL

NOTHING = f"{CANONICAL}/CodeSystem/respect-nothing"
_MOST = 200
_DISPLAYS = {
    "none-known": "No plan in force is known here; there may be one elsewhere",
    "withheld": "Something in this person's record is withheld from you; there may be a plan",
    "not-checked": "It could not be checked whether there is a plan",
}


async def _run(context: Context) -> FhirResponse:
    """200 with the QuestionnaireResponse in force, or with an OperationOutcome that says `none-known` or `withheld`;
    503 with `not-checked`; 404 where there is no such Patient."""
    try:
        return await _current(context)
    except Unavailable:
        return _nothing(503, "not-checked", "error", "transient", "The record cannot be read now. Try again.")


async def _current(context: Context) -> FhirResponse:
    patient = await context.session.read("Patient", context.id)
    if patient is None or patient.body is None:
        raise NotFound("There is no such Patient here.")
    key = plan_key(context.id)
    holder = (await context.session.unseen.holders([key])).get(key)
    if holder is not None:
        plan = await context.session.read(*holder)
        if plan is not None and plan.body is not None:
            return shown(plan)
    if await context.session.unseen.withheld(context.id):
        return _nothing(200, "withheld", "warning", "suppressed", _DISPLAYS["withheld"] + ".")
    others = await _others(context)
    return _nothing(200, "none-known", "information", "not-found", _told(others))


async def _others(context: Context) -> list[Plan]:
    """Plans that are not in force; only their number is told, so they are no disclosure of what they say."""
    query = Query("QuestionnaireResponse", (ReferenceTo("patient", "Patient", context.id),), count=_MOST)
    page = await context.session.unseen.search(query)
    found: list[Any] = [msgspec.json.decode(version.body) for version in page.versions if version.body is not None]
    return [plan for data in found if (plan := plan_of(data)) is not None]


def _told(others: list[Plan]) -> str:
    drafts = sum(plan.status == "in-progress" for plan in others)
    ended = sum(plan.ended for plan in others)
    counted = ((drafts, "not signed (draft)"), (ended, "superseded or revoked"))
    there = [f"{count} {name}" for count, name in counted if count]
    also = f" Plans here that are not in force: {', '.join(there)}." if there else ""
    return _DISPLAYS["none-known"] + "." + also


def _nothing(status: int, code: str, severity: str, issue: str, sentence: str) -> FhirResponse:
    coding = {"system": NOTHING, "code": code, "display": _DISPLAYS[code]}
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": severity, "code": issue, "details": {"coding": [coding]}, "diagnostics": sentence},
        ],
    }
    return FhirResponse(status, dump(outcome))


RESPECT_CURRENT = Operation("respect-current", ("instance",), _run, changes=False, types=("Patient",))
