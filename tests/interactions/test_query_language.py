"""Chains, lists and filters through HTTP, on the store."""

import pytest

from tests.interactions.test_search_type import NHS, _ids
from tests.running import Client, observation, patient


@pytest.fixture
async def record(fhir: Client) -> Client:
    await fhir.put({"resourceType": "Organization", "id": "home", "name": "Ely House"})
    await fhir.put({"resourceType": "Organization", "id": "other", "name": "Wells House"})
    for id, family, home in (("a", "O'Neill", "home"), ("b", "Smith", "other")):
        await fhir.put(
            patient(
                id,
                identifier=[{"system": NHS, "value": f"999000001{id}"}],
                name=[{"family": family}],
                managingOrganization={"reference": f"Organization/{home}"},
            )
        )
    for id, subject, status in (("a1", "a", "final"), ("a2", "a", "amended"), ("b1", "b", "final")):
        await fhir.put(observation(f"Patient/{subject}", id, status=status))
    items = [{"item": {"reference": "Patient/b"}}, {"item": {"reference": "Observation/a1"}}]
    await fhir.put({"resourceType": "List", "id": "42", "status": "current", "mode": "working", "entry": items})
    return fhir


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("Observation?subject:Patient.name=o'neill", ["a1", "a2"]),
        ("Observation?subject.name=smith", ["b1"]),
        ("Observation?patient.organization.name=ely&status=final", ["a1"]),
        (f"Observation?patient.identifier={NHS}|999000001b", ["b1"]),
        ("Observation?patient.name:missing=false", ["a1", "a2", "b1"]),
        ("Observation?status:not=final", ["a2"]),
        ("Patient?_has:Observation:patient:status=amended", ["a"]),
        ("Organization?_has:Patient:organization:_has:Observation:patient:status=amended", ["home"]),
        ("Observation?patient._has:List:item:_id=42", ["b1"]),
        ("Patient?_list=42", ["b"]),
        ("Observation?_list=List/42", ["a1"]),
        ('Observation?_filter=status eq final and patient.name co "neill"', ["a1"]),
        ("Observation?_filter=not (status eq final) or subject re Patient/b", ["a2", "b1"]),
        ("Observation?_filter=patient[organization.name sw ely].name sw smith", []),
        ("Observation?_filter=encounter pr false and patient ne a", ["b1"]),
        ("Patient?gender:missing=true", ["a", "b"]),
    ],
)
async def test_finds_exactly(record: Client, query: str, found: list[str]) -> None:
    answer = await record.get(f"{query}&_sort=_id")
    assert answer.status_code == 200, answer.text
    assert _ids(answer.json()) == found
