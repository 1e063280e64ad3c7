"""CareConnect's extensions as UK Core has them, where it has; all others are kept as they came.

URLs and the types of their values are those of the StructureDefinitions in the UK Core package.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mappers.mapper import Json

UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
DESCRIPTION_IDS = "http://snomed.info/sct/description-id"
_RENAMED = {
    "Extension-CareConnect-ActualProblem-1": "ActualProblem",
    "Extension-CareConnect-GPC-ActualProblem-1": "ActualProblem",
    "Extension-CareConnect-AllergyIntoleranceEnd-1": "AllergyIntoleranceEnd",
    "Extension-CareConnect-GPC-AllergyIntoleranceEnd-1": "AllergyIntoleranceEnd",
    "Extension-CareConnect-ConditionEpisode-1": "ConditionEpisode",
    "Extension-CareConnect-DeathNotificationStatus-1": "DeathNotificationStatus",
    "Extension-CareConnect-EthnicCategory-1": "EthnicCategory",
    "Extension-CareConnect-GPC-ClinicalSetting-1": "ClinicalSetting",
    "Extension-CareConnect-ClinicalSetting-1": "ClinicalSetting",
    "Extension-CareConnect-GPC-MainLocation-1": "MainLocation",
    "Extension-CareConnect-MainLocation-1": "MainLocation",
    "Extension-CareConnect-GPC-MedicationQuantityText-1": "MedicationQuantityText",
    "Extension-CareConnect-MedicationQuantityText-1": "MedicationQuantityText",
    "Extension-CareConnect-GPC-MedicationStatementLastIssueDate-1": "MedicationStatementLastIssueDate",
    "Extension-CareConnect-MedicationStatementLastIssueDate-1": "MedicationStatementLastIssueDate",
    "Extension-CareConnect-MedicationStatementDosageLastChanged-1": "MedicationDosageLastChanged",
    "Extension-CareConnect-GPC-NHSCommunication-1": "NHSCommunication",
    "Extension-CareConnect-NHSCommunication-1": "NHSCommunication",
    "Extension-CareConnect-GPC-NHSNumberVerificationStatus-1": "NHSNumberVerificationStatus",
    "Extension-CareConnect-NHSNumberVerificationStatus-1": "NHSNumberVerificationStatus",
    "Extension-CareConnect-ParentPresent-1": "ParentPresent",
    "Extension-CareConnect-GPC-PrescribingAgency-1": "MedicationPrescribingAgency",
    "Extension-CareConnect-PrescribingAgency-1": "MedicationPrescribingAgency",
    "Extension-CareConnect-GPC-PrescriptionType-1": "PrescriptionType",
    "Extension-CareConnect-PrescriptionType-1": "PrescriptionType",
    "Extension-CareConnect-ProblemSignificance-1": "ProblemSignificance",
    "Extension-CareConnect-RelatedClinicalContent-1": "RelatedClinicalContent",
    "Extension-CareConnect-RelatedProblemHeader-1": "RelatedProblemHeader",
    "Extension-CareConnect-ResidentialStatus-1": "ResidentialStatus",
    "Extension-CareConnect-TreatmentCategory-1": "TreatmentCategory",
    "Extension-CareConnect-VaccinationProcedure-1": "VaccinationProcedure",
}
_DESCRIPTION_PARTS = {"descriptionid": "descriptionId", "descriptiondisplay": "descriptionDisplay"}


def convert_extension(extension: Json) -> Json:
    """An extension whose values are R4 already, under its R4 name. What is not known is given back as it is."""
    url = extension.get("url")
    if not isinstance(url, str):
        return extension
    name = url.rpartition("/")[2]
    if name in _REBUILT:
        return _REBUILT[name](extension)
    return {**extension, "url": UK_CORE + _RENAMED[name]} if name in _RENAMED else extension


def _description(extension: Json) -> Json:
    """SNOMED CT description id and term. UK Core holds the id as an Identifier; sources spell the parts in two ways."""
    parts = extension.get("extension")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return extension
    return {"url": UK_CORE + "CodingSCTDescId", "extension": [_description_part(part) for part in parts]}


def _description_part(part: Json) -> Json:
    named = _DESCRIPTION_PARTS.get(str(part.get("url")).lower())
    if named == "descriptionDisplay":
        return {**part, "url": named}
    if named == "descriptionId" and isinstance(part.get("valueId"), str):
        return {"url": named, "valueIdentifier": {"system": DESCRIPTION_IDS, "value": part["valueId"]}}
    return part


def _warning(extension: Json) -> Json:
    """A List's warning: a code in STU3, a CodeableConcept in UK Core."""
    code = extension.get("valueCode")
    if not isinstance(code, str):
        return extension
    system = "https://fhir.hl7.org.uk/CodeSystem/UKCore-ListWarningCode"
    return {
        "url": UK_CORE + "ListWarningCode",
        "valueCodeableConcept": {"coding": [{"system": system, "code": code}]},
    }


def _repeats(extension: Json) -> Json:
    """Repeat information. UK Core names what was issued and when it ends; how many are allowed keeps its STU3 name, the
    R4 element being `dispenseRequest.numberOfRepeatsAllowed`, which counts something else (refills of one order)."""
    parts = extension.get("extension")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return extension
    return {"url": UK_CORE + "MedicationRepeatInformation", "extension": [_repeat_part(part) for part in parts]}


def _repeat_part(part: Json) -> Json:
    if part.get("url") != "numberOfRepeatPrescriptionsIssued":
        return part
    count: Any = part.get("valueUnsignedInt", part.get("valuePositiveInt"))
    return part if count is None else {"url": "numberOfPrescriptionsIssued", "valueUnsignedInt": count}


_REBUILT: Mapping[str, Callable[[Json], Json]] = {
    "Extension-coding-sctdescid": _description,
    # met in the wild
    "Extension-coding-sctdecsid": _description,
    "Extension-CareConnect-GPC-ListWarningCode-1": _warning,
    "Extension-CareConnect-ListWarningCode-1": _warning,
    "Extension-CareConnect-GPC-MedicationRepeatInformation-1": _repeats,
    "Extension-CareConnect-MedicationRepeatInformation-1": _repeats,
}
