"""The official examples that are at fault, each with the reason. All others are right, and accepted.

Of the npm package hl7.fhir.r4.examples 4.0.1, and of the FHIR test cases (lower case), which are older copies of it.
"""

from collections import Counter
from dataclasses import dataclass

Found = Counter[tuple[str, str]]
"""(issue code, expression without indexes) -> how often"""


@dataclass(frozen=True, slots=True)
class Faulty:
    """Why an example is refused, and what must be found in it."""

    reason: str
    code: str
    paths: tuple[tuple[str, int], ...]

    @property
    def found(self) -> Found:
        return Counter({(self.code, path): times for path, times in self.paths})


def _once(reason: str, code: str, path: str) -> Faulty:
    return Faulty(reason, code, ((path, 1),))


_NO_CONTENT = "its narrative is empty (txt-2)"
_NO_BASE = "base, which is 1..*, is missing"
_OTHER_ID = "a fullUrl ends with another id than the resource has"
_LINK_IDS = "items of type display have no linkId, which is 1..1"
_GUIDE = "name and status are missing, and a reference has an id of 65 characters or more"

_GUIDE_FOUND = (("ImplementationGuide.name", 1), ("ImplementationGuide.status", 1))

FAULTY: dict[str, Faulty] = {
    "ActivityDefinition-blood-tubes-supply.json": _once(_NO_CONTENT, "invariant", "ActivityDefinition.text.div"),
    "ActivityDefinition-heart-valve-replacement.json": _once(_NO_CONTENT, "invariant", "ActivityDefinition.text.div"),
    "Bundle-10bb101f-a121-4264-a920-67be9cb82c74.json": _once(_OTHER_ID, "value", "Bundle.entry.fullUrl"),
    "Bundle-3a0707d3-549e-4467-b8b8-5a2ab3800efe.json": _once(_OTHER_ID, "value", "Bundle.entry.fullUrl"),
    "Bundle-dataelements.json": Faulty(
        "twelve entries repeat a fullUrl (bdl-7)", "invariant", (("Bundle.entry.fullUrl", 12),)
    ),
    "Bundle-lri-example.json": Faulty(_OTHER_ID, "value", (("Bundle.entry.fullUrl", 16),)),
    "DeviceMetric-example.json": _once(
        "parent must be a Device, it is a DeviceDefinition", "value", "DeviceMetric.parent.reference"
    ),
    "DeviceUseStatement-example.json": _once(
        "reasonReference must not be a Procedure", "value", "DeviceUseStatement.reasonReference.reference"
    ),
    "EventDefinition-example.json": _once(_NO_CONTENT, "invariant", "EventDefinition.text.div"),
    "ImplementationGuide-fhir.json": Faulty(_GUIDE, "required", _GUIDE_FOUND),
    "MedicationRequest-medrx0301.json": _once(
        "performer must be an Organization, it is a Practitioner",
        "value",
        "MedicationRequest.dispenseRequest.performer.reference",
    ),
    "Observation-clinical-gender.json": _once(
        "performer must not be an Encounter", "value", "Observation.performer.reference"
    ),
    "Questionnaire-qs1.json": Faulty(
        _LINK_IDS,
        "required",
        (
            ("Questionnaire.item.item.linkId", 1),
            ("Questionnaire.item.item.item.linkId", 20),
            ("Questionnaire.item.item.item.item.linkId", 11),
        ),
    ),
    "Questionnaire-zika-virus-exposure-assessment.json": _once(_NO_CONTENT, "invariant", "Questionnaire.text.div"),
    **{
        f"SearchParameter-{kind.lower()}-extensions-{kind}-{code}.json": _once(
            _NO_BASE, "required", "SearchParameter.base"
        )
        for kind in ("CodeSystem", "ValueSet")
        for code in ("author", "effective", "end", "keyword", "workflow")
    },
    "SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject.json": _once(
        "its id has more than 64 characters", "value", "SearchParameter.id"
    ),
    "ig-r4.json": Faulty(_GUIDE, "required", _GUIDE_FOUND),
    "bundle-questionnaire.json": Faulty(
        _LINK_IDS,
        "required",
        (
            ("Questionnaire.item.item.linkId", 1),
            ("Questionnaire.item.item.item.linkId", 13),
            ("Questionnaire.item.item.item.item.linkId", 14),
            ("Questionnaire.item.item.item.item.item.linkId", 22),
        ),
    ),
}
FAULTY |= {
    "devicemetric-example.json": FAULTY["DeviceMetric-example.json"],
    "deviceusestatement-example.json": FAULTY["DeviceUseStatement-example.json"],
    "medicationrequest0301.json": FAULTY["MedicationRequest-medrx0301.json"],
}

ALSO_FOUND: dict[str, Found] = {
    name: Counter({("value", "ImplementationGuide.manifest.resource.reference.reference"): 1})
    for name in ("ImplementationGuide-fhir.json", "ig-r4.json")
}
