"""What compiled expressions give, with types; what is known before they run; what is refused."""

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.fhirpath.errors import EvaluationError, ExpressionInvalid, ExpressionNotSupported
from tests.fhirpath.evaluating import COMPILER, FOR_SEARCH, evaluate, evaluate_any

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "extension": [
        {"url": "http://a", "valueString": "one"},
        {"url": "http://b", "extension": [{"url": "c", "valueCode": "x"}]},
    ],
    "active": True,
    "name": [
        {"use": "official", "family": "Chalmers", "given": ["Peter", "James"]},
        {"use": "usual", "given": ["Jim", None], "_given": [None, {"extension": [{"url": "http://n"}]}]},
    ],
    "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}, {"value": "3"}],
    "birthDate": "1974-12-25",
    "_birthDate": {"extension": [{"url": "http://t", "valueDateTime": "1974-12-25T14:35:45-05:00"}]},
    "deceasedBoolean": False,
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Home"}],
}

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "subject": {"reference": "Patient/1"},
    "performer": [{"reference": "Patient/1"}, {"reference": "Practitioner/2"}],
    "effectivePeriod": {"start": "2026-01-01"},
    "component": [
        {"code": {"text": "a"}, "valueQuantity": {"value": Decimal("107.10")}},
        {"code": {"text": "b"}, "valueString": "high"},
    ],
}


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("Patient.name.family", [("string", "Chalmers")]),
        ("name.given", [("string", "Peter"), ("string", "James"), ("string", "Jim"), ("string", None)]),
        ("Resource.id", [("id", "p1")]),
        ("DomainResource.active", [("boolean", True)]),
        ("Practitioner.name", []),
        ("Patient.deceased", [("boolean", False)]),
        ("Patient.deceased as dateTime", []),
        ("Patient.deceased.exists() and Patient.deceased != false", [("System.Boolean", False)]),
        ("Patient.telecom.where(system='phone')", [("ContactPoint", {"system": "phone", "value": "1"})]),
        ("Patient.telecom.where('email' = system).value", [("string", "2")]),
        ("Patient.telecom.where(system.exists()).value", [("string", "1"), ("string", "2")]),
        ("Patient.telecom.where(system != 'phone').value", [("string", "2")]),
        ("Patient.telecom[1].value", [("string", "2")]),
        ("Patient.telecom[9]", []),
        ("Patient.name.first().family", [("string", "Chalmers")]),
        ("Patient.name.last().use", [("code", "usual")]),
        ("Patient.name.given | Patient.name.family", 5),
        ("Patient.name.use | Patient.name.use", [("code", "official"), ("code", "usual")]),
        ("Patient.contained.name", [("string", "Home")]),
        ("Patient.contained", [("Organization", {"resourceType": "Organization", "id": "o", "name": "Home"})]),
        ("Patient.contained.ofType(Organization).id", [("id", "o")]),
        ("Patient.contained.ofType(Patient)", []),
        ("Patient.contained.is(DomainResource)", [("System.Boolean", True)]),
        ("Patient.extension('http://a').value", [("string", "one")]),
        ("Patient.extension('http://b').extension('c').value", [("code", "x")]),
        ("Patient.extension('http://a').value as code", []),
        ("Patient.extension({})", []),
        ("Patient.birthDate.extension('http://t').value", [("dateTime", "1974-12-25T14:35:45-05:00")]),
        ("Patient.birthDate.extension.url", [("uri", "http://t")]),
        ("Patient.name.given.hasExtension('http://n')", [("System.Boolean", True)]),
        ("Patient.birthDate.hasExtension('http://x')", [("System.Boolean", False)]),
        ("Patient.gender.is(code)", []),
        ("Patient.active is boolean", [("System.Boolean", True)]),
        ("Patient.name.first().family is FHIR.string", [("System.Boolean", True)]),
        ("Patient is Resource", [("System.Boolean", True)]),
        ("Patient.name.use.first().is(string)", [("System.Boolean", True)]),
        ("Patient.name.use.as(string)", []),
        ("$this.id", [("id", "p1")]),
        ("name.where($this.use = 'usual').given.first()", [("string", "Jim")]),
        ("name.where(%resource.id = 'p1').family", [("string", "Chalmers")]),
        ("{}", []),
        ("'x' | 1 | 1.0 | true", [("System.String", "x"), ("System.Integer", 1), ("System.Boolean", True)]),
        ("name.empty() or active.not()", [("System.Boolean", False)]),
        ("name.exists(use = 'usual')", [("System.Boolean", True)]),
        ("telecom.exists(rank = 1)", [("System.Boolean", False)]),
    ],
)
def test_what_an_expression_gives(expression: str, result: list[tuple[str, Any]] | int) -> None:
    found = evaluate(expression, PATIENT)
    assert (len(found) if isinstance(result, int) else found) == result


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        # R4's search expressions use `as` on collections: it filters them.
        ("(Observation.component.value as Quantity)", [("Quantity", {"value": Decimal("107.10")})]),
        ("Observation.component.value.as(string)", [("string", "high")]),
        ("Observation.component.value.ofType(Quantity).value", [("decimal", Decimal("107.10"))]),
        ("Observation.component.code.text", [("string", "a"), ("string", "b")]),
        ("Observation.effective.start", [("dateTime", "2026-01-01")]),
        ("Observation.effective as Period", [("Period", {"start": "2026-01-01"})]),
        ("Observation.component.where(value is Quantity).code.text", [("string", "a")]),
        ("Observation.component.where(value.as(string) = 'high').code.text", [("string", "b")]),
        ("Observation.subject.where(resolve() is Patient)", [("Reference", {"reference": "Patient/1"})]),
        ("Observation.performer.where(resolve() is Practitioner).reference", [("string", "Practitioner/2")]),
        ("Observation.performer.where(resolve() is DomainResource).reference", 2),
        ("Observation.performer.resolve().ofType(Patient).exists()", [("System.Boolean", True)]),
        ("AllergyIntolerance.code | Observation.component.code.text | Condition.code", 2),
    ],
)
def test_choices_and_references(expression: str, result: list[tuple[str, Any]] | int) -> None:
    types = {"Patient/1": "Patient", "Practitioner/2": "Practitioner"}
    found = evaluate(expression, OBSERVATION, **types)
    assert (len(found) if isinstance(result, int) else found) == result


