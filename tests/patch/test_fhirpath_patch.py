"""FHIRPath Patch: the cases of FHIR's suite, each operation in its odd places, and what is refused, with the place."""

import re
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fhir_server.definitions.definitions import r4
from fhir_server.model.xml.reader import parse
from fhir_server.outcome import FhirError, Invalid, Issue, TooCostly, Unprocessable
from fhir_server.patch.fhirpath_patch import apply
from fhir_server.patch.tree import Tree
from tests.public_data import folder

R4 = r4()
SUITE = list(etree.parse(str(folder("fhir-test-cases/r4/patch/fhir-patch-tests.xml"))).getroot().iter("case"))

# The error of the suite -> what is said here.
ERRORS = {
    "No content found at Patient.identifier.where(use = 'official').period when adding": Issue(
        "business-rule",
        "The path selects nothing; it must select one element.",
        ("Parameters.parameter[0].part[1]",),
    )
}


def _resource(holder: Any) -> dict[str, Any]:
    return parse(etree.tostring(holder[0], with_tail=False), R4, max_bytes=1 << 24).data


def test_there_are_cases() -> None:
    assert len(SUITE) == 33


@pytest.mark.parametrize("case", SUITE, ids=lambda case: case.get("name"))
def test_the_suite(case: Any) -> None:
    """Every case passes; those with an error fail with the place of the part at fault."""
    data, parameters, error = _resource(case.find("input")), _resource(case.find("diff")), case.find("error")
    if error is None:
        assert apply(data, parameters, R4) == _resource(case.find("output"))
        return
    with pytest.raises(Unprocessable) as raised:
        apply(data, parameters, R4)
    assert raised.value.issues == (ERRORS[error.get("msg")],)


def _operation(kind: str, path: str, *parts: dict[str, Any]) -> dict[str, Any]:
    fixed = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}]
    return {"name": "operation", "part": [*fixed, *parts]}


def _value(**value: Any) -> dict[str, Any]:
    return {"name": "value", **value}


def _name(name: str) -> dict[str, Any]:
    return {"name": "name", "valueString": name}


def _index(index: int, name: str = "index") -> dict[str, Any]:
    return {"name": name, "valueInteger": index}


def _patched(data: dict[str, Any], *operations: dict[str, Any]) -> dict[str, Any]:
    parameters = {"resourceType": "Parameters", "parameter": list(operations)}
    return apply(deepcopy(data), parameters, R4)


PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Surgery"}],
    "extension": [{"url": "http://example.org/a", "valueString": "a"}],
    "name": [
        {"use": "official", "given": ["Ada", "Bee"], "_given": [None, {"id": "second"}]},
        {"use": "usual", "given": ["Cy"]},
    ],
    "_birthDate": {"extension": [{"url": "http://example.org/unknown", "valueCode": "masked"}]},
    "deceasedBoolean": False,
}
_BASE = {name: value for name, value in PATIENT.items() if name not in ("name", "_birthDate", "deceasedBoolean")}
_OFFICIAL, _USUAL = PATIENT["name"]
_REST = {"_birthDate": PATIENT["_birthDate"], "deceasedBoolean": False}

