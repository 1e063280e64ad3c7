"""Every way to a resource shows it or none does; versions, deletions and page links go by the access of now."""

import asyncio
from typing import Any

import pytest

from tests.access.asking import next_link
from tests.access.people import (
    IDS,
    MASKED,
    NO_LABELLED,
    ONE_PATIENT,
    ONE_PATIENT_NO_LABELLED,
    RESTRICTED,
    SCENES,
    SCRIPT,
    Scene,
    write,
)
from tests.access.serving import World, access_of
from tests.running import Client, observation, patient

FORM = {"content_type": "application/x-www-form-urlencoded"}


def _shown(bundle: dict[str, Any], place: str) -> bool:
    return any(entry["fullUrl"].endswith(f"/{place}") for entry in bundle.get("entry", ()))


async def _everywhere(fhir: Client, place: str) -> dict[str, bool]:
    """For each way to a resource whether it leads there; a deleted one is there where its deletion is told."""
    resource_type, _, name = place.partition("/")
    gets = [{"request": {"method": "GET", "url": place}}]
    batch = {"resourceType": "Bundle", "type": "batch", "entry": gets}
    read = await fhir.get(place)
    known = (200, 410)
    found = {
        "read": read.status_code in known,
        "HEAD": (await fhir.send("HEAD", place)).status_code in known,
        "vread": (await fhir.get(f"{place}/_history/1")).status_code in known,
        "history": (await fhir.get(f"{place}/_history")).status_code == 200,
        "type history": _shown((await fhir.get(f"{resource_type}/_history?_count=200")).json(), place),
        "system history": _shown((await fhir.get("_history?_count=200")).json(), place),
        "batch": (await fhir.post(batch, "")).json()["entry"][0]["response"]["status"] in ("200", "410"),
        # A transaction whose read cannot succeed is refused whole, with the read's own status.
        "transaction": (await fhir.post(batch | {"type": "transaction"}, "")).status_code in known,
        "patch": (await fhir.send("PATCH", place, b"[]", content_type="application/json-patch+json")).status_code
        != 404,
    }
    if read.status_code != 410:
        found |= {
            "search": _shown((await fhir.get(f"{resource_type}?_id={name}")).json(), place),
            "count": (await fhir.get(f"{resource_type}?_id={name}&_summary=count")).json()["total"] == 1,
            "POST search": _shown(
                (await fhir.send("POST", f"{resource_type}/_search", f"_id={name}".encode(), **FORM)).json(), place
            ),
            "everything": _shown((await fhir.get(f"{resource_type}?_count=200")).json(), place),
            "sorted": _shown((await fhir.get(f"{resource_type}?_count=200&_sort=_lastUpdated")).json(), place),
        }
    return found


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_all_ways_to_a_resource_agree(here: World, scene: Scene) -> None:
    await write(here, SCRIPT)
    with here.seen_by(scene.access) as fhir:
        for resource_type, names in IDS.items():
            for name in names:
                visible = name not in scene.hidden_ids(resource_type)
                found = await _everywhere(fhir, f"{resource_type}/{name}")
                assert set(found.values()) == {visible}, (resource_type, name, found)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_a_compartment_shows_what_a_search_shows(here: World, scene: Scene) -> None:
    await write(here, SCRIPT)
    with here.seen_by(scene.access) as fhir:
        for name in ("a", "b"):
            if name in scene.hidden_ids("Patient"):
                assert (await fhir.get(f"Patient/{name}/Observation")).status_code == 404
                assert (await fhir.get(f"Observation?patient={name}")).json().get("entry") is None
                continue
            inside = (await fhir.get(f"Patient/{name}/Observation?_count=200")).json()["entry"]
            searched = (await fhir.get(f"Observation?patient={name}&_count=200")).json()["entry"]
            assert [entry["fullUrl"] for entry in inside] == [entry["fullUrl"] for entry in searched]


# --- versions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scene", "seen", "unseen"),
    [
        (ONE_PATIENT, {"subject": {"reference": "Patient/a"}}, {"subject": {"reference": "Patient/b"}}),
        (NO_LABELLED, {}, {"meta": RESTRICTED}),
        (ONE_PATIENT_NO_LABELLED, {}, {"meta": RESTRICTED}),
    ],
    ids=lambda value: value.name if isinstance(value, Scene) else "",
)
async def test_what_is_hidden_now_is_hidden_then(
    here: World, scene: Scene, seen: dict[str, Any], unseen: dict[str, Any]
) -> None:
    for name in ("a", "b"):
        await here.fhir.put(patient(name))
    await here.fhir.put(observation("Patient/a", "o") | seen)
    await here.fhir.put(observation("Patient/a", "o") | unseen)
    with here.seen_by(scene.access) as fhir:
        for path in ("", "/_history", "/_history/1", "/_history/2"):
            assert (await fhir.get(f"Observation/o{path}")).status_code == 404, path
        assert (await fhir.get("Observation/_history")).json()["total"] == 0
        assert (await fhir.get("_history?_at=2026")).json()["total"] == (2 if scene is NO_LABELLED else 1)
    await here.fhir.send("DELETE", "Observation/o")
    with here.seen_by(scene.access) as fhir:
        gone, never = await fhir.get("Observation/o"), await fhir.get("Observation/x")
        assert (gone.status_code, gone.text) == (404, never.text.replace("id x", "id o"))
        assert (await fhir.get("Observation/o/_history/3")).status_code == 404
        assert (await fhir.get("Observation/o/_history")).status_code == 404