def test_what_is_known_before_it_runs() -> None:
    code = FOR_SEARCH.compile(
        "Condition.code | Observation.code.where(coding.exists()) | (Observation.component.value as Quantity)",
        "Observation",
    )
    assert code.types == frozenset({"CodeableConcept", "Quantity"})
    assert code.keys == frozenset({"code", "component"})
    assert code.paths == {"Observation.code", "Observation.component.value"}
    assert code.reads == {
        "Observation.code",
        "Observation.code.coding",
        "Observation.component",
        "Observation.component.value",
    }
    assert [branch.types for branch in code.branches] == [frozenset({"CodeableConcept"}), frozenset({"Quantity"})]


def test_as_on_a_choice_of_the_resource_needs_the_one_property() -> None:
    assert COMPILER.compile("(Observation.value as Quantity)", "Observation").keys == frozenset({"valueQuantity"})
    assert COMPILER.compile("Observation.value as string", "Observation").keys == frozenset(
        {"valueString", "_valueString"}
    )
    assert COMPILER.compile("Patient.birthDate", "Patient").keys == frozenset({"birthDate", "_birthDate"})


def test_an_expression_for_other_types_is_always_empty() -> None:
    code = FOR_SEARCH.compile("Condition.code | Procedure.code.where(text = 'a').coding", "Observation")
    assert code.always_empty
    assert evaluate("Condition.code", OBSERVATION) == []


def test_a_filter_by_type_tells_the_targets() -> None:
    patient = FOR_SEARCH.compile("Observation.subject.where(resolve() is Patient)", "Observation")
    assert patient.targets == frozenset({"Patient"})
    assert FOR_SEARCH.compile("Observation.subject", "Observation").targets is None
    assert [each.path for each in patient.elements] == ["Observation.subject"]


