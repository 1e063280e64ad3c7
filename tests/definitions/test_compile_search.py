import pytest

from fhir_server.definitions.compile_search import compile_compartments, compile_search_parameters
from fhir_server.definitions.layout import SearchEntry
from fhir_server.definitions.package import PackageError
from fhir_server.definitions.source import CompartmentMember, CompartmentSource, ComponentSource, SearchSource

KNOWN = frozenset({"Patient", "Device", "Observation"})


def test_search_parameters_are_sorted_and_whole() -> None:
    sources = [
        SearchSource("subject", "urn:s", "reference", ["Observation", "Device"], "a.b", ["Patient", "Device"]),
        SearchSource(
            "code-value", "urn:c", "composite", ["Observation"], "Observation", [], [ComponentSource("urn:s", "x")]
        ),
        SearchSource("code", "urn:e", "token", [], experimental=True),
    ]
    assert compile_search_parameters(sources, KNOWN) == [
        SearchEntry("code", "urn:e", "token", experimental=True),
        SearchEntry("code-value", "urn:c", "composite", ("Observation",), "Observation", (), (("urn:s", "x"),)),
        SearchEntry("subject", "urn:s", "reference", ("Device", "Observation"), "a.b", ("Device", "Patient")),
    ]


@pytest.mark.parametrize(
    "source",
    [
        SearchSource("code", "urn:e", "token", ["Nothing"]),
        SearchSource("code", "urn:e", "reference", ["Patient"], target=["Nothing"]),
    ],
)
def test_refuses_a_parameter_of_an_unknown_type(source: SearchSource) -> None:
    with pytest.raises(PackageError) as caught:
        compile_search_parameters([source], KNOWN)
    assert str(caught.value) == "The search parameter urn:e names the type Nothing, which the package lacks."


def test_refuses_two_parameters_of_one_name_unless_one_is_experimental() -> None:
    first = SearchSource("code", "urn:a", "token", ["Patient", "Device"])
    second = SearchSource("code", "urn:b", "token", ["Device"])
    with pytest.raises(PackageError) as caught:
        compile_search_parameters([second, first], KNOWN)
    assert str(caught.value) == "Two search parameters of Device are called code: urn:a, urn:b."
    example = SearchSource("code", "urn:b", "token", ["Device"], experimental=True)
    assert [each.url for each in compile_search_parameters([example, first], KNOWN)] == ["urn:a", "urn:b"]


PARAMETERS = [
    SearchEntry("subject", "urn:s", "reference", ("Observation",)),
    SearchEntry("performer", "urn:p", "reference", ("Observation",)),
    SearchEntry("link", "urn:l", "reference", ("Patient",)),
]


def test_a_compartment_always_holds_its_own_type() -> None:
    patient = CompartmentSource(
        "http://example.org/patient",
        "Patient",
        [
            CompartmentMember("Patient", ["link"]),
            CompartmentMember("Observation", ["subject", "performer"]),
            CompartmentMember("Device"),
        ],
    )
    device = CompartmentSource("http://example.org/device", "Device", [CompartmentMember("Device")])
    observation = CompartmentSource(
        "http://example.org/observation", "Observation", [CompartmentMember("Observation", ["{def}"])]
    )
    example = CompartmentSource("http://example.org/CompartmentDefinition/example", "Device", [])
    assert compile_compartments([example, patient, device, observation], PARAMETERS) == (
        {
            "Device": {"Device": ()},
            "Observation": {"Observation": ()},
            "Patient": {"Observation": ("subject", "performer"), "Patient": ("link",)},
        },
        {"example of a compartment that is defined elsewhere": ["http://example.org/CompartmentDefinition/example"]},
    )


def test_refuses_a_compartment_by_a_parameter_that_does_not_exist() -> None:
    wrong = CompartmentSource("urn:c", "Patient", [CompartmentMember("Observation", ["subjekt"])])
    with pytest.raises(PackageError) as caught:
        compile_compartments([wrong], PARAMETERS)
    assert str(caught.value) == "The compartment Patient names subjekt of Observation, which does not exist."


def test_refuses_two_definitions_of_one_compartment() -> None:
    twice = [CompartmentSource(url, "Patient", []) for url in ("urn:a", "urn:b")]
    with pytest.raises(PackageError) as caught:
        compile_compartments(twice, PARAMETERS)
    assert str(caught.value) == "The package defines the compartment Patient twice."
