"""token: what each form and modifier asks, what is refused, and what values are indexed by.

https://hl7.org/fhir/R4/search.html#token
"""

from dataclasses import replace
from typing import Any

import pytest

from fhir_server.outcome import TooCostly
from fhir_server.search.context import Limits
from fhir_server.search.parse import parse
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    IdentifierIs,
    IdIs,
    IsPresent,
    Not,
    TermIs,
    TokenIs,
)
from tests.search.parameter_types.asking import LOINC, asked, indexed, refused
from tests.search.samples import CONTEXT

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"
GENDER = "http://hl7.org/fhir/administrative-gender"
OF_PATIENT = ("Patient.identifier",)
CODE = ("Observation.code",)
CLASS = ("Encounter.class",)
OF_STATUS = ("Observation.status",)
SEX = ("Patient.gender",)
STATUS = ("Condition.clinicalStatus",)


def identifier(system: str | None, value: str | None) -> IdentifierIs:
    return IdentifierIs("identifier", system, value, OF_PATIENT)


def code(system: str | None, value: str | None) -> TokenIs:
    return TokenIs("code", system, value, CODE)


def word(name: str, text: str, elements: tuple[str, ...]) -> AnyOf:
    """A word of a text begins so."""
    return AnyOf((TermIs(name, text, "starts", elements), TermIs(name, f" {text}", "contains", elements)))


@pytest.mark.parametrize(
    ("query", "criterion"),
    [  # the forms of a value
        ("Patient?identifier=http://acme.org/patient|2345", identifier("http://acme.org/patient", "2345")),
        ("Patient?identifier=2345", identifier(None, "2345")),
        ("Patient?identifier=|2345", identifier("", "2345")),
        ("Patient?identifier=http://acme.org/patient|", identifier("http://acme.org/patient", None)),
        (r"Patient?identifier=urn:a\|b|c\,d", identifier("urn:a|b", "c,d")),
        ("Observation?code=http://loinc.org|8480-6", code(LOINC, "8480-6")),
        ("Observation?code=8480-6", code(None, "8480-6")),
        ("Observation?code=|8480-6", code("", "8480-6")),
        ("Observation?code=http://loinc.org|", code(LOINC, None)),
        ("Observation?code=a,|b", AnyOf((code(None, "a"), code("", "b")))),
        # an element of type code has its system from the value set that it is bound to
        ("Patient?gender=male", TokenIs("gender", None, "male", SEX)),
        (f"Patient?gender={GENDER}|male", TokenIs("gender", "", "male", SEX)),
        (f"Patient?gender={GENDER}|", TokenIs("gender", "", None, SEX)),
        (f"Patient?gender={GENDER}|purple", TokenIs("gender", GENDER, "purple", SEX)),
        ("Patient?gender=urn:other|male", TokenIs("gender", "urn:other", "male", SEX)),
        ("Patient?gender=|male", TokenIs("gender", "", "male", SEX)),
        ("Patient?active=true", TokenIs("active", None, "true", ("Patient.active",))),
        (
            "Patient?phone=020 7946 0000",
            TokenIs("phone", None, "020 7946 0000", ("Patient.telecom", "Patient.telecom.system")),
        ),
        ("Patient?_id=p1,p2,p1", IdIs(("p1", "p2"), ("Patient.id",))),
        # what may be an identifier or a code asks both
        (
            "Composition?identifier=urn:x|1",
            IdentifierIs("identifier", "urn:x", "1", ("Composition.identifier",)),
        ),
    ],
)
async def test_what_a_value_asks(query: str, criterion: Criterion) -> None:
    assert await asked(query) == criterion


