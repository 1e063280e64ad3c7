"""Required bindings: a code must be of the value set, where all of its codes are known.

https://hl7.org/fhir/R4/terminologies.html#required
"""

from typing import Any

from fhir_server.definitions.structures import ValueSet
from fhir_server.validation.findings import Check, Findings, Key, Place, shown

_MANY = 12


def bound_code(value_set: ValueSet) -> Check:
    """The check of a code bound to a value set; the element says the system, so any system of the set will do."""
    codes = frozenset().union(*value_set.codes.values())
    allowed = _allowed(codes, value_set)

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        if type(value) is not str:
            findings.kind(value, "a string", place, key)
        elif value not in codes:
            findings.add("code-invalid", f"The code {shown(value)} is not allowed here: {allowed}.", place, key)

    return check


def bound_concept(value_set: ValueSet, inner: Check) -> Check:
    """The check of a CodeableConcept: at least one of its codings must be of the value set."""
    members = _members(value_set)
    sentence = f"At least one coding must be of the value set: {_allowed_with_system(value_set)}."

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        before = len(findings.issues)
        inner(value, place, key, findings)
        if len(findings.issues) == before and not any(_pair(each) in members for each in value.get("coding", ())):
            findings.add("code-invalid", sentence, place, key)

    return check


def bound_coding(value_set: ValueSet, inner: Check) -> Check:
    """The check of a Coding: it must be of the value set, by system and code."""
    members = _members(value_set)
    sentence = f"The coding must be of the value set: {_allowed_with_system(value_set)}."

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        before = len(findings.issues)
        inner(value, place, key, findings)
        if len(findings.issues) == before and _pair(value) not in members:
            findings.add("code-invalid", sentence, place, key)

    return check


def _members(value_set: ValueSet) -> frozenset[tuple[str, str]]:
    return frozenset((system, code) for system, codes in value_set.codes.items() for code in codes)


def _pair(coding: dict[str, Any]) -> tuple[Any, Any]:
    return coding.get("system"), coding.get("code")


def _allowed(codes: frozenset[str], value_set: ValueSet) -> str:
    if len(codes) > _MANY:
        return f"it is not of the value set {value_set.url}"
    return f"the value set {value_set.url} has {', '.join(sorted(codes))}"


def _allowed_with_system(value_set: ValueSet) -> str:
    listed = [f"{code} of {system}" for system, codes in sorted(value_set.codes.items()) for code in sorted(codes)]
    return value_set.url if len(listed) > _MANY else f"{value_set.url} has {', '.join(listed)}"
