"""Encounter. https://hl7.org/fhir/R4/encounter.html, UK Core Encounter"""

from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json

_NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


def _encounter(source: Element, mapping: EntryMapping) -> Json:
    """R4 requires `class`, which GP Connect does not send: it is then said to be unknown, never guessed."""
    kept = source.keep(
        "status",
        "statusHistory",
        "class",
        "classHistory",
        "type",
        "priority",
        "subject",
        "episodeOfCare",
        "participant",
        "period",
        "length",
        "account",
        "hospitalization",
        "location",
        "serviceProvider",
        "partOf",
        incomingReferral="basedOn",
    )
    if "class" not in kept:
        kept["class"] = {"system": _NULL_FLAVOR, "code": "UNK", "display": "unknown"}
        mapping.note("required", "The class of the encounter is not known.", source.at("class"))
    return kept | _appointment(source) | _reasons(source) | _diagnoses(source)


def _appointment(source: Element) -> Json:
    """One appointment in STU3, a list in R4."""
    kept = source.keep("appointment")
    if isinstance(kept.get("appointment"), dict):
        kept["appointment"] = [kept["appointment"]]
    return kept


def _reasons(source: Element) -> Json:
    return source.keep(reason="reasonCode")


def _diagnoses(source: Element) -> Json:
    """`role` became `use`."""
    diagnoses = [item.keep("condition", "rank", "extension", role="use") for item in source.elements("diagnosis")]
    return {"diagnosis": diagnoses} if diagnoses else {}


ENCOUNTER = ResourceMap("Encounter", "Encounter", _encounter, subject="subject")