@pytest.mark.parametrize(
    ("query", "criterion"),
    [
        ("Observation?code:not=a,b", Not(AnyOf((code(None, "a"), code(None, "b"))))),
        ("Patient?gender:not=male", Not(TokenIs("gender", None, "male", SEX))),
        ("Patient?identifier:not=urn:x|1", Not(identifier("urn:x", "1"))),
        ("Observation?code:missing=true", Not(IsPresent("code", CODE))),
        ("Patient?_id:missing=true", AnyOf(())),
        ("Patient?_id:missing=false", AllOf(())),
        (
            "Observation?code:text=Blood Préssure",
            AllOf((word("code:text", "blood", CODE), word("code:text", "pressure", CODE))),
        ),
        (
            "Patient?identifier:text=Hospital",
            AllOf((word("identifier:text", "hospital", OF_PATIENT),)),
        ),
        ("Observation?code:code-text=8480-A", TermIs("code:code-text", "8480-a", "starts", CODE)),
        ("Patient?gender:code-text=fe", TermIs("gender:code-text", "fe", "starts", SEX)),
        (
            "Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|446053",
            IdentifierIs(
                "identifier:of-type", "45:http://terminology.hl7.org/CodeSystem/v2-0203MR", "446053", OF_PATIENT
            ),
        ),
        ("Patient?identifier:of-type=|MR|446053", IdentifierIs("identifier:of-type", "0:MR", "446053", OF_PATIENT)),
        (
            f"Patient?gender:in={GENDERS}",
            AnyOf(tuple(TokenIs("gender", "", each, SEX) for each in ("female", "male", "other", "unknown"))),
        ),
        (
            f"Patient?gender:not-in={GENDERS}",
            Not(AnyOf(tuple(TokenIs("gender", "", each, SEX) for each in ("female", "male", "other", "unknown")))),
        ),
        (  # a code of another system is another code, though it be spelt the same
            f"Observation?status:in={GENDERS}",
            AnyOf(tuple(TokenIs("status", GENDER, each, OF_STATUS) for each in ("female", "male", "other", "unknown"))),
        ),
        (
            "Condition?clinical-status:in=http://hl7.org/fhir/ValueSet/condition-clinical",
            AnyOf(
                tuple(
                    TokenIs("clinical-status", "http://terminology.hl7.org/CodeSystem/condition-clinical", each, STATUS)
                    for each in ("active", "inactive", "recurrence", "relapse", "remission", "resolved")
                )
            ),
        ),
        (
            f"Encounter?class:below={ACT_CODE}|IMP",
            AnyOf(tuple(TokenIs("class", ACT_CODE, each, CLASS) for each in ("ACUTE", "IMP", "NONAC"))),
        ),
        (
            f"Encounter?class:above={ACT_CODE}|ACUTE",
            AnyOf(
                tuple(
                    TokenIs("class", ACT_CODE, each, CLASS)
                    for each in ("ACUTE", "IMP", "_ActCareProvisionCode", "_ActEncounterCode")
                )
            ),
        ),
        (
            f"Encounter?class:below={ACT_CODE}|AMB,{ACT_CODE}|HH",
            AnyOf(tuple(AnyOf((TokenIs("class", ACT_CODE, each, CLASS),)) for each in ("AMB", "HH"))),
        ),
    ],
)
async def test_what_a_modifier_asks(query: str, criterion: Criterion) -> None:
    assert await asked(query) == criterion


FORM = "The parameter {} is a code, system|code, |code or system|."
OF_TYPE = "The parameter identifier:of-type is system|code|value: type of the identifier, then its value."
NOT_IN = (
    "The parameter {}:in: the codes of the value set {!r} are not known here. "
    "Known are those that R4 requires somewhere, by their URL without a version."
)
NO_HIERARCHY = (
    "The parameter {} is system|code of a code system whose hierarchy is known here: {!r} with this code is not."
)
NOT_OFFERED = "The modifier :{} of the parameter {} is not offered."
LETTERS = "The parameter {} needs a text of at least one letter or digit."


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("Observation?code=a|b|c", "invalid", FORM.format("code")),
        ("Observation?code=|", "invalid", FORM.format("code")),
        ("Patient?identifier=|", "invalid", FORM.format("identifier")),
        ("Patient?active=yes", "invalid", "The parameter active is true or false."),
        ("Patient?active=|true", "invalid", "The parameter active has no system: give the value alone, without |."),
        ("Patient?phone=tel|1", "invalid", "The parameter phone has no system: give the value alone, without |."),
        (
            "Patient?_id=a b",
            "invalid",
            "The parameter _id is a logical id: up to 64 letters, digits, hyphens and dots.",
        ),
        ("Patient?_id:not-in=a", "not-supported", NOT_OFFERED.format("in", "_id")),
        (
            "Observation?code:exact=a",
            "invalid",
            "The modifier :exact does not apply to code, a token parameter.",
        ),
        ("Patient?gender:text=male", "not-supported", NOT_OFFERED.format("text", "gender")),
        ("Patient?active:text=true", "not-supported", NOT_OFFERED.format("text", "active")),
        ("Patient?phone:text=1", "not-supported", NOT_OFFERED.format("text", "phone")),
        ("Observation?code:text=\u0301", "invalid", LETTERS.format("code:text")),
        ("Patient?identifier:code-text=1", "not-supported", NOT_OFFERED.format("code-text", "identifier")),
        ("Patient?active:code-text=t", "not-supported", NOT_OFFERED.format("code-text", "active")),
        (
            "Observation?code:code-text=\u0301",
            "invalid",
            "The parameter code:code-text needs the beginning of a code.",
        ),
        ("Patient?identifier:of-type=MR|1", "invalid", OF_TYPE),
        ("Patient?identifier:of-type=s||1", "invalid", OF_TYPE),
        ("Patient?identifier:of-type=s|MR|", "invalid", OF_TYPE),
        ("Patient?identifier:of-type=s|MR|1|2", "invalid", OF_TYPE),
        ("Observation?code:of-type=s|MR|1", "not-supported", NOT_OFFERED.format("of-type", "code")),
        ("Observation?code:in=urn:mine", "not-supported", NOT_IN.format("code", "urn:mine")),
        ("Patient?gender:not-in=urn:mine", "not-supported", NOT_IN.format("gender", "urn:mine")),
        (f"Patient?gender:in={GENDERS}|4.0.1", "not-supported", NOT_IN.format("gender", f"{GENDERS}|4.0.1")),
        (
            "Observation?code:in=http://hl7.org/fhir/ValueSet/mimetypes",
            "not-supported",
            NOT_IN.format("code", "http://hl7.org/fhir/ValueSet/mimetypes"),
        ),
        (f"Patient?identifier:in={GENDERS}", "not-supported", NOT_OFFERED.format("in", "identifier")),
        (f"Patient?active:in={GENDERS}", "not-supported", NOT_OFFERED.format("in", "active")),
        ("Encounter?class:below=IMP", "not-supported", NO_HIERARCHY.format("class:below", "")),
        (f"Encounter?class:below={ACT_CODE}|", "not-supported", NO_HIERARCHY.format("class:below", ACT_CODE)),
        (f"Encounter?class:above={ACT_CODE}|XYZ", "not-supported", NO_HIERARCHY.format("class:above", ACT_CODE)),
        (f"Observation?code:below={LOINC}|LP1", "not-supported", NO_HIERARCHY.format("code:below", LOINC)),
        ("Encounter?class:below=a|b|c", "invalid", FORM.format("class")),
    ],
)
async def test_what_is_refused(query: str, code: str, message: str) -> None:
    assert await refused(query) == (code, message)


