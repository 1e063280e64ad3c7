"""search through HTTP: what a GP system and the pages need first."""

from typing import Any

import pytest

from tests.running import BASE, Client, observation, patient

NHS = "https://fhir.nhs.uk/Id/nhs-number"


def _ids(bundle: dict[str, Any]) -> list[str]:
    return [e["resource"]["id"] for e in bundle.get("entry", ()) if e["search"]["mode"] == "match"]


@pytest.fixture
async def record(fhir: Client) -> Client:
    await fhir.put({"resourceType": "Organization", "id": "home", "name": "Home"})
    await fhir.put({"resourceType": "Practitioner", "id": "gp"})
    for name in ("a", "b"):
        await fhir.put(
            patient(
                name,
                identifier=[{"system": NHS, "value": f"999000001{name}"}],
                managingOrganization={"reference": "Organization/home"},
                generalPractitioner=[{"reference": "Practitioner/gp"}],
            )
        )
        for day in (1, 3, 2):
            await fhir.put(
                observation(f"Patient/{name}", f"{name}{day}", effectiveDateTime=f"2026-03-0{day}T10:00:00Z")
            )
    return fhir


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|999000001a", ["a"]),
        ("Patient?identifier=999000001b", ["b"]),
        ("Patient?identifier=|999000001b", []),
        ("Patient?organization=Organization/home&_sort=_id", ["a", "b"]),
        ("Patient?organization=home&_id=b", ["b"]),
        ("Patient?general-practitioner=Practitioner/gp&_sort=-_id", ["b", "a"]),
        ("Observation?patient=a&_sort=-date", ["a3", "a2", "a1"]),
        ("Observation?subject=Patient/a&_sort=date", ["a1", "a2", "a3"]),
        ("Observation?code=http://loinc.org|8867-4&patient=b&date=ge2026-03-02&_sort=date", ["b2", "b3"]),
        ("Observation?code=8867-4&status=final&date=2026-03-01&_sort=_id", ["a1", "b1"]),
        ("Observation?status=amended", []),
        ("Observation?patient=a,b&date=lt2026-03-02&_sort=_id", ["a1", "b1"]),
        ("Patient/a/Observation?_sort=-date&_count=2", ["a3", "a2"]),
        ("Observation?_id=a1,b2&_sort=_id", ["a1", "b2"]),
        ("Observation?_lastUpdated=lt2000-01-01", []),
        ("Patient?_id=a&_id=b", []),
    ],
)
async def test_finds_exactly(record: Client, query: str, found: list[str]) -> None:
    answer = await record.get(query)
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    assert _ids(bundle) == found
    assert all(e["fullUrl"].startswith(BASE + "/") for e in bundle.get("entry", ()))


async def test_a_page_is_the_whole_answer(record: Client) -> None:
    bundle = (await record.get("Patient?_id=a&_total=accurate")).json()
    stored = (await record.get("Patient/a")).json()
    assert bundle == {
        "resourceType": "Bundle",
        "id": bundle["id"],
        "meta": {"lastUpdated": bundle["meta"]["lastUpdated"]},
        "type": "searchset",
        "total": 1,
        "link": [{"relation": "self", "url": f"{BASE}/Patient?_id=a&_total=accurate"}],
        "entry": [{"fullUrl": f"{BASE}/Patient/a", "resource": stored, "search": {"mode": "match"}}],
    }


async def test_pages_are_a_snapshot(record: Client) -> None:
    page = (await record.get("Observation?_sort=-date&_count=2&_total=accurate")).json()
    seen = _ids(page)
    changes = 0
    while any(link["relation"] == "next" for link in page["link"]):
        changes += 1
        await record.put(observation("Patient/a", f"new{changes}", effectiveDateTime="2026-03-02T11:00:00Z"))
        await record.put(observation("Patient/a", "a1", effectiveDateTime="2026-03-09T11:00:00Z", status="amended"))
        await record.send("DELETE", "Observation/b1")
        following = next(link["url"] for link in page["link"] if link["relation"] == "next")
        page = (await record.get(following)).json()
        seen += _ids(page)
    assert sorted(seen) == ["a1", "a2", "a3", "b1", "b2", "b3"]
    assert len(seen) == 6


async def test_post_search_is_the_same(record: Client) -> None:
    body = b"patient=a&_sort=-date"
    answer = await record.send("POST", "Observation/_search", body, content_type="application/x-www-form-urlencoded")
    assert _ids(answer.json()) == ["a3", "a2", "a1"]
    assert answer.json()["link"][0]["url"] == f"{BASE}/Observation?patient=a&_sort=-date"


async def test_unknown_parameters_are_said(record: Client) -> None:
    bundle = (await record.get("Patient?colour=blue&_id=a")).json()
    assert _ids(bundle) == ["a"]
    outcome = bundle["entry"][-1]
    assert outcome["search"] == {"mode": "outcome"}
    assert "colour" in outcome["resource"]["issue"][0]["diagnostics"]
    assert bundle["link"][0]["url"] == f"{BASE}/Patient?_id=a"
    assert (await record.get("Patient?colour=blue", prefer="handling=strict")).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "Observation?date=tomorrow",
        "Observation?date=xx2026",
        "Patient?_count=many",
        "Patient?_sort=colour",
        "Observation?value-quantity=5 mg",
        "Observation?patient.colour=x",
        "Observation?code:in=x",
        "Patient?name:colour=x",
        "Patient?_summary=perhaps",
        "Patient/a/Organization",
    ],
)
async def test_what_is_not_offered_or_bad_is_an_error(record: Client, query: str) -> None:
    answer = await record.get(query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_counts(record: Client) -> None:
    for query in ("_summary=count", "_count=0"):
        bundle = (await record.get(f"Observation?{query}")).json()
        assert bundle["total"] == 6
        assert "entry" not in bundle


async def test_parts_of_resources(record: Client) -> None:
    found = (await record.get("Patient?_id=a&_elements=identifier")).json()["entry"][0]["resource"]
    assert set(found) == {"resourceType", "id", "meta", "identifier"}
    assert found["meta"]["tag"][0]["code"] == "SUBSETTED"


async def test_compartment_of_nobody_is_404(record: Client) -> None:
    assert (await record.get("Patient/nobody/Observation")).status_code == 404
