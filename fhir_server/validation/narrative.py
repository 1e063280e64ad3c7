"""The check of a narrative. https://hl7.org/fhir/R4/narrative.html"""

from typing import Any

from fhir_server.model.narrative import narrative_faults
from fhir_server.validation.findings import Findings, Key, Place


def check_narrative(value: Any, place: Place, key: Key, findings: Findings) -> None:
    """The check of a value of type xhtml."""
    if type(value) is not str:
        findings.kind(value, "a string", place, key)
        return
    for code, sentence in narrative_faults(value):
        findings.add(code, sentence, place, key)