async def test_what_stands_for_too_many_codes_is_refused() -> None:
    context = replace(CONTEXT, limits=Limits(criteria=3))
    with pytest.raises(TooCostly) as refusal:
        await parse("Patient", [("gender:in", GENDERS)], context, strict=True)
    assert refusal.value.issues[0].diagnostics == "The parameter gender:in stands for too many codes."


@pytest.mark.parametrize(
    ("resource", "name", "found"),
    [
        (
            {
                "resourceType": "Observation",
                "code": {
                    "coding": [
                        {"system": LOINC, "code": "8480-6", "display": "Systolic  BP"},
                        {"code": "SYS"},
                        {"system": "urn:only"},
                        {"display": "Said only"},
                        {"version": "1"},
                    ],
                    "text": "Blutdruck (ÖBERER)",
                },
            },
            "code",
            {
                "tokens": [("code", LOINC, "8480-6"), ("code", "", "SYS"), ("code", "urn:only", "")],
                "terms": [
                    ("code:code-text", "8480-6"),
                    ("code:text", "systolic bp"),
                    ("code:code-text", "sys"),
                    ("code:text", "said only"),
                    ("code:text", "blutdruck (oberer)"),
                ],
            },
        ),
        (
            {"resourceType": "Encounter", "class": {"system": ACT_CODE, "code": "AMB", "display": "ambulatory"}},
            "class",
            {
                "tokens": [("class", ACT_CODE, "AMB")],
                "terms": [("class:code-text", "amb"), ("class:text", "ambulatory")],
            },
        ),
        (
            {
                "resourceType": "Patient",
                "identifier": [
                    {
                        "type": {"coding": [{"system": "urn:t", "code": "MR"}, {"code": "X"}], "text": "Hospital No."},
                        "system": "urn:h",
                        "value": "123",
                    },
                    {"system": "urn:only"},
                    {"value": "bare"},
                    {"type": {"text": "No number", "coding": [{"code": "MR"}]}},
                    {"use": "old"},
                ],
            },
            "identifier",
            {
                "identifiers": [
                    ("identifier", "urn:h", "123"),
                    ("identifier:of-type", "5:urn:tMR", "123"),
                    ("identifier:of-type", "0:X", "123"),
                    ("identifier", "urn:only", ""),
                    ("identifier", "", "bare"),
                ],
                "terms": [("identifier:text", "hospital no."), ("identifier:text", "no number")],
            },
        ),
        (
            {"resourceType": "Patient", "gender": "female"},
            "gender",
            {"tokens": [("gender", "", "female")], "terms": [("gender:code-text", "female")]},
        ),
        ({"resourceType": "Patient", "active": False}, "active", {"tokens": [("active", "", "false")]}),
        ({"resourceType": "Patient"}, "deceased", {"tokens": [("deceased", "", "false")]}),
        (
            {"resourceType": "Patient", "telecom": [{"system": "phone", "value": "020"}, {"system": "phone"}]},
            "phone",
            {"tokens": [("phone", "", "020")]},
        ),
        (
            {"resourceType": "ValueSet", "compose": {"include": [{"system": LOINC}]}},
            "code",
            {},
        ),
        (
            {"resourceType": "CodeSystem", "version": "1.0 Beta"},
            "version",
            {"tokens": [("version", "", "1.0 Beta")], "terms": [("version:code-text", "1.0 beta")]},
        ),
    ],
)
def test_what_is_indexed(resource: dict[str, Any], name: str, found: dict[str, list[tuple[Any, ...]]]) -> None:
    assert indexed(resource, name, f"{name}:text", f"{name}:code-text", f"{name}:of-type") == found


def test_types_of_identifiers_are_told_apart() -> None:
    """`urn:ab` with `c` is another type than `urn:a` with `bc`."""
    found = [
        indexed(
            {
                "resourceType": "Patient",
                "identifier": [{"type": {"coding": [{"system": system, "code": code}]}, "value": "1"}],
            },
            "identifier:of-type",
        )
        for system, code in (("urn:ab", "c"), ("urn:a", "bc"))
    ]
    assert found[0] != found[1]
