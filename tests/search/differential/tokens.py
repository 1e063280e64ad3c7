"""Tokens as the reference compares them. https://hl7.org/fhir/R4/search.html#token"""

from dataclasses import dataclass, field
from typing import Any

from tests.search.differential.escapes import split, unescaped
from tests.search.differential.texts import folded, listed, words_begin

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
GENDER = "http://hl7.org/fhir/administrative-gender"
VALUE_SETS: dict[str, tuple[str, frozenset[str]]] = {
    "http://hl7.org/fhir/ValueSet/administrative-gender": (GENDER, frozenset({"male", "female", "other", "unknown"})),
    "http://hl7.org/fhir/ValueSet/condition-clinical": (
        CLINICAL,
        frozenset({"active", "recurrence", "relapse", "inactive", "remission", "resolved"}),
    ),
    "http://hl7.org/fhir/ValueSet/condition-ver-status": (
        VERIFICATION,
        frozenset({"unconfirmed", "provisional", "differential", "confirmed", "refuted", "entered-in-error"}),
    ),
}
"""The value sets that questions name: the one system of each, and its codes"""

CODES: dict[tuple[str, str], tuple[str, frozenset[str]]] = {
    ("Patient", "gender"): (GENDER, frozenset({"male", "female", "other", "unknown"})),
    ("Practitioner", "gender"): (GENDER, frozenset({"male", "female", "other", "unknown"})),
    ("Observation", "status"): (
        "http://hl7.org/fhir/observation-status",
        frozenset(
            {"registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"}
        ),
    ),
    ("Encounter", "status"): (
        "http://hl7.org/fhir/encounter-status",
        frozenset(
            {
                "planned",
                "arrived",
                "triaged",
                "in-progress",
                "onleave",
                "finished",
                "cancelled",
                "entered-in-error",
                "unknown",
            }
        ),
    ),
}
"""The system and codes that elements of type code are bound to, of those that questions give a system"""

BELOW: dict[str, frozenset[str]] = {
    "IMP": frozenset({"IMP", "ACUTE", "NONAC"}),
    "ACUTE": frozenset({"ACUTE"}),
    "NONAC": frozenset({"NONAC"}),
    "AMB": frozenset({"AMB"}),
    "EMER": frozenset({"EMER"}),
}
"""What v3-ActCode has below the classes of Encounters that worlds hold"""


@dataclass(frozen=True)
class Token:
    """One coded value: `system` and `code` None where it has none."""

    system: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class Coded:
    """What a token search looks at in one value of a resource."""

    tokens: list[Token] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    types: list[tuple[Token, str]] = field(default_factory=list)
    """The types of an Identifier, each with its value"""


def coded(kind: str, value: Any) -> Coded:
    """A value of a resource, read as tokens."""
    if kind in ("boolean", "System.Boolean"):
        return Coded([Token(code="true" if value else "false")])
    if kind == "Coding":
        return Coded([_token(value)], listed(value.get("display")))
    if kind == "CodeableConcept":
        codings = value.get("coding", [])
        return Coded([_token(each) for each in codings], _texts(value))
    if kind == "Identifier":
        concept = value.get("type", {})
        types = [(_token(each), value["value"]) for each in concept.get("coding", []) if "value" in value]
        return Coded([Token(value.get("system"), value.get("value"))], listed(concept.get("text")), types)
    if kind == "ContactPoint":
        return Coded([Token(code=value.get("value"))])
    return Coded([Token(code=value)])


def _token(coding: Any) -> Token:
    return Token(coding.get("system"), coding.get("code"))


def _texts(concept: Any) -> list[str]:
    displays = [each["display"] for each in concept.get("coding", []) if "display" in each]
    return [*displays, *listed(concept.get("text"))]


def token_matches(place: tuple[str, str], found: list[Coded], modifier: str | None, text: str) -> bool:
    """Whether some of a parameter's values are what one value of a query asks for. `place`: resource type and
    parameter; `:not` and `:not-in` are turned round elsewhere."""
    tokens = [token for each in found for token in each.tokens]
    parts = [unescaped(part) for part in split(text, "|")]
    if modifier == "text":
        return words_begin([text for each in found for text in each.texts], unescaped(text))
    if modifier == "code-text":
        return any(folded(token.code or "").startswith(folded(unescaped(text))) for token in tokens)
    if modifier == "of-type":
        asked = Token(parts[0] or None, parts[1])
        return any((asked, parts[2]) == each for value in found for each in value.types)
    if modifier == "in":
        system, codes = VALUE_SETS[unescaped(text)]
        return any(_in(place, token, system) and token.code in codes for token in tokens)
    if modifier in ("below", "above"):
        return any(token.system == parts[0] and _related(modifier, token.code, parts[1]) for token in tokens)
    return any(_is(place, token, parts) for token in tokens)


def _in(place: tuple[str, str], token: Token, system: str) -> bool:
    """The token's system is this one; a code has that of the value set it is bound to."""
    return token.system == system or (token.system is None and CODES.get(place, ("",))[0] == system)


def _related(modifier: str, code: str | None, asked: str) -> bool:
    return code in BELOW[asked] if modifier == "below" else code in BELOW and asked in BELOW[code]


def _is(place: tuple[str, str], token: Token, parts: list[str]) -> bool:
    """`code`, `system|code`, `|code` (without a system), `system|` (any code of it)."""
    if len(parts) == 1:
        return token.code == parts[0]
    system, code = parts
    if system and place in CODES:
        own, codes = CODES[place]
        return own == system and token.code in codes and code in ("", token.code)
    return (token.system or "") == system and code in ("", token.code)
