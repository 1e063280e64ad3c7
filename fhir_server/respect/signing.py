"""What a signed plan needs, each with a message of its own.

From a clinical review of the form's fields (docs/respect.md); the plan is a clinician's, these rules only notice what
is missing before it counts.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from fhir_server.outcome import Issue
from fhir_server.respect.plan import MODIFIED_CPR, Plan, Signature

_ADULT_YEARS = 18
_SKEW = timedelta(minutes=10)
_REASONED = frozenset({"C1", "C2"})


def missing(plan: Plan, now: datetime, birth_date: str | None) -> list[Issue]:
    """What keeps a signed plan from being in force; empty where nothing does.

    `birth_date` is that of the person, as far as it is known: modified CPR is a recommendation for children.
    """
    return [*_content(plan, birth_date), *_involvement(plan), *_signatures(plan, now)]


def _content(plan: Plan, birth_date: str | None) -> Iterator[Issue]:
    if not plan.summary.strip():
        yield _issue("2.1", "A signed plan needs the summary of health and current condition.")
    if plan.focus is None:
        yield _issue("4.1", "A signed plan needs the clinical focus.")
    if plan.cpr is None:
        yield _issue("4.3", "A signed plan needs a CPR recommendation.")
    elif plan.cpr.code == MODIFIED_CPR and _is_adult(birth_date, plan):
        yield _issue("4.3", "Modified CPR is a recommendation for children; this person is an adult.")
    if plan.capacity is None:
        yield _issue("5.1", "A signed plan needs the person's capacity for involvement.")


def _is_adult(birth_date: str | None, plan: Plan) -> bool:
    """Whether the person was 18 when the plan was signed, as far as whole years tell."""
    signed = plan.signed_at
    if birth_date is None or signed is None:
        return False
    born = (birth_date + "-12-31")[:10] if len(birth_date) == 4 else (birth_date + "-28")[:10]
    try:
        day = date.fromisoformat(born)
        coming_of_age = day.replace(year=day.year + _ADULT_YEARS, day=min(day.day, 28))
    except ValueError:
        return False
    return signed.date() >= coming_of_age


def _involvement(plan: Plan) -> Iterator[Issue]:
    codes = {one.code for one in plan.involvement}
    reasoned = bool(plan.involvement_reason.strip())
    if not codes and not reasoned:
        yield _issue("6.1", "A signed plan needs who was involved (A, B or C), or the reason why nobody could be (D).")
    if codes & _REASONED and "C3" not in codes and not reasoned:
        sentence = "Where those with parental responsibility were not involved, the plan needs the reason (D)."
        yield _issue("6.2", sentence)


def _signatures(plan: Plan, now: datetime) -> Iterator[Issue]:
    for signature in plan.signatures:
        yield from _signature(signature, now)


def _signature(signature: Signature, now: datetime) -> Iterator[Issue]:
    if not signature.name.strip():
        yield _issue("7.1.1", "A signature needs the name of who signed.")
    if not signature.role.strip():
        yield _issue("7.1.2", "A signature needs the role of who signed.")
    if signature.body is None or not signature.number.strip():
        yield _issue("7.1.4", "A signature needs a registration: the body (GMC, NMC or HCPC) and the number.")
    if signature.at is None:
        yield _issue("7.1.5", "A signature needs date and time, with a time zone.")
    elif signature.at > now + _SKEW:
        yield _issue("7.1.5", "The signature is in the future.")


def _issue(link_id: str, sentence: str) -> Issue:
    place = f"QuestionnaireResponse.repeat(item).where(linkId='{link_id}')"
    return Issue("business-rule", sentence, (place,))
