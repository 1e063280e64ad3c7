"""Organization/[id]/$residents: who lives there or is registered there, and what of theirs comes with them."""

from pathlib import Path
from typing import Any

import pytest

from fhir_server.operations.organization_residents import STATUS
from fhir_server.store.access import AccessFilter, Rule
from fhir_server.store.criteria import InCompartment, TokenIs
from tests.access.serving import world
from tests.respect.plans import plan
from tests.running import Client, patient

Json = dict[str, Any]
HOME: Json = {"resourceType": "Organization", "id": "home", "name": "Invented House"}
SNOMED = "http://snomed.info/sct"
FRAILTY, NEWS2 = "763264000", "1104051000000101"


def _score(id: str, of: str, code: str, on: str) -> Json:
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"coding": [{"system": SNOMED, "code": code}]},
        "subject": {"reference": f"Patient/{of}"},
        "effectiveDateTime": on,
        "valueQuantity": {"value": 5},
    }


async def _filled(fhir: Client) -> str:
    """A home with three people and one who is registered there; the id of the plan of the first."""
    here = {"reference": "Organization/home"}
    await fhir.put(HOME)
    for id in ("a", "b"):
        await fhir.put(patient(id, managingOrganization=here))
    await fhir.put(patient("c", generalPractitioner=[here]))
    await fhir.put(patient("elsewhere"))
    for number in range(3):
        await fhir.put(_score(f"a-news2-{number}", "a", NEWS2, f"2019-03-0{number + 1}T10:00:00Z"))
    await fhir.put(_score("a-frailty", "a", FRAILTY, "2018-01-01"))
    await fhir.put(_score("b-frailty", "b", FRAILTY, "2017-01-01"))
    await fhir.put(_score("other", "elsewhere", NEWS2, "2019-09-09"))
    made = await fhir.post(plan("a", "2019-04-01T10:00:00Z"))
    assert made.status_code == 201
    await fhir.post(plan("b", None))
    return str(made.json()["id"])


def _found(bundle: Json) -> dict[str, tuple[str, list[str]]]:
    """For each Patient the status, and what is included after them."""
    found: dict[str, tuple[str, list[str]]] = {}
    last = ""
    for entry in bundle.get("entry", ()):
        resource = entry["resource"]
        if entry["search"]["mode"] == "match":
            last = resource["id"]
            (extension,) = entry["extension"]
            assert extension["url"] == STATUS
            found[last] = (extension["valueCode"], [])
        else:
            found[last][1].append(resource["id"])
    return found


async def test_everybody_with_the_plan_in_force_and_the_newest_scores(fhir: Client) -> None:
    made = await _filled(fhir)
    answer = await fhir.get("Organization/home/$residents")
    assert answer.status_code == 200
    bundle = answer.json()
    assert (bundle["type"], bundle["total"]) == ("searchset", 3)
    assert _found(bundle) == {
        "a": ("in-force-not-countersigned", [made, "a-frailty", "a-news2-2"]),
        "b": ("draft-only", ["b-frailty"]),
        "c": ("none-known", []),
    }
    assert (await fhir.post({"resourceType": "Parameters"}, "Organization/home/$residents")).json()["total"] == 3


async def test_pages_are_one_snapshot(fhir: Client) -> None:
    await _filled(fhir)
    first = (await fhir.get("Organization/home/$residents?_count=2")).json()
    await fhir.put(patient("d", managingOrganization={"reference": "Organization/home"}))
    link = next(link["url"] for link in first["link"] if link["relation"] == "next")
    second = (await fhir.get(link)).json()
    assert sorted([*_found(first), *_found(second)]) == ["a", "b", "c"]
    assert [link["relation"] for link in second["link"]] == ["self"]
    elsewhere = link.replace("Organization/home/", "Organization/other/")
    await fhir.put(HOME | {"id": "other"})
    assert (await fhir.get(elsewhere)).status_code == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Organization/nothing/$residents", 404),
        ("Organization/home/$residents?_count=0", 400),
        ("Organization/home/$residents?_count=many", 400),
        ("Organization/home/$residents?_page=nonsense", 404),
        ("Patient/a/$residents", 404),
        ("$residents", 404),
    ],
)
async def test_what_cannot_be_asked(fhir: Client, path: str, status: int) -> None:
    await fhir.put(HOME)
    assert (await fhir.get(path)).status_code == status


async def test_an_empty_home_is_an_empty_bundle(fhir: Client) -> None:
    await fhir.put(HOME)
    bundle = (await fhir.get("Organization/home/$residents")).json()
    assert bundle["total"] == 0
    assert "entry" not in bundle


async def test_only_what_the_caller_may_see_is_counted_shown_or_told(tmp_path: Path) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    shared = frozenset({"Organization"})
    only_two = AccessFilter(
        (Rule(shared), Rule(None, (InCompartment("Patient", "a"),)), Rule(None, (InCompartment("Patient", "b"),))),
        (Rule(None, (TokenIs("_security", label["system"], "R"),)),),
    )
    async with world(tmp_path) as here:
        await _filled(here.fhir)
        secret = plan("b", "2019-05-01T10:00:00Z", meta={"security": [label]})
        assert (await here.fhir.post(secret)).status_code == 201
        with here.seen_by(only_two) as fhir:
            bundle = (await fhir.get("Organization/home/$residents")).json()
        assert bundle["total"] == 2
        found = _found(bundle)
        assert set(found) == {"a", "b"}
        assert found["b"] == ("withheld", ["b-frailty"])


async def test_what_is_shown_is_in_the_audit(fhir: Client) -> None:
    made = await _filled(fhir)
    await fhir.get("Organization/home/$residents")
    (event,) = [entry["resource"] for entry in (await fhir.get("AuditEvent?_count=1")).json()["entry"]]
    named = str(event["entity"])
    for shown in ("Patient/a/", "Patient/c/", f"QuestionnaireResponse/{made}/", "Observation/a-news2-2/"):
        assert shown in named
    assert "Observation/a-news2-1/" not in named
