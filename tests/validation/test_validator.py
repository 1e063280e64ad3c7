"""The validator as a whole: all faults, in order, up to a limit, without repeating what was sent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions.definitions import r4
from fhir_server.outcome import Issue
from fhir_server.validation import Validator
from tests.validation import samples

VALIDATOR = Validator(r4())
NOTE = Issue("informational", "There are more than 200 faults; only the first ones are listed.", severity="information")


@pytest.mark.parametrize("make", samples.ALL)
def test_a_right_resource_has_no_faults_and_is_not_changed(make: Any) -> None:
    data = make()
    assert VALIDATOR.validate(data) == []
    assert data == make()


def test_all_faults_are_told_with_sentences_that_say_what_to_do() -> None:
    data = {
        "resourceType": "Observation",
        "id": "no spaces here",
        "status": "done",
        "category": {"text": "vital signs"},
        "valueQuantity": {"value": "7", "unit": ""},
        "valueString": "7",
        "valueFloat": 7,
        "effectiveDateTime": "2021-02-30T10:00:00Z",
        "subject": {"reference": "Practitioner/1"},
        "note": [],
        "component": [{"valueInteger": None}],
    }
    assert VALIDATOR.validate(data) == [
        Issue("value", "An id has 1 to 64 characters out of A-Z, a-z, 0-9, `-` and `.`.", ("Observation.id",)),
        Issue(
            "code-invalid",
            "The code `done` is not allowed here: the value set http://hl7.org/fhir/ValueSet/observation-status has"
            " amended, cancelled, corrected, entered-in-error, final, preliminary, registered, unknown.",
            ("Observation.status",),
        ),
        Issue("structure", "This must be an array (this element repeats), not an object.", ("Observation.category",)),
        Issue(
            "structure", "Only one value[x] is allowed; there are several of different types.", ("Observation.value",)
        ),
        Issue("structure", "This must be a number, not a string.", ("Observation.value.value",)),
        Issue("value", "A string must not be empty or only white space.", ("Observation.value.unit",)),
        Issue(
            "structure",
            "An Observation has no element `valueFloat`. Perhaps valueBoolean, valueCodeableConcept, valueDateTime,"
            " valueInteger, valuePeriod, valueQuantity, valueRange, valueRatio, valueSampledData, valueString,"
            " valueTime?",
            ("Observation.valueFloat",),
        ),
        Issue(
            "value",
            "A dateTime is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss(.fff)+zz:zz, with a real calendar date and"
            " a year from 0001; with a time, seconds and time zone are needed.",
            ("Observation.effective",),
        ),
        Issue(
            "value",
            "This must refer to Device or Group or Location or Patient, not to Practitioner.",
            ("Observation.subject.reference",),
        ),
        Issue("structure", "An array must not be empty; leave the element out.", ("Observation.note",)),
        Issue(
            "structure",
            "This must be a number, not null (leave the element out).",
            ("Observation.component[0].value",),
        ),
        Issue("required", "code is missing; Observation.component needs it.", ("Observation.component[0].code",)),
        Issue("required", "code is missing; an Observation needs it.", ("Observation.code",)),
    ]


def test_200_faults_are_enough() -> None:
    data = {"resourceType": "Patient", "name": [{"family": 7} for _ in range(250)]}
    issues = VALIDATOR.validate(data)
    assert len(issues) == 201
    assert issues[199] == Issue("structure", "This must be a string, not a number.", ("Patient.name[199].family",))
    assert issues[200] == NOTE
    data["name"] = data["name"][:200]
    assert VALIDATOR.validate(data) == issues[:200]


LONG = "secret " * 10_000


@pytest.mark.parametrize(
    "data",
    [
        {"resourceType": "Patient", "gender": LONG},
        {"resourceType": "Patient", LONG: 1},
        {"resourceType": LONG},
        {"resourceType": "Patient", "generalPractitioner": [{"reference": LONG}]},
        {"resourceType": "Patient", "generalPractitioner": [{"reference": "A" + "b" * 60 + "/1", "type": LONG}]},
        {"resourceType": "Patient", "birthDate": LONG, "id": LONG, "implicitRules": LONG, "active": LONG},
        {"resourceType": "Patient", "text": {"status": "generated", "div": LONG}},
        {"resourceType": "Patient", "contained": [{"resourceType": "Group", "id": LONG}]},
    ],
)
def test_no_message_repeats_a_long_value(data: dict[str, Any]) -> None:
    issues = VALIDATOR.validate(data)
    assert issues
    for issue in issues:
        assert len(issue.diagnostics) < 300
        assert len(issue.expression[0]) < 150
        assert "\n" not in issue.diagnostics


def test_what_is_asked_for_another_type_is_refused() -> None:
    patient = samples.patient()
    assert VALIDATOR.validate_as(patient, "Patient") == []
    assert VALIDATOR.validate_as(patient, "Group") == [
        Issue("invalid", "The resource is of type Patient; Group is expected here.", ("Group.resourceType",))
    ]
    unknown = {"resourceType": "Resident"}
    assert VALIDATOR.validate_as(unknown, "Patient") == VALIDATOR.validate(unknown)
    assert VALIDATOR.validate(unknown) == [
        Issue("structure", "`Resident` is not a FHIR R4 resource type.", ("Resource.resourceType",))
    ]


def test_a_deep_resource_is_checked_to_its_end() -> None:
    item: dict[str, Any] = {"linkId": "end", "text": 7}
    for depth in range(45):
        item = {"linkId": str(depth), "item": [item]}
    data = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": [item]}
    expected = "QuestionnaireResponse" + ".item[0]" * 46 + ".text"
    assert [issue.expression for issue in VALIDATOR.validate(data)] == [(expected,)]


NAMES = """
id extension url valueString _valueString reference type contained resourceType text div entry resource fullUrl name
given _given coding system code identifier meta item linkId answer valueCoding part request method link relation tag
"""
_NAMES = st.sampled_from(NAMES.split())
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["#a", "Patient", "transaction"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(
    st.sampled_from(["Patient", "Bundle", "Parameters", "QuestionnaireResponse", "Condition"]),
    st.dictionaries(_NAMES.filter(lambda name: name != "resourceType"), _JSON, max_size=6),
)
def test_any_json_is_judged_without_a_crash(resource_type: str, members: dict[str, Any]) -> None:
    for issue in VALIDATOR.validate({"resourceType": resource_type, **members}):
        assert issue.diagnostics
        assert issue.expression[0].startswith(resource_type)


def test_two_validators_share_nothing_and_agree() -> None:
    other = Validator(r4())
    wrong = {**samples.observation(), "status": "done"}
    assert other.validate(wrong) == VALIDATOR.validate(wrong)
