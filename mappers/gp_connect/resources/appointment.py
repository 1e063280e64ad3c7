"""Appointment. https://hl7.org/fhir/R4/appointment.html, UK Core Appointment"""

from mappers.gp_connect.element import Element, Unfaithful
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json


def _appointment(source: Element, mapping: EntryMapping) -> Json:
    """Who it is about is said by its participants: this person must be one of them."""
    kept = source.keep(
        "status",
        "specialty",
        "appointmentType",
        "priority",
        "description",
        "supportingInformation",
        "start",
        "end",
        "minutesDuration",
        "slot",
        "created",
        "comment",
        "participant",
        "requestedPeriod",
        "serviceType",
        incomingReferral="basedOn",
        reason="reasonCode",
        indication="reasonReference",
    )
    kept |= _service_category(source)
    participants = kept.get("participant")
    actors = [item.get("actor") for item in participants if isinstance(item, dict)] if participants else []
    if not any(isinstance(actor, dict) and actor.get("reference") == mapping.patient["reference"] for actor in actors):
        raise Unfaithful("required", "The person of the record takes no part in it.", source.at("participant"))
    return kept


def _service_category(source: Element) -> Json:
    kept = source.keep("serviceCategory")
    if isinstance(kept.get("serviceCategory"), dict):
        kept["serviceCategory"] = [kept["serviceCategory"]]
    return kept


APPOINTMENT = ResourceMap("Appointment", "Appointment", _appointment, bound=True)
