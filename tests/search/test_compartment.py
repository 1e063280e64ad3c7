"""Searching within a compartment."""

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.outcome import Invalid, NotFound
from fhir_server.search.compartment import compartment_types, within
from fhir_server.store.criteria import IdIs, InCompartment, Query, ReferenceTo


def test_the_compartment_is_one_more_criterion() -> None:
    query = Query("Observation", (IdIs(("1",)),), count=7)
    subject, performer = ("Observation.subject",), ("Observation.performer",)
    by = (ReferenceTo("subject", "Patient", "p1", subject), ReferenceTo("performer", "Patient", "p1", performer))
    inside = InCompartment("Patient", "p1", performer + subject, by)
    assert within(query, ("Patient", "p1"), r4()) == Query("Observation", (inside, IdIs(("1",))), count=7)


def test_the_resource_of_the_compartment_lies_in_it() -> None:
    (inside,) = within(Query("Patient"), ("Patient", "p1"), r4()).criteria
    assert isinstance(inside, InCompartment)
    assert inside.by == (ReferenceTo("link", "Patient", "p1", ("Patient.link", "Patient.link.other")), IdIs(("p1",)))


def test_a_type_outside_the_compartment_is_an_error_and_never_everything() -> None:
    with pytest.raises(Invalid, match="^Organization is not part of the Patient compartment.$"):
        within(Query("Organization"), ("Patient", "p1"), r4())


def test_the_types_of_a_compartment() -> None:
    types = compartment_types("Patient", r4())
    assert len(types) == 66
    assert {"Patient", "Observation", "CarePlan", "Group"} <= set(types)
    assert list(types) == sorted(types)
    assert {name: len(compartment_types(name, r4())) for name in r4().compartments} == {
        "Device": 33,
        "Encounter": 25,
        "Patient": 66,
        "Practitioner": 59,
        "RelatedPerson": 32,
    }


def test_a_type_without_a_compartment() -> None:
    with pytest.raises(NotFound, match="^Organization has no compartment; these have: Device, Encounter, Patient"):
        within(Query("Observation"), ("Organization", "1"), r4())
