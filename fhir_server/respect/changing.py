"""What may become of a plan that was signed: it is never deleted, unsigned, moved or brought back."""

from typing import Any

from fhir_server.outcome import Conflict, FhirError, Unprocessable
from fhir_server.respect.plan import Plan, plan_of

Json = dict[str, Any]

_SIGNED = ("completed", "amended")


def refused_deletion(old: Plan) -> FhirError | None:
    """Why this plan may not be deleted; None where it may (nobody ever signed it)."""
    if not (old.signed or old.ended):
        return None
    return Conflict("A plan that was signed is not deleted: mark it as entered-in-error, or revoke it.")


def refused_change(old_data: Json, new_data: Json) -> FhirError | None:
    """Why a plan may not become this; None where it may. `old_data` is a plan, `new_data` any QuestionnaireResponse."""
    old, new = plan_of(old_data), plan_of(new_data)
    if old is None or not (old.signed or old.ended):
        return None
    if new is None:
        return Unprocessable("A signed plan stays a plan.", expression="QuestionnaireResponse.questionnaire")
    if new.status == "entered-in-error":
        return None
    if old.superseded_at is not None and new.superseded_at is None:
        return Unprocessable(
            "A superseded plan does not come back: sign a new one.",
            expression="QuestionnaireResponse.modifierExtension",
        )
    if old.revoked_at is not None and new.revoked_at is None:
        return Unprocessable(
            "A revoked plan does not come back: sign a new one.", expression="QuestionnaireResponse.modifierExtension"
        )
    if new.status not in _SIGNED:
        return Unprocessable(
            "A signed plan stays signed: revoke it, supersede it, or mark it as entered-in-error.",
            expression="QuestionnaireResponse.status",
        )
    return _refused_rewriting(old_data, new_data, old, new)


def _refused_rewriting(old_data: Json, new_data: Json, old: Plan, new: Plan) -> FhirError | None:
    if old_data.get("item") == new_data.get("item"):
        return None
    signed_again = new.signed_at is not None and (old.signed_at is None or new.signed_at > old.signed_at)
    if new.status == "amended" and signed_again:
        return None
    return Unprocessable(
        "What a signed plan says changes only by signing again: status amended, and a later signature.",
        expression="QuestionnaireResponse.item",
    )
