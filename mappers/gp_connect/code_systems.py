"""Code systems whose URI changed between STU3 and R4, or from CareConnect to UK Core. Codes stay as they are.

https://hl7.org/fhir/R4/terminologies-systems.html; UK Core's code systems as published in its package.
"""

from collections.abc import Mapping

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_UK_CORE = "https://fhir.hl7.org.uk/CodeSystem/UKCore-"
_MOVED = (
    "action-participant-type",
    "allergy-clinical",
    "condition-category",
    "condition-clinical",
    "condition-ver-status",
    "data-absent-reason",
    "diagnosis-role",
    "dose-rate-type",
    "encounter-type",
    "immunization-recommendation-status",
    "list-empty-reason",
    "list-example-use-codes",
    "list-order",
    "observation-category",
    "organization-type",
    "participant-type",
    "practitioner-role",
    "referencerange-meaning",
    "service-type",
)
_V2 = ("0001", "0074", "0078", "0131", "0203", "0276", "0443", "0487", "0493", "0916")
_V3 = (
    "ActCode",
    "ActReason",
    "ActSite",
    "Confidentiality",
    "MaritalStatus",
    "NullFlavor",
    "ObservationInterpretation",
    "ParticipationType",
    "RoleCode",
    "RouteOfAdministration",
    "SubstanceAdminSubstitution",
)
_CARE_CONNECT = {
    "CareConnect-DeathNotificationStatus-1": "DeathNotificationStatus",
    "CareConnect-EthnicCategory-1": "EthnicCategoryEngland",
    "CareConnect-HumanLanguage-1": "HumanLanguage",
    "CareConnect-LanguageAbilityMode-1": "LanguageAbilityMode",
    "CareConnect-LanguageAbilityProficiency-1": "LanguageAbilityProficiency",
    "CareConnect-ListEmptyReasonCode-1": "ListEmptyReasonCode",
    "CareConnect-MaritalStatus-1": "PersonMaritalStatus",
    "CareConnect-NHSNumberVerificationStatus-1": "NHSNumberVerificationStatusEngland",
    "CareConnect-PrescribingAgency-1": "MedicationPrescribingAgency",
    "CareConnect-PrescriptionType-1": "PrescriptionType",
    "CareConnect-ResidentialStatus-1": "ResidentialStatus",
    "CareConnect-SDSJobRoleName-1": "SDSJobRoleName",
    "CareConnect-TreatmentCategory-1": "TreatmentCategory",
}
# GP Connect implementers write these two bases for the same code systems.
_BASES = ("https://fhir.nhs.uk/STU3/CodeSystem/", "https://fhir.hl7.org.uk/STU3/CodeSystem/")

CODE_SYSTEMS: Mapping[str, str] = {
    **{f"http://hl7.org/fhir/{name}": _TERMINOLOGY + name for name in _MOVED},
    **{f"http://hl7.org/fhir/v2/{table}": f"{_TERMINOLOGY}v2-{table}" for table in _V2},
    **{f"http://hl7.org/fhir/v3/{name}": f"{_TERMINOLOGY}v3-{name}" for name in _V3},
    **{base + old: _UK_CORE + new for old, new in _CARE_CONNECT.items() for base in _BASES},
    **{f"{base}CareConnect-ConditionCategory-1": _TERMINOLOGY + "condition-category" for base in _BASES},
    # Addresses of pages that stand in for the system in records met in the wild.
    "http://hl7.org/fhir/codesystem-list-order.html": _TERMINOLOGY + "list-order",
    "http://hl7.org/fhir/stu3/valueset-immunization-role.html": _TERMINOLOGY + "v2-0443",
}
