"""The names of query parameters: which references they go along, and where they end."""

import pytest

from fhir_server.outcome import Invalid, TooCostly
from fhir_server.search.context import Limits
from fhir_server.search.parameter_path import Backward, Forward, ParameterPath, read_path

LIMITS = Limits(chain_depth=3)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("name", ParameterPath((), "name")),
        ("name:exact", ParameterPath((), "name", "exact")),
        ("name:", ParameterPath((), "name", "")),
        ("subject:Patient", ParameterPath((), "subject", "Patient")),
        ("subject.name", ParameterPath((Forward("subject"),), "name")),
        ("subject:Patient.name:exact", ParameterPath((Forward("subject", "Patient"),), "name", "exact")),
        (
            "patient.organization.name",
            ParameterPath((Forward("patient"), Forward("organization")), "name"),
        ),
        ("_has:Observation:patient:code", ParameterPath((Backward("Observation", "patient"),), "code")),
        ("_has:Observation:patient:code:in", ParameterPath((Backward("Observation", "patient"),), "code", "in")),
        (
            "_has:Observation:patient:_has:AuditEvent:entity:agent",
            ParameterPath((Backward("Observation", "patient"), Backward("AuditEvent", "entity")), "agent"),
        ),
        (
            "patient._has:Group:member:_id",
            ParameterPath((Forward("patient"), Backward("Group", "member")), "_id"),
        ),
        (
            "_has:Observation:patient:subject:Patient.name",
            ParameterPath((Backward("Observation", "patient"), Forward("subject", "Patient")), "name"),
        ),
        ("subject:.name", ParameterPath((Forward("subject", ""),), "name")),
        ("", ParameterPath((), "")),
        (".", ParameterPath((Forward(""),), "")),
    ],
)
def test_a_path(name: str, path: ParameterPath) -> None:
    assert read_path(name, LIMITS) == path


@pytest.mark.parametrize(
    "name",
    ["_has", "_has:", "_has:Observation", "_has:Observation:patient", "_has:Observation:patient:", "_has:::code"],
)
def test_what_has_needs(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_path(name, LIMITS)
    assert str(caught.value) == ("The parameter _has is written _has:[type]:[reference parameter]:[parameter]=[value].")


@pytest.mark.parametrize("name", ["a.b.c.d.e", "_has:A:b:_has:A:b:_has:A:b:c.d", "a.b._has:A:b:_has:C:d:e"])
def test_how_far_a_chain_goes(name: str) -> None:
    with pytest.raises(TooCostly) as caught:
        read_path(name, LIMITS)
    assert str(caught.value) == (
        "A chain goes along at most 3 references: search in two steps, by the ids of the first."
    )
    assert len(read_path("a.b.c.d", LIMITS).hops) == 3