def test_an_expression_is_compiled_once_for_a_type() -> None:
    assert COMPILER.compile("Patient.name", "Patient") is COMPILER.compile("Patient.name", "Patient")


@pytest.mark.parametrize(
    ("expression", "kind", "reason", "offset"),
    [
        ("Patient.nmae", ExpressionInvalid, "Patient has no element nmae", 8),
        ("Patient.name.where(uze = 'x')", ExpressionInvalid, "HumanName has no element uze", 19),
        ("Patient.deceased.start", ExpressionInvalid, "boolean or dateTime has no element start", 17),
        ("Patient.name.foo()", ExpressionInvalid, "There is no function foo()", 13),
        ("Patient.name.where()", ExpressionInvalid, "The function where() does not take 0 arguments", 13),
        ("Patient.name.first(1)", ExpressionInvalid, "The function first() does not take 1 arguments", 13),
        ("Patient.deceased as Foo", ExpressionInvalid, "There is no type Foo", 17),
        ("Patient.deceased.as(Foo)", ExpressionInvalid, "There is no type Foo", 20),
        ("Patient.deceased.as('x')", ExpressionInvalid, "The function as() takes the name of a type", 20),
        ("Encounter.name", ExpressionInvalid, "Patient has no element Encounter", 0),
        ("%vitals", ExpressionInvalid, "There is no variable %vitals", 0),
        ("@2015-13", ExpressionInvalid, "@2015-13 is no date", 0),
        ("@T25", ExpressionInvalid, "@T25 is no time", 0),
        ("4 'mgg'", ExpressionInvalid, "'mgg' is no unit of UCUM", 0),
        ("1 + 99999999999", ExpressionInvalid, "99999999999 is too large for System.Integer", 4),
        ("defineVariable(active)", ExpressionNotSupported, "The name of a variable is a string, written out", 15),
        ("defineVariable('a').defineVariable('a')", ExpressionInvalid, "The variable %a is defined already", 35),
        ("defineVariable('context')", ExpressionInvalid, "The variable %context is defined already", 15),
        ("select(defineVariable('a')).select(%a)", ExpressionInvalid, "There is no variable %a", 35),
        ("%a | defineVariable('a')", ExpressionInvalid, "There is no variable %a", 0),
        ("children().elementDefinition()", ExpressionNotSupported, "It is not known which element this is", 11),
    ],
)
def test_what_is_refused_when_it_is_compiled(
    expression: str, kind: type[ExpressionInvalid | ExpressionNotSupported], reason: str, offset: int
) -> None:
    with pytest.raises(kind) as caught:
        COMPILER.compile(expression, "Patient")
    error = caught.value
    assert isinstance(error, ExpressionInvalid | ExpressionNotSupported)
    assert (error.reason, error.offset) == (reason, offset)
    assert str(caught.value) == f"{reason} (column {offset + 1} of the FHIRPath expression {expression!r})"


@pytest.mark.parametrize("function", ["now()", "today()", "birthDate.memberOf('http://x')", "conformsTo('http://x')"])
def test_an_index_has_nothing_that_changes_without_the_resource(function: str) -> None:
    assert COMPILER.compile(function, "Patient")
    with pytest.raises(ExpressionNotSupported):
        FOR_SEARCH.compile(function, "Patient")


def test_of_what_an_index_resolves_only_the_type_is_known() -> None:
    with pytest.raises(ExpressionNotSupported) as caught:
        FOR_SEARCH.compile("Patient.managingOrganization.resolve().name", "Patient")
    assert (caught.value.reason, caught.value.offset) == ("Of what resolve() gives only the type may be asked", 39)
    assert evaluate_any("Patient.managingOrganization.resolve().name", PATIENT) == []


@pytest.mark.parametrize(
    "expression", ["Patient.name is HumanName", "name and active", "telecom[name]", "telecom['a']", "name.not()"]
)
def test_data_that_does_not_fit_an_expression(expression: str) -> None:
    with pytest.raises(EvaluationError):
        evaluate(expression, PATIENT)
