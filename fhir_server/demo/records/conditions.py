"""The problem list, and the acute illness of the year: Conditions.

https://hl7.org/fhir/R4/condition.html
"""

from collections.abc import Iterator

from fhir_server.demo.facts.draws import Draws
from fhir_server.demo.facts.residents import YEAR, YESTERDAY, Resident
from fhir_server.demo.facts.stories import WELL_AGAIN
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.places import GP_SYSTEM, role_of
from fhir_server.demo.records.terms import Json, hl7, reference, resource, snomed
from mappers.mapper import resource_id


def conditions(resident: Resident, moments: Moments) -> Iterator[Json]:
    """The problem list, and the acute illness of the year with its end."""
    draws = Draws(resident.seed, resident.index, "onset")
    subject, recorder = reference("Patient", resident.id), role_of(resident.seed, resident.gp)
    for number, problem in enumerate(resident.problems, 1):
        first, last = problem.years
        day = resident.frailty[-1][0] if last == 0 else -draws.whole(first * YEAR + 20, last * YEAR + 20)
        noted = min(day, resident.until)
        yield resource(
            "Condition",
            condition_id(resident, number),
            clinicalStatus=hl7("condition-clinical", "active", "Active"),
            verificationStatus=hl7("condition-ver-status", "confirmed", "Confirmed"),
            category=[hl7("condition-category", "problem-list-item", "Problem List Item")],
            code=snomed(problem.code, problem.display, problem.text),
            subject=subject,
            onsetDateTime=moments.date(noted) if noted > -YEAR else moments.date(noted)[:4],
            recorder=recorder,
        )
    illness, onset = resident.story.illness, resident.onset
    if illness is not None and onset is not None:
        over = onset + WELL_AGAIN <= YESTERDAY
        value = resource(
            "Condition",
            f"{resident.id}-acute",
            clinicalStatus=hl7("condition-clinical", *(("resolved", "Resolved") if over else ("active", "Active"))),
            verificationStatus=hl7("condition-ver-status", "confirmed", "Confirmed"),
            category=[hl7("condition-category", "encounter-diagnosis", "Encounter Diagnosis")],
            code=snomed(illness.code, illness.display, illness.name),
            subject=subject,
            onsetDateTime=moments.date(onset),
        )
        yield value | ({"abatementDateTime": moments.date(onset + WELL_AGAIN)} if over else {}) | {"recorder": recorder}


def condition_id(resident: Resident, number: int) -> str:
    """The id of the Condition for the problem in this place of the list, counted from 1."""
    return f"{resident.id}-problem-{number:02d}"


def condition_here(resident: Resident, number: int) -> str:
    """The id under which the Condition of this place of the list is known here, once the GP record was taken in."""
    return resource_id(GP_SYSTEM, "Condition", condition_id(resident, number))
