"""Condition. https://hl7.org/fhir/R4/condition.html, UK Core Condition"""

from mappers.gp_connect.coded_status import coded
from mappers.gp_connect.element import Element
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.stu3_elements import encounter, extended, extension_of, in_list, with_extensions
from mappers.mapper import Json

_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_CLINICAL_CODES = ("active", "recurrence", "relapse", "inactive", "remission", "resolved")
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_VERIFICATION_CODES = ("unconfirmed", "provisional", "differential", "confirmed", "refuted", "entered-in-error")
_ENDED = ("inactive", "remission", "resolved")
_ABATEMENTS = ("abatementDateTime", "abatementAge", "abatementPeriod", "abatementRange", "abatementString")


def _condition(source: Element, mapping: EntryMapping) -> Json:
    body = _statuses(source, mapping)
    body |= source.keep(
        "category",
        "severity",
        "code",
        "bodySite",
        "subject",
        "onsetDateTime",
        "onsetAge",
        "onsetPeriod",
        "onsetRange",
        "onsetString",
        "asserter",
        "evidence",
        "note",
        assertedDate="recordedDate",
    )
    body |= in_list(source, "stage")
    return with_extensions(_abatement(body, source, mapping), encounter(source))


def _statuses(source: Element, mapping: EntryMapping) -> Json:
    """R4: what was entered in error has no clinical status (con-5); `unknown` is no verification status."""
    if source.peek("verificationStatus") == "unknown":
        source.take("verificationStatus")
        mapping.note("code-invalid", "R4 has no verification status `unknown`.", source.at("verificationStatus"))
        return coded(source, "clinicalStatus", _CLINICAL, _CLINICAL_CODES)
    verified = coded(source, "verificationStatus", _VERIFICATION, _VERIFICATION_CODES)
    if source.peek("verificationStatus") == "entered-in-error":
        return extended(verified, *_without_place(source))
    return coded(source, "clinicalStatus", _CLINICAL, _CLINICAL_CODES) | verified


def _without_place(source: Element) -> list[Json]:
    """The clinical status that was received, where R4 allows none: in an extension."""
    status = source.keep(clinicalStatus="valueCode")
    return [extension_of("Condition.clinicalStatus", **status)] if status else []


def _abatement(body: Json, source: Element, mapping: EntryMapping) -> Json:
    """The end of a problem. R4 gives one only with a status that says that it ended (con-4): the status is what was
    recorded, so with another, or none, the end stands in an extension."""
    ended = source.keep(*_ABATEMENTS)
    without_date = source.keep(abatementBoolean="valueBoolean")
    if without_date:
        body = extended(body, extension_of("Condition.abatement", **without_date))
    if not ended or ("clinicalStatus" in body and source.peek("clinicalStatus") in _ENDED):
        return body | ended
    sentence = "The status does not say that the problem ended, and it has an end; that is kept in an extension."
    mapping.note("business-rule", sentence, source.at("abatement"), "warning")
    values = {name.replace("abatement", "value"): value for name, value in ended.items()}
    return extended(body, extension_of("Condition.abatement", **values))


CONDITION = ResourceMap("Condition", "Condition", _condition, subject="subject")
