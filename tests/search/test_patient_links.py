"""Which references say whose record a resource is."""

from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.search.index import PatientLink
from tests.search.samples import BASE, INDEXER, NHS_NUMBER, OBSERVATION, PATIENT


def links(resource: dict[str, Any]) -> list[tuple[str, dict[str, Any], bool]]:
    return [(link.expression, link.reference, link.only_patient) for link in INDEXER.patient_links(resource)]


def test_the_subject_of_an_observation() -> None:
    assert INDEXER.patient_links(OBSERVATION) == [
        PatientLink("Observation.subject", OBSERVATION["subject"], only_patient=False)
    ]


def test_links_of_a_patient_name_their_place() -> None:
    assert links(PATIENT) == [("Patient.link[0].other", {"reference": "Patient/p0"}, False)]


def test_every_place_that_the_compartment_has_is_looked_at() -> None:
    appointment = {
        "resourceType": "Appointment",
        "participant": [
            {"actor": {"reference": "Practitioner/gp1"}},
            {"actor": {"reference": "Patient/p1"}},
            {"actor": {"display": "somebody"}},
        ],
    }
    assert links(appointment) == [("Appointment.participant[1].actor", {"reference": "Patient/p1"}, False)]


def test_an_element_that_holds_patients_only_says_so() -> None:
    consent = {"resourceType": "Consent", "patient": {"reference": "urn:uuid:1"}}
    assert links(consent) == [("Consent.patient", {"reference": "urn:uuid:1"}, True)]


PERSON = {"system": NHS_NUMBER, "value": "9449305552"}


@pytest.mark.parametrize(
    ("subject", "is_link"),
    [
        ({"reference": "Patient/1"}, True),
        ({"reference": f"{BASE}/Patient/1"}, True),
        ({"reference": "https://there.example/fhir/Patient/1/_history/2"}, True),
        ({"reference": "Patient?identifier=x|1"}, True),
        ({"reference": "Group/1"}, False),
        ({"reference": "Group/1", "type": "Patient"}, False),
        ({"reference": "urn:uuid:1"}, True),
        ({"reference": "Patient/1#x"}, True),
        ({"reference": "Patient/1/x/1"}, True),
        ({"reference": f"{BASE}/Patient/1/x/1"}, True),
        ({"reference": "https://there.example/something"}, False),
        ({"reference": "urn:uuid:1", "type": "Patient"}, True),
        ({"reference": "#p"}, True),
        ({"reference": "#g"}, False),
        ({"reference": "#unknown"}, False),
        ({"identifier": PERSON}, True),
        ({"identifier": PERSON, "type": "Patient"}, True),
        ({"identifier": PERSON, "type": "http://hl7.org/fhir/StructureDefinition/Patient"}, True),
        ({"identifier": PERSON, "type": "Group"}, False),
        ({"display": "Zoë"}, False),
        ({}, False),
    ],
)
def test_what_may_name_a_patient(subject: dict[str, Any], is_link: bool) -> None:
    resource = {
        "resourceType": "Observation",
        "subject": subject,
        "contained": [{"resourceType": "Patient", "id": "p"}, {"resourceType": "Group", "id": "g"}],
    }
    assert [found[0] for found in links(resource)] == (["Observation.subject"] if is_link else [])


def test_types_without_a_place_in_the_compartment_have_no_links() -> None:
    organization = {"resourceType": "Organization", "partOf": {"reference": "Patient/1"}}
    assert links(organization) == []
    assert links({"resourceType": "Nothing"}) == []


def test_every_type_of_the_compartment_has_places_for_a_patient() -> None:
    definitions = r4()
    for resource_type in definitions.compartment("Patient").parameters:
        found = INDEXER.patient_links({"resourceType": resource_type})
        assert found == []
        places = INDEXER._links._places[resource_type]
        assert places, f"{resource_type} is in the compartment by no element"