# name -> (operation, the members that are other than in PATIENT; None: gone)
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a given name is replaced, the id beside the other stays": (
        _operation("replace", "Patient.name[0].given[0]", _value(valueString="Dee")),
        {"name": [{"use": "official", "given": ["Dee", "Bee"], "_given": [None, {"id": "second"}]}, _USUAL]},
    ),
    "a given name goes with what stands beside it": (
        _operation("delete", "Patient.name.where(use = 'official').given.where($this = 'Bee')"),
        {"name": [{"use": "official", "given": ["Ada"]}, _USUAL]},
    ),
    "the last given name takes its name with it, which keeps its use": (
        _operation("delete", "Patient.name[1].given"),
        {"name": [_OFFICIAL, {"use": "usual"}]},
    ),
    "given names are inserted and moved": (
        _operation("insert", "Patient.name[0].given", _index(1), _value(valueString="New", _valueString={"id": "n"})),
        {
            "name": [
                {"use": "official", "given": ["Ada", "New", "Bee"], "_given": [None, {"id": "n"}, {"id": "second"}]},
                _USUAL,
            ]
        },
    ),
    "given names are moved with what stands beside them": (
        _operation("move", "Patient.name[0].given", _index(1, "source"), _index(0, "destination")),
        {"name": [{"use": "official", "given": ["Bee", "Ada"], "_given": [{"id": "second"}, None]}, _USUAL]},
    ),
    "an item goes into a list that is not there": (
        _operation("insert", "Patient.name[1].suffix", _index(0), _value(valueString="MBE")),
        {"name": [_OFFICIAL, {"use": "usual", "given": ["Cy"], "suffix": ["MBE"]}]},
    ),
    "a choice gets another type": (
        _operation("replace", "Patient.deceased", _value(valueDateTime="2026-01-01")),
        {"deceasedBoolean": None, "deceasedDateTime": "2026-01-01"},
    ),
    "a choice is found by its type": (
        _operation("delete", "Patient.deceased.ofType(boolean)"),
        {"deceasedBoolean": None},
    ),
    "a choice is added by its name with the type": (
        _operation("add", "Patient", _name("multipleBirthInteger"), _value(valueInteger=2)),
        {"multipleBirthInteger": 2},
    ),
    "a choice is added by its name": (
        _operation("add", "Patient", _name("multipleBirth"), _value(valueBoolean=True)),
        {"multipleBirthBoolean": True},
    ),
    "a value comes to a primitive that has extensions only, and replaces them": (
        _operation("replace", "Patient.birthDate", _value(valueDate="1930-02-03")),
        {"birthDate": "1930-02-03", "_birthDate": None},
    ),
    "an extension comes to a primitive": (
        _operation(
            "add",
            "Patient.deceased",
            _name("extension"),
            {
                "name": "value",
                "part": [{"name": "url", "valueUri": "http://example.org/x"}, {"name": "value", "valueCode": "y"}],
            },
        ),
        {"_deceasedBoolean": {"extension": [{"url": "http://example.org/x", "valueCode": "y"}]}},
    ),
    "the extension of a primitive is deleted with the primitive that is nothing else": (
        _operation("delete", "Patient.birthDate.extension[0]"),
        {"_birthDate": None},
    ),
    "an extension is found by its url": (
        _operation("replace", "Patient.extension('http://example.org/a').value", _value(valueBoolean=True)),
        {"extension": [{"url": "http://example.org/a", "valueBoolean": True}]},
    ),
    "a contained resource is changed": (
        _operation("replace", "Patient.contained[0].name", _value(valueString="Clinic")),
        {"contained": [{"resourceType": "Organization", "id": "o", "name": "Clinic"}]},
    ),
    "a contained resource is added": (
        _operation(
            "add", "Patient", _name("contained"), {"name": "value", "resource": {"resourceType": "Basic", "id": "b"}}
        ),
        {"contained": [*PATIENT["contained"], {"resourceType": "Basic", "id": "b"}]},
    ),
    "parts within parts become a backbone element": (
        _operation(
            "add",
            "Patient",
            _name("contact"),
            {
                "name": "value",
                "part": [
                    {"name": "relationship", "valueCodeableConcept": {"text": "sister"}},
                    {"name": "relationship", "valueCodeableConcept": {"text": "carer"}},
                    {
                        "name": "name",
                        "part": [
                            {"name": "given", "valueString": "Eve"},
                            {"name": "given", "valueString": "F", "_valueString": {"id": "f"}},
                        ],
                    },
                ],
            },
        ),
        {
            "contact": [
                {
                    "relationship": [{"text": "sister"}, {"text": "carer"}],
                    "name": {"given": ["Eve", "F"], "_given": [None, {"id": "f"}]},
                }
            ]
        },
    ),
    "narrative is replaced by its text": (
        _operation("replace", "Patient.text.div", _value(valueString="<div>new</div>")),
        {"text": {"status": "generated", "div": "<div>new</div>"}},
    ),
    "deleting what is not there changes nothing": (_operation("delete", "Patient.maritalStatus"), {}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_an_operation_changes(name: str) -> None:
    operation, changed = CHANGES[name]
    expected = {key: value for key, value in {**PATIENT, **changed}.items() if value is not None}
    assert _patched(PATIENT, operation) == expected


def test_an_operation_sees_what_the_one_before_it_left() -> None:
    after = _patched(
        PATIENT,
        _operation("add", "Patient", _name("contact"), {"name": "value", "part": [_name_part("Ann")]}),
        _operation("add", "Patient.contact[0].name", _name("family"), _value(valueString="Example")),
        _operation("delete", "Patient.name[0]"),
        _operation("replace", "Patient.name[0].use", _value(valueCode="old")),
    )
    assert after["contact"] == [{"name": {"text": "Ann", "family": "Example"}}]
    assert after["name"] == [{"use": "old", "given": ["Cy"]}]


def _name_part(text: str) -> dict[str, Any]:
    return {"name": "name", "valueHumanName": {"text": text}}


FIRST = "Parameters.parameter[0]"
# name -> (operation, kind of failure, sentence, place)
REFUSED: dict[str, tuple[dict[str, Any], type[FhirError], str, str]] = {
    "no operation": (
        {"name": "op"},
        Invalid,
        "The parameters of a FHIRPath Patch are called operation.",
        f"{FIRST}.name",
    ),
    "no type": ({"name": "operation"}, Invalid, "The operation has no part type.", FIRST),
    "an unknown type": (
        _operation("copy", "Patient"),
        Invalid,
        "The type of an operation is one of add, insert, delete, replace, move.",
        f"{FIRST}.part[0]",
    ),
    "no value": (_operation("replace", "Patient.id"), Invalid, "The operation replace needs a part value.", FIRST),
    "a part too many": (
        _operation("delete", "Patient.id", _value(valueString="x")),
        Invalid,
        "The operation delete has the parts type, path; this is none.",
        f"{FIRST}.part[2]",
    ),
    "a part twice": (
        _operation("delete", "Patient.id", {"name": "path", "valueString": "Patient"}),
        Invalid,
        "This part is there twice.",
        f"{FIRST}.part[2]",
    ),
    "a part of another type": (
        _operation(
            "insert", "Patient.name", {"name": "index", "valueString": "1"}, _value(valueHumanName={"text": "x"})
        ),
        Invalid,
        "This part has a valueInteger.",
        f"{FIRST}.part[2]",
    ),
    "a path that is too long": (
        _operation("delete", "Patient" + ".id" * 400),
        Invalid,
        "A path here has at most 1000 characters.",
        f"{FIRST}.part[1]",
    ),
    "a path that is none": (
        _operation("delete", "Patient.."),
        Invalid,
        "'.' cannot stand here, a name is needed (column 9 of the FHIRPath expression 'Patient..')",
        f"{FIRST}.part[1]",
    ),
    "a path that is nested too deep": (
        _operation("delete", "(" * 990),
        Invalid,
        "",
        f"{FIRST}.part[1]",
    ),
    "a path for another type": (
        _operation("delete", "Observation.code"),
        Invalid,
        "Patient has no element Observation (column 1 of the FHIRPath expression 'Observation.code')",
        f"{FIRST}.part[1]",
    ),
    "a path that asks for the world": (
        _operation("delete", "Patient.where(id.resolve().exists())"),
        Unprocessable,
        "The path cannot be followed here: resolve() is not offered in the path of a patch.",
        f"{FIRST}.part[1]",
    ),
    "a path that selects several": (
        _operation("delete", "Patient.name"),
        Unprocessable,
        "The path selects 2 elements; it must select one element.",
        f"{FIRST}.part[1]",
    ),
    "a path that selects what is computed": (
        _operation("delete", "Patient.name.exists()"),
        Unprocessable,
        "The path selects what is no element inside the resource.",
        f"{FIRST}.part[1]",
    ),
    "the resource itself": (
        _operation("delete", "Patient"),
        Unprocessable,
        "The path selects what is no element inside the resource.",
        f"{FIRST}.part[1]",
    ),
    "a value of another type": (
        _operation("add", "Patient", _name("maritalStatus"), _value(valueCoding={"code": "M"})),
        Unprocessable,
        "The element maritalStatus has no values of this type.",
        f"{FIRST}.part[3]",
    ),
    "a primitive for an object": (
        _operation("add", "Patient", _name("maritalStatus"), _value(valueCode="M")),
        Unprocessable,
        "The element maritalStatus has no values of this type.",
        f"{FIRST}.part[3]",
    ),
    "an object for a primitive": (
        _operation("replace", "Patient.name[0].use", _value(valueCoding={"code": "usual"})),
        Unprocessable,
        "The element use has no values of this type.",
        f"{FIRST}.part[2]",
    ),
    "a type that a choice does not have": (
        _operation("replace", "Patient.deceased", _value(valueString="yes")),
        Unprocessable,
        "The element deceased has no values of this type.",
        f"{FIRST}.part[2]",
    ),
    "parts for a primitive": (
        _operation("add", "Patient", _name("gender"), {"name": "value", "part": [_name_part("x")]}),
        Unprocessable,
        "The element gender has no values of this type.",
        f"{FIRST}.part[3]",
    ),
    "an unknown element": (
        _operation("add", "Patient", _name("nick"), _value(valueString="x")),
        Unprocessable,
        "Patient has no element of this name.",
        f"{FIRST}.part[3]",
    ),
    "an unknown element in a part": (
        _operation("add", "Patient", _name("contact"), {"name": "value", "part": [{"name": "nick", "valueCode": "x"}]}),
        Unprocessable,
        "Patient.contact has no element of this name.",
        f"{FIRST}.part[3].part[0]",
    ),
    "what is there already": (
        _operation("add", "Patient", _name("deceased"), _value(valueDateTime="2026")),
        Unprocessable,
        "There is a deceased already; replace it.",
        f"{FIRST}.part[3]",
    ),
    "an index after the end": (
        _operation("insert", "Patient.name", _index(3), _value(valueHumanName={"text": "x"})),
        Unprocessable,
        "The list has 2 items.",
        f"{FIRST}.part[2]",
    ),
    "an index before the start": (
        _operation("move", "Patient.name", _index(0, "source"), _index(-1, "destination")),
        Unprocessable,
        "The list has 2 items.",
        f"{FIRST}.part[3]",
    ),
    "a list that is not whole": (
        _operation("move", "Patient.name[0]", _index(0, "source"), _index(0, "destination")),
        Unprocessable,
        "The path must name one whole list.",
        f"{FIRST}.part[1]",
    ),
    "two lists": (
        _operation("move", "Patient.name.given", _index(0, "source"), _index(1, "destination")),
        Unprocessable,
        "The path must name one whole list.",
        f"{FIRST}.part[1]",
    ),
    "an insertion into what does not repeat": (
        _operation("insert", "Patient.deceased", _index(0), _value(valueBoolean=True)),
        Unprocessable,
        "The path must name one whole list.",
        f"{FIRST}.part[1]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    operation, kind, sentence, place = REFUSED[name]
    with pytest.raises(kind) as error:
        _patched(PATIENT, operation)
    (issue,) = error.value.issues
    assert (type(error.value), issue.expression) == (kind, (place,))
    assert issue.diagnostics == sentence or not sentence


def test_the_second_operation_is_named_where_it_is_at_fault() -> None:
    with pytest.raises(Unprocessable) as error:
        _patched(PATIENT, _operation("delete", "Patient.name[0]"), _operation("delete", "Patient | Patient.name"))
    assert error.value.issues[0].expression == ("Parameters.parameter[1].part[1]",)


def test_operations_have_a_limit() -> None:
    with pytest.raises(Invalid):
        _patched(PATIENT, *[_operation("delete", "Patient.photo")] * 1001)
    large = {"resourceType": "Patient", "name": [{"text": "x"} for _ in range(20_000)]}
    with pytest.raises(TooCostly) as error:
        _patched(large, *[_operation("delete", "Patient.name.where(text = 'y')")] * 1000)
    place = error.value.issues[0].expression[0]
    assert re.fullmatch(r"Parameters\.parameter\[\d{2}]\.part\[1]", place)
    with pytest.raises(TooCostly):
        _patched(large, _operation("delete", "Patient.name.where(%resource.name.where(text = 'y').exists())"))


def test_within_arguments_a_path_may_start_at_the_resource() -> None:
    path = "Patient.name.where(given = %resource.name.last().given).use"
    patched = _patched(PATIENT, _operation("replace", path, _value(valueCode="old")))
    assert [name["use"] for name in patched["name"]] == ["official", "old"]


_LEAF = st.text("ab", min_size=1, max_size=2) | st.integers(0, 3) | st.booleans()


@given(
    st.recursive(
        st.dictionaries(st.sampled_from("abc"), _LEAF, min_size=1),
        lambda inner: st.dictionaries(
            st.sampled_from("abcd"), _LEAF | inner | st.lists(inner, min_size=1, max_size=3), min_size=1
        ),
        max_leaves=8,
    )
)
def test_a_tree_that_nobody_changed_is_what_it_was(data: dict[str, Any]) -> None:
    assert Tree(deepcopy(data)).finished() == data


def test_the_patch_itself_stays_as_it_is() -> None:
    contact = {"name": "value", "part": [_name_part("Ann")]}
    first = _operation("add", "Patient", _name("contact"), contact)
    second = _operation("add", "Patient.contact[0].name", _name("family"), _value(valueString="Example"))
    parameters = {"resourceType": "Parameters", "parameter": [first, second]}
    before = deepcopy(parameters)
    assert apply(deepcopy(PATIENT), parameters, R4) == apply(deepcopy(PATIENT), parameters, R4)
    assert parameters == before
