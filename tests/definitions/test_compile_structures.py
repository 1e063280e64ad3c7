from typing import Any

import msgspec
import pytest

from fhir_server.definitions.compile_structures import Structures, compile_structures
from fhir_server.definitions.layout import ElementEntry, StructureEntry, TypeEntry
from fhir_server.definitions.package import PackageError
from fhir_server.definitions.source import StructureSource
from tests.definitions.small_package import CANONICAL, ELE_1, element, structure, system_type, types

QUANTITY_PROFILE = CANONICAL + "SmallQuantity"


def compiled(*definitions: dict[str, Any]) -> Structures:
    """The structures of the small types and these."""
    return compile_structures(msgspec.convert([*types(), *definitions], list[StructureSource]))


def entry(name: str, *definitions: dict[str, Any]) -> StructureEntry:
    return next(each for each in compiled(*definitions).entries if each.name == name)


def device(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return structure("Device", "resource", "Resource", elements, **more)


def refusal(*definitions: dict[str, Any]) -> str:
    with pytest.raises(PackageError) as caught:
        compiled(*definitions)
    return str(caught.value)


def test_a_resource_type_whole() -> None:
    assert entry("Patient") == StructureEntry(
        name="Patient",
        kind="resource",
        base="Resource",
        abstract=False,
        pattern=None,
        json=None,
        root=(),
        constraints={"ele-1": (ELE_1["severity"], ELE_1["expression"], ELE_1["human"])},
        elements=(
            ElementEntry("Patient.id", types=("id",), summary=True),
            ElementEntry("Patient.active", types=("boolean",), constraints=("ele-1",), modifier=True),
            ElementEntry("Patient.contact", max=None, types=("BackboneElement",)),
            ElementEntry("Patient.contact.note", min=1, types=("string",)),
            ElementEntry("Patient.contact.more", content_reference="Patient.contact"),
        ),
    )


@pytest.mark.parametrize(
    ("name", "pattern", "json", "value"),
    [
        ("string", r"\S+", "string", "string"),
        ("code", "[a-z]+", "string", "string"),
        ("id", None, "string", "string"),
        ("boolean", "true|false", "boolean", "boolean"),
        ("integer", "[0-9]+", "number", "integer"),
        ("positiveInt", "[1-9][0-9]*", "number", "integer"),
    ],
)
def test_primitives(name: str, pattern: str | None, json: str, value: str) -> None:
    found = entry(name)
    assert (found.pattern, found.json) == (pattern, json)
    assert found.elements == (
        ElementEntry(f"{name}.id", types=("string",)),
        ElementEntry(f"{name}.value", types=(value,)),
    )


def test_types_are_those_of_fhir_with_their_targets() -> None:
    patient = {"code": "Reference", "targetProfile": [CANONICAL + "Patient", CANONICAL + "Device"]}
    anything = {"code": "Reference", "targetProfile": [CANONICAL + "Patient", CANONICAL + "Resource"]}
    found = entry(
        "Device",
        device(
            element("Device.id", system_type("String", "string")),
            element("Device.url", system_type("String", "code")),
            element("Device.plain", system_type("String")),
            element("Device.owner", patient),
            element("Device.any", anything, {"code": "Reference"}),
            element("Device.value[x]", "string", patient),
        ),
    )
    reference = TypeEntry("Reference", ("Patient", "Device"))
    assert {each.path: each.types for each in found.elements} == {
        "Device.id": ("id",),
        "Device.url": ("code",),
        "Device.plain": ("string",),
        "Device.owner": (reference,),
        "Device.any": ("Reference", "Reference"),
        "Device.value[x]": ("string", reference),
    }


def test_a_profile_of_a_datatype_is_kept_where_a_type_uses_it() -> None:
    profile = structure("SmallQuantity", "complex-type", "Quantity", [], type="Quantity", derivation="constraint")
    unused = structure("OtherQuantity", "complex-type", "Quantity", [], type="Quantity", derivation="constraint")
    extension = structure("birthPlace", "complex-type", "Extension", [], type="Extension", derivation="constraint")
    logical = structure("Event", "logical", None, [])
    user = device(element("Device.size", {"code": "Quantity", "profile": [QUANTITY_PROFILE]}))
    found = compiled(profile, unused, extension, logical, user)
    by_name = {each.name: each for each in found.entries}
    assert by_name["Device"].elements[0].types == (TypeEntry("Quantity", profile="SmallQuantity"),)
    assert by_name["SmallQuantity"].base == "Quantity"
    assert {"OtherQuantity", "birthPlace", "Event"}.isdisjoint(by_name)
    assert found.left_out == {
        "logical model: no data of this type exists": ["Event"],
        "profile that no element of a type uses: belongs to the profiles": ["OtherQuantity"],
        "definition of an extension: belongs to the profiles": ["birthPlace"],
    }


def test_bindings_and_the_value_sets_that_must_be_known() -> None:
    largest = {"url": CANONICAL + "elementdefinition-maxValueSet", "valueCanonical": "http://example.org/largest"}
    found = compiled(
        device(
            element("Device.a", "code", binding={"strength": "required", "valueSet": "http://example.org/a|4.0.1"}),
            element("Device.b", "code", binding={"strength": "preferred", "valueSet": "http://example.org/b"}),
            element("Device.c", "code", binding={"strength": "example"}),
            element(
                "Device.d",
                "code",
                binding={"strength": "extensible", "valueSet": "http://example.org/d", "extension": [largest]},
            ),
        )
    )
    bound = next(each for each in found.entries if each.name == "Device")
    assert [each.binding for each in bound.elements] == [
        ("required", "http://example.org/a"),
        ("preferred", "http://example.org/b"),
        None,
        ("extensible", "http://example.org/d"),
    ]
    assert found.value_sets == {"http://example.org/a|4.0.1", "http://example.org/largest"}


def test_an_invariant_without_expression_cannot_be_checked_and_is_left_out() -> None:
    words = {"key": "dev-1", "severity": "error", "human": "Only in words"}
    rule = {"key": "dev-2", "severity": "warning", "human": "A rule", "expression": "a.exists()"}
    found = entry("Device", device(element("Device.a", "string", constraint=[words, ELE_1]), root=[rule, words]))
    assert found.root == ("dev-2",)
    assert found.elements[0].constraints == ("ele-1",)
    assert list(found.constraints) == ["dev-2", "ele-1"]


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        (
            [element("Device.a", "Nothing")],
            "The element Device.a names the type Nothing, which the package does not define.",
        ),
        (
            [element("Device.a", {"code": "Reference", "targetProfile": [CANONICAL + "Nothing"]})],
            "The element Device.a names the type Nothing, which the package does not define.",
        ),
        (
            [element("Device.a", {"code": "Reference", "targetProfile": [CANONICAL + "string"]})],
            "The element Device.a refers to what is not a resource type.",
        ),
        (
            [element("Device.a", {"code": "Reference", "targetProfile": ["http://example.org/Own"]})],
            "http://example.org/Own is not the address of a type of FHIR.",
        ),
        (
            [element("Device.a", {"code": "Quantity", "profile": [CANONICAL + "string", CANONICAL + "code"]})],
            "The element Device.a has a type with several profiles.",
        ),
        (
            [element("Device.a", contentReference="#Device.b")],
            "The element Device.a refers to Device.b, which Device does not have.",
        ),
        ([element("Device.a", "string", max="many")], "The maximum of Device.a is 'many': neither * nor a number."),
        ([element("Device.a", "string", max="²")], "The maximum of Device.a is '²': neither * nor a number."),
        (
            [element("Device.a", "string"), element("Device.a", "string")],
            "The definition of Device has Device.a twice or out of place.",
        ),
        (
            [element("Device.a\n\x1b[2J", "Nothing")],
            "The element Device.a\ufffd\ufffd[2J names the type Nothing, which the package does not define.",
        ),
        ([element("Device.a.b", "string")], "The definition of Device has Device.a.b twice or out of place."),
        ([element("Patient.a", "string")], "The definition of Device has Patient.a twice or out of place."),
        (
            [
                element("Device.a", "string", constraint=[ELE_1]),
                element("Device.b", "string", constraint=[ELE_1 | {"expression": "true"}]),
            ],
            "The definition of Device has two invariants ele-1.",
        ),
    ],
)
def test_refuses_a_definition_that_contradicts_itself_or_the_others(
    elements: list[dict[str, Any]], message: str
) -> None:
    assert refusal(device(*elements)) == message


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (device(snapshot=None), "The definition of Device has no snapshot."),
        (device(snapshot={"element": []}), "The definition of Device has no snapshot."),
        (
            device() | {"name": "../Device"},
            "The definition 'http://hl7.org/fhir/StructureDefinition/Device' has the name '../Device', "
            "which is not that of a type.",
        ),
        (
            device() | {"url": "http://example.org/Device"},
            "The definition 'http://example.org/Device' has the name 'Device', which is not that of a type.",
        ),
        (structure("patient", "resource", "Resource", []), "The package defines the type patient twice."),
        (
            structure("Device", "resource", "Nothing", []),
            "The type Device derives from Nothing, which is not there or derives from it.",
        ),
        (
            structure("Device", "resource", "Device", []),
            "The type Device derives from Device, which is not there or derives from it.",
        ),
        (structure("tag", "primitive-type", "string", []), "The primitive tag has no value of one type."),
    ],
)
def test_refuses_a_type_that_cannot_be_one(definition: dict[str, Any], message: str) -> None:
    assert refusal(definition) == message
