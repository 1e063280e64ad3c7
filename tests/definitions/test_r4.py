"""The definitions of R4 that ship with the project."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import re2

from fhir_server.definitions.compiler import compile_package
from fhir_server.definitions.definitions import R4, r4
from fhir_server.definitions.structures import (
    Binding,
    Constraint,
    Element,
    SearchParameter,
    TypeRef,
    ValueSet,
)
from tests import public_data

ELE_1 = Constraint(
    "ele-1",
    "error",
    "hasValue() or (children().count() > id.count())",
    "All FHIR elements must have a @value or children",
)
FHIR = "http://hl7.org/fhir/"


def elements(within: tuple[Element, ...]) -> Iterator[Element]:
    for element in within:
        yield element
        yield from elements(element.elements)


def every_element() -> Iterator[Element]:
    for name in r4().names:
        yield from elements(r4().structure(name).elements)


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_shipped_form_is_what_the_package_gives(tmp_path: Path) -> None:
    package = public_data.folder("packages/hl7.fhir.r4.core.tgz")
    report = compile_package(package, tmp_path / "r4", lambda _: None)
    assert content(tmp_path / "r4") == content(R4)
    assert report.package == "hl7.fhir.r4.core 4.0.1"
    assert report.counts == {
        "resource types": 146,
        "complex datatypes": 40,
        "primitive datatypes": 20,
        "abstract types": 4,
        "elements": 7473,
        "search parameters": 1400,
        "compartments": 5,
        "value sets, complete": 220,
        "value sets, incomplete": 8,
        "code systems with a hierarchy": 69,
    }
    assert {reason: len(names) for reason, names in report.left_out.items()} == {
        "definition of an extension: belongs to the profiles": 393,
        "example of a compartment that is defined elsewhere": 1,
        "logical model: no data of this type exists": 5,
        "profile that no element of a type uses: belongs to the profiles": 47,
        "value set whose codes the package does not have in full: it refuses no code": 8,
    }


def test_it_says_where_it_comes_from() -> None:
    package = r4().package
    assert (package.name, package.version, package.fhir_version, package.license) == (
        "hl7.fhir.r4.core",
        "4.0.1",
        "4.0.1",
        "CC0-1.0",
    )
    readme = (R4 / "README.md").read_text()
    assert package.sha256 in readme
    assert "CC0-1.0" in readme


def test_it_is_small() -> None:
    assert sum(map(len, content(R4).values())) < 2_000_000


def test_the_index_names_every_file() -> None:
    files = json.loads((R4 / "index.json").read_text())["files"]
    assert set(content(R4)) == set(files) | {"index.json", "README.md"}


def test_how_many_of_each_kind() -> None:
    structures = [r4().structure(name) for name in r4().names]
    assert Counter((each.kind, each.abstract) for each in structures) == {
        ("resource", False): 146,
        ("resource", True): 2,
        ("complex-type", False): 40,
        ("complex-type", True): 2,
        ("primitive-type", False): 20,
    }
    assert r4().resource_types == tuple(
        sorted(each.name for each in structures if each.kind == "resource" and not each.abstract)
    )
    assert sum(1 for _ in every_element()) == 7473


def test_every_type_is_known_and_every_target_is_a_resource_type() -> None:
    for element in every_element():
        for each in element.types:
            assert each.code in r4().names, element.path
            assert each.profile in (None, "SimpleQuantity"), element.path
            assert all(r4().is_resource_type(target) for target in each.targets), element.path
            assert not each.targets or each.code in ("Reference", "canonical"), element.path


def test_every_element_has_types_or_repeats_another() -> None:
    for element in every_element():
        assert bool(element.types) != bool(element.content_reference), element.path
        assert element.choice == (element.path.endswith("[x]")), element.path
        assert element.choice or len(element.types) < 2, element.path
        assert not element.elements or element.types[0].code in ("BackboneElement", "Element"), element.path
        assert element.path.rpartition(".")[2] == element.name + "[x]" * element.choice


def test_every_content_reference_resolves() -> None:
    references = {each.path: each.content_reference for each in every_element() if each.content_reference}
    assert len(references) == 55
    for path, target in references.items():
        assert r4().element(target).elements, path


def test_every_element_is_found_by_its_path() -> None:
    for name in r4().resource_types:
        for element in elements(r4().structure(name).elements):
            assert r4().element(element.path) is element


def test_every_required_binding_has_a_value_set() -> None:
    required = {
        each.binding.value_set for each in every_element() if each.binding and each.binding.strength == "required"
    }
    assert len(required) == 224
    found = {url: r4().value_set(url) for url in required}
    assert {url for url, each in found.items() if each is None or not each.complete} == {
        FHIR + "ValueSet/currencies",
        FHIR + "ValueSet/mimetypes",
        FHIR + "ValueSet/ucum-units",
        "http://loinc.org/vs/LL379-9",
    }
    assert all(each and (each.codes or not each.complete) for each in found.values())


def test_elements_whole() -> None:
    assert r4().element("Observation.subject") == Element(
        name="subject",
        path="Observation.subject",
        min=0,
        max=1,
        types=(TypeRef("Reference", ("Patient", "Group", "Device", "Location")),),
        constraints=(ELE_1,),
        is_summary=True,
    )
    assert r4().element("Observation.status") == Element(
        name="status",
        path="Observation.status",
        min=1,
        max=1,
        types=(TypeRef("code"),),
        binding=Binding("required", FHIR + "ValueSet/observation-status"),
        constraints=(ELE_1,),
        is_summary=True,
        is_modifier=True,
    )
    assert r4().element("MedicationRequest.medication[x]") == Element(
        name="medication",
        path="MedicationRequest.medication[x]",
        min=1,
        max=1,
        types=(TypeRef("CodeableConcept"), TypeRef("Reference", ("Medication",))),
        choice=True,
        binding=Binding("example", FHIR + "ValueSet/medication-codes"),
        constraints=(ELE_1,),
        is_summary=True,
    )
    assert r4().element("Observation.component.referenceRange") == Element(
        name="referenceRange",
        path="Observation.component.referenceRange",
        min=0,
        max=None,
        content_reference="Observation.referenceRange",
        constraints=(ELE_1,),
    )
    assert r4().element("Dosage.maxDosePerLifetime").types == (TypeRef("Quantity", profile="SimpleQuantity"),)
    assert r4().element("CarePlan.instantiatesCanonical").types == (
        TypeRef(
            "canonical", ("PlanDefinition", "Questionnaire", "Measure", "ActivityDefinition", "OperationDefinition")
        ),
    )
    assert r4().element("Bundle.entry.resource").types == (TypeRef("Resource"),)
    assert r4().element("Provenance.target").types == (TypeRef("Reference"),)
    assert len(r4().element("Extension.value[x]").types) == 50


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("Patient.id", "id"),
        ("Resource.id", "id"),
        ("Patient.contact.id", "string"),
        ("HumanName.id", "string"),
        ("Element.id", "string"),
        ("xhtml.id", "string"),
        ("Extension.url", "uri"),
        ("decimal.value", "decimal"),
        ("unsignedInt.value", "integer"),
        ("markdown.value", "string"),
        ("oid.value", "uri"),
        ("instant.value", "instant"),
        ("Narrative.div", "xhtml"),
    ],
)
def test_what_the_definitions_call_a_type_of_fhirpath_has_a_type_of_fhir(path: str, code: str) -> None:
    assert r4().element(path).types == (TypeRef(code),)


def test_the_elements_of_a_type_stand_in_their_order_with_those_inherited() -> None:
    assert [each.name for each in r4().structure("Bundle").elements] == [
        "id",
        "meta",
        "implicitRules",
        "language",
        "identifier",
        "type",
        "timestamp",
        "total",
        "link",
        "entry",
        "signature",
    ]
    entry = r4().element("Bundle.entry")
    assert [each.name for each in entry.elements] == [
        "id",
        "extension",
        "modifierExtension",
        "link",
        "fullUrl",
        "resource",
        "search",
        "request",
        "response",
    ]
    assert [each.key for each in entry.constraints] == ["bdl-5", "bdl-8", "ele-1"]
    assert {each.key for each in r4().structure("Bundle").constraints} == {
        f"bdl-{number}" for number in (*range(1, 5), 7, *range(9, 13))
    }


def test_the_invariants_of_one_key_are_those_of_their_type() -> None:
    assert [each.human for each in r4().structure("Task").constraints if each.key == "inv-1"] == [
        "Last modified date must be greater than or equal to authored-on date."
    ]
    parameter = r4().element("Parameters.parameter")
    assert [each.human for each in parameter.constraints if each.key == "inv-1"] == [
        "A parameter must have one and only one of (value, resource, part)"
    ]


def test_the_primitives() -> None:
    primitives = {name: r4().structure(name) for name in r4().names if r4().structure(name).kind == "primitive-type"}
    assert {name: each.json for name, each in primitives.items() if each.json != "string"} == {
        "boolean": "boolean",
        "decimal": "number",
        "integer": "number",
        "positiveInt": "number",
        "unsignedInt": "number",
    }
    assert [name for name, each in primitives.items() if each.pattern is None] == ["xhtml"]
    for each in primitives.values():
        if each.pattern is not None:
            assert re2.compile(each.pattern)
    assert primitives["id"].pattern == r"[A-Za-z0-9\-\.]{1,64}"
    assert primitives["positiveInt"].base == "integer"
    assert primitives["unsignedInt"].pattern == "[0]|([1-9][0-9]*)"


def test_a_simple_quantity_has_no_comparator() -> None:
    simple = r4().structure("SimpleQuantity")
    assert simple.base == "Quantity"
    assert {each.name: each.max for each in simple.elements} == {
        "id": 1,
        "extension": None,
        "value": 1,
        "comparator": 0,
        "unit": 1,
        "system": 1,
        "code": 1,
    }
    assert [each.key for each in simple.constraints] == ["ele-1", "qty-3", "sqty-1"]


def test_the_search_parameters() -> None:
    found = {name: r4().search_parameters(name) for name in r4().resource_types}
    urls = {each.url for parameters in found.values() for each in parameters.values()}
    assert len(urls) == 1400 - 10 - 2  # ten have no base; two examples are called as a real one is
    assert found["Patient"]["_id"] == SearchParameter(
        "_id", FHIR + "SearchParameter/Resource-id", "token", ("Resource",), "Resource.id"
    )
    assert found["Condition"]["subject"] == SearchParameter(
        "subject",
        FHIR + "SearchParameter/Condition-subject",
        "reference",
        ("Condition",),
        "Condition.subject",
        ("Group", "Patient"),
    )
    assert found["Observation"]["code-value-quantity"] == SearchParameter(
        code="code-value-quantity",
        url=FHIR + "SearchParameter/Observation-code-value-quantity",
        type="composite",
        base=("Observation",),
        expression="Observation",
        components=(
            (FHIR + "SearchParameter/clinical-code", "code"),
            (FHIR + "SearchParameter/Observation-value-quantity", "value.as(Quantity)"),
        ),
    )
    assert "_text" in found["Patient"]
    assert "_text" not in found["Bundle"]
    for name, parameters in found.items():
        assert list(parameters) == sorted(parameters)
        for code, each in parameters.items():
            assert code == each.code
            assert {name, "Resource", "DomainResource"} & set(each.base)


def test_the_components_of_a_composite_are_parameters_of_the_same_type() -> None:
    composites = set()
    for name in r4().resource_types:
        parameters = r4().search_parameters(name)
        urls = {each.url for each in parameters.values()}
        for each in parameters.values():
            assert all(definition in urls for definition, _ in each.components), each.url
            assert bool(each.components) == (each.type == "composite"), each.url
            composites |= {each.url} if each.components else set()
    assert len(composites) == 46


def test_the_compartments() -> None:
    assert r4().compartments == ("Device", "Encounter", "Patient", "Practitioner", "RelatedPerson")
    assert {name: len(r4().compartment(name).parameters) for name in r4().compartments} == {
        "Device": 33,
        "Encounter": 25,
        "Patient": 66,
        "Practitioner": 59,
        "RelatedPerson": 32,
    }
    patient = r4().compartment("Patient").parameters
    assert patient["Observation"] == ("subject", "performer")
    assert patient["CarePlan"] == ("patient", "performer")
    assert patient["Patient"] == ("link",)
    assert r4().compartment("Practitioner").parameters["Practitioner"] == ()
    assert "Organization" not in patient


def test_the_parameters_of_a_compartment_are_references_of_the_type() -> None:
    for name in r4().compartments:
        assert name in r4().compartment(name).parameters
        for member, codes in r4().compartment(name).parameters.items():
            for code in codes:
                parameter = r4().search_parameters(member)[code]
                assert parameter.type == "reference", (name, member, code)
                assert parameter.expression, (name, member, code)


def test_value_sets_whole() -> None:
    assert r4().value_set(FHIR + "ValueSet/administrative-gender") == ValueSet(
        FHIR + "ValueSet/administrative-gender",
        {FHIR + "administrative-gender": frozenset({"male", "female", "other", "unknown"})},
    )
    assert r4().value_set(FHIR + "ValueSet/observation-status") == ValueSet(
        FHIR + "ValueSet/observation-status",
        {
            FHIR + "observation-status": frozenset(
                {
                    "registered",
                    "preliminary",
                    "final",
                    "amended",
                    "corrected",
                    "cancelled",
                    "entered-in-error",
                    "unknown",
                }
            )
        },
    )
    assert r4().value_set(FHIR + "ValueSet/units-of-time") == ValueSet(
        FHIR + "ValueSet/units-of-time",
        {"http://unitsofmeasure.org": frozenset({"s", "min", "h", "d", "wk", "mo", "a"})},
    )
    for name in ("mimetypes", "currencies", "ucum-units", "all-languages"):
        assert r4().value_set(FHIR + "ValueSet/" + name) == ValueSet(FHIR + "ValueSet/" + name, {}, complete=False)
    assert r4().value_set(FHIR + "ValueSet/observation-codes") is None


def test_codes_that_lie_deep_in_a_code_system_are_there() -> None:
    statuses = r4().value_set(FHIR + "ValueSet/condition-clinical")
    assert statuses is not None
    assert statuses.codes == {
        "http://terminology.hl7.org/CodeSystem/condition-clinical": frozenset(
            {"active", "recurrence", "relapse", "inactive", "remission", "resolved"}
        )
    }
    types = r4().value_set(FHIR + "ValueSet/resource-types")
    assert types is not None
    assert set(r4().resource_types) < types.codes[FHIR + "resource-types"]