async def test_a_version_that_was_hidden_stays_hidden(here: World) -> None:
    for name in ("a", "b"):
        await here.fhir.put(patient(name))
    await here.fhir.put(observation("Patient/b", "o"))
    await here.fhir.put(observation("Patient/a", "o"))
    with here.seen_by(ONE_PATIENT.access) as fhir:
        assert (await fhir.get("Observation/o")).json()["meta"]["versionId"] == "2"
        assert (await fhir.get("Observation/o/_history/1")).status_code == 404
        history = (await fhir.get("Observation/o/_history")).json()
        assert (history["total"], len(history["entry"])) == (1, 1)
        assert history["entry"][0]["resource"]["subject"] == {"reference": "Patient/a"}
        assert (await fhir.get("Observation/_history")).json()["total"] == 1
        assert (await fhir.get("Observation/o/_history?_at=1990")).json()["total"] == 0


async def test_a_masked_element_is_masked_in_every_version_and_part(here: World) -> None:
    await write(here, SCRIPT)
    await here.fhir.put(patient("b", address=[{"city": "Secret Town"}], active=False))
    with here.seen_by(MASKED.access) as fhir:
        for path in (
            "Patient/b",
            "Patient/b/_history/1",
            "Patient/b/_history",
            "Patient?_elements=address,telecom",
            "Patient?_summary=true",
            "Patient/b?_elements=address",
            "Patient/_history?_count=200",
        ):
            answer = await fhir.get(path)
            assert answer.status_code == 200
            for secret in ("2 Secret", "Secret Town", "0113 496 0002"):
                assert secret not in answer.text, path
        for query in ("address=Secret", "address-postalcode=LS2", "address-postalcode:missing=false", "phone:not=x"):
            found = (await fhir.get(f"Patient?{query}")).json().get("entry", ())
            assert {entry["resource"]["id"] for entry in found} <= {"a"}, query


# --- page links --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["Observation?_count=1", "Observation/_history?_count=1", "AuditEvent?_count=1"])
async def test_a_page_link_works_for_its_caller_alone(here: World, path: str) -> None:
    await write(here, SCRIPT)
    with here.seen_by(MASKED.access if path.startswith("Obs") else ONE_PATIENT.access, "alice") as fhir:
        following = next_link(await fhir.get(path))
        assert following is not None
        assert (await fhir.get(following)).status_code == 200
    for caller in ("bob", "alic", "alice ", ""):
        with here.seen_by(MASKED.access, caller) as fhir:
            stolen, made_up = await fhir.get(following), await fhir.get(f"{path}&_page=AAAA")
            assert (stolen.status_code, stolen.text) == (404, made_up.text)


async def test_a_page_link_shows_what_may_be_seen_now(here: World) -> None:
    await write(here, SCRIPT)
    seen: list[str] = []
    with here.seen_by(NO_LABELLED.access, "alice") as fhir:
        following = next_link(await fhir.get("Observation?_count=2&_total=accurate"))
    with here.seen_by(ONE_PATIENT_NO_LABELLED.access, "alice") as fhir:
        while following is not None:
            page = await fhir.get(following)
            seen += [entry["resource"]["subject"]["reference"] for entry in page.json().get("entry", ())]
            assert page.json()["total"] == 6
            following = next_link(page)
    assert set(seen) == {"Patient/a"}


async def test_answers_of_two_callers_at_once_do_not_mix(here: World) -> None:
    await write(here, SCRIPT)
    origins: dict[str, Any] = {"a": ONE_PATIENT.access, "all": NO_LABELLED.access}
    policy_before = here.policy

    def by_correlation(interaction: str, type: str | None, origin: Any, /) -> Any:
        return access_of(origins[origin.correlation_id or "a"], origin.correlation_id or "a")

    here.policy = by_correlation
    asked = ["a", "all"] * 20
    answers = await asyncio.gather(
        *(here.fhir.get("Observation?_count=200&_total=accurate", x_correlation_id=who) for who in asked)
    )
    here.policy = policy_before
    totals = {
        who: {answer.json()["total"] for name, answer in zip(asked, answers, strict=True) if name == who}
        for who in origins
    }
    assert totals == {"a": {7}, "all": {12}}
