"""Values that are read directly are those that the expression finds."""

from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.fhirpath.code import Code, Env, Item
from fhir_server.fhirpath.compiler import Compiler
from fhir_server.search.parameters import parameters_of
from tests.search.samples import OBSERVATION, PATIENT

COMPILER = Compiler(r4(), for_search=True)


def found(code: Code, resource: dict[str, Any]) -> list[Any]:
    """The values of the results."""
    focus: list[Item] = [(resource["resourceType"], resource, None)]
    return [item[1] for item in code.run(focus, Env(focus[0])) if item[1] is not None]


def read(code: Code, resource: dict[str, Any]) -> list[Any]:
    """The values that are read directly."""
    assert code.direct is not None
    there = resource.get(code.direct.key, [])
    values = there if isinstance(there, list) else [there]
    picked = values if code.direct.pick is None else code.direct.pick(values)
    return [value for value in picked if value is not None]


@pytest.mark.parametrize("resource", [PATIENT, OBSERVATION], ids=["Patient", "Observation"])
def test_every_search_parameter_that_is_read_directly(resource: dict[str, Any]) -> None:
    parameters = parameters_of(r4()).of(resource["resourceType"]).values()
    codes = [code for each in parameters for code in (each.code.branches or (each.code,)) if code.direct is not None]
    assert len(codes) >= 20
    assert [read(code, resource) for code in codes] == [found(code, resource) for code in codes]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Patient.name", [{"given": [None, "Ann"], "_given": [{"id": "g"}, None]}, {"family": "Lee", "use": "old"}]),
        ("Patient.name.given", ["Ann"]),
        ("Patient.name.family", ["Lee"]),
        ("Patient.name.period.start", []),
        ("Patient.gender", ["other"]),
        ("Patient.contact.name.given", ["Bo", "Cy", "Di"]),
        ("Patient.telecom.where(system = 'phone')", [{"system": "phone", "value": "1"}]),
        ("Patient.telecom.where(system = 'phone').value", ["1"]),
        ("(Patient.deceased as boolean)", [False]),
        ("Patient.photo", []),
    ],
)
def test_values(expression: str, expected: list[Any]) -> None:
    resource = {
        "resourceType": "Patient",
        "name": [{"given": [None, "Ann"], "_given": [{"id": "g"}, None]}, {"family": "Lee", "use": "old"}],
        "_gender": {"id": "x"},
        "gender": "other",
        "contact": [{"name": {"given": ["Bo", "Cy"]}}, {"gender": "male"}, {"name": {"given": ["Di"]}}],
        "telecom": [
            {"system": "email", "value": "0"},
            {"system": "phone", "value": "1"},
            {"_system": {"id": "s"}, "value": "2"},
            {"value": "3"},
        ],
        "deceasedBoolean": False,
    }
    code = COMPILER.compile(expression, "Patient")
    assert read(code, resource) == found(code, resource) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "Patient.deceased",
        "Patient.contained",
        "Patient.name.given.extension",
        "Patient.name.first()",
        "Patient.name[0].given",
        "Patient.telecom.where(system != 'phone')",
        "Patient.telecom.where(period.start = '2026')",
        "Patient.telecom.where(rank = 1)",
        "Patient.name.select(family)",
        "%resource.name",
        "(Patient.telecom | Patient.contact.telecom)",
        "Patient.name.given.exists()",
        "(Patient.birthDate | Patient.active.where(false))",
    ],
)
def test_what_needs_more_than_the_values_is_not_read_directly(expression: str) -> None:
    assert COMPILER.compile(expression, "Patient").direct is None


def test_equal_values_that_differ_as_written_are_not_repeated() -> None:
    assert COMPILER.compile("Person.birthDate | Patient.birthDate", "Patient").direct is None
    kept = COMPILER.compile("Person.name | Patient.name", "Patient")
    twice = {"resourceType": "Patient", "name": [{"family": "Lee"}, {"family": "Lee"}]}
    assert found(kept, twice) == [{"family": "Lee"}]
    assert read(kept, twice) == [{"family": "Lee"}, {"family": "Lee"}]
