"""What criteria found may change before the write is committed: then it is looked for again, and no change is lost.

The rival's write comes at the worst moment, right after the search by criteria.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fhir_server.store.criteria import Query, SystemQuery
from fhir_server.store.values import Page
from tests.interactions.test_create import nhs_number
from tests.running import Client, encoded, observation, patient
from tests.stores import session_class

Resource = dict[str, Any]
Rival = Callable[[], Awaitable[Any]]
JSON_PATCH = "application/json-patch+json"
X = {"system": "urn:n", "value": "x"}
Y = {"system": "urn:n", "value": "y"}
ASKED = "Patient?identifier=urn:n|x"


@pytest.fixture
def after_the_search(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rival], None]:
    """Arms a rival, who acts once: after the next search and before whoever asked goes on."""
    waiting: list[Rival] = []
    session = session_class()
    search: Any = session.search

    async def searching(self: Any, query: Query | SystemQuery) -> Page:
        page: Page = await search(self, query)
        if waiting:
            await waiting.pop()()
        return page

    monkeypatch.setattr(session, "search", searching)
    return waiting.append


def bundle(*entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def entry(method: str, url: str, resource: Resource, **request: str) -> Resource:
    return {"resource": resource, "request": {"method": method, "url": url, **request}}


async def update(fhir: Client, body: Resource) -> int:
    return (await fhir.send("PUT", ASKED, encoded(body), content_type="application/fhir+json")).status_code


async def update_in_transaction(fhir: Client, body: Resource) -> int:
    answer = await fhir.post(bundle(entry("PUT", ASKED, body)), "")
    return int(answer.json()["entry"][0]["response"]["status"]) if answer.status_code == 200 else answer.status_code


UPDATES = pytest.mark.parametrize("write", [update, update_in_transaction])


def late(**elements: Any) -> Resource:
    return {"resourceType": "Patient", "identifier": [X], "name": [{"text": "late"}], **elements}


@UPDATES
async def test_a_number_that_was_taken_off_meanwhile_finds_nobody(
    fhir: Client, after_the_search: Callable[[Rival], None], write: Any
) -> None:
    """Else the record of one person would be written over by that of another."""
    await fhir.put(patient("p", identifier=[X]))
    after_the_search(lambda: fhir.put(patient("p", identifier=[Y])))
    assert await write(fhir, late()) == 201
    assert (await fhir.get("Patient/p")).json()["identifier"] == [Y]
    found = (await fhir.get(ASKED)).json()["entry"]
    assert [each["resource"]["name"] for each in found] == [[{"text": "late"}]]
    assert found[0]["resource"]["id"] != "p"


@UPDATES
async def test_a_change_meanwhile_comes_before_the_update(
    fhir: Client, after_the_search: Callable[[Rival], None], write: Any
) -> None:
    await fhir.put(patient("p", identifier=[X]))
    after_the_search(lambda: fhir.put(patient("p", identifier=[X], active=True)))
    assert await write(fhir, late()) == 200
    history = (await fhir.get("Patient/p/_history")).json()["entry"]
    assert [each["resource"].get("name") for each in history] == [[{"text": "late"}], None, None]


@UPDATES
async def test_what_was_deleted_meanwhile_is_not_brought_back(
    fhir: Client, after_the_search: Callable[[Rival], None], write: Any
) -> None:
    await fhir.put(patient("p", identifier=[X]))
    after_the_search(lambda: fhir.send("DELETE", "Patient/p"))
    assert await write(fhir, late()) == 201
    assert (await fhir.get("Patient/p")).status_code == 410
    assert (await fhir.get(f"{ASKED}&_summary=count")).json()["total"] == 1


@UPDATES
async def test_an_id_that_was_taken_meanwhile_is_not_written_over(
    fhir: Client, after_the_search: Callable[[Rival], None], write: Any
) -> None:
    after_the_search(lambda: fhir.put(patient("p", identifier=[Y])))
    assert await write(fhir, late(id="p")) == 409
    assert (await fhir.get("Patient/p")).json()["identifier"] == [Y]
    assert (await fhir.get("Patient/p/_history")).json()["total"] == 1


PATCH = encoded([{"op": "add", "path": "/active", "value": True}])


async def patch(fhir: Client) -> int:
    return (await fhir.send("PATCH", ASKED, PATCH, content_type=JSON_PATCH)).status_code


async def patch_in_transaction(fhir: Client) -> int:
    binary = {"resourceType": "Binary", "contentType": JSON_PATCH}
    binary["data"] = "W3sib3AiOiJhZGQiLCJwYXRoIjoiL2FjdGl2ZSIsInZhbHVlIjp0cnVlfV0="
    return (await fhir.post(bundle(entry("PATCH", ASKED, binary)), "")).status_code


@pytest.mark.parametrize("write", [patch, patch_in_transaction])
@pytest.mark.parametrize("how", ["changed", "deleted"])
async def test_a_patch_of_what_does_not_match_any_more_is_of_nothing(
    fhir: Client, after_the_search: Callable[[Rival], None], write: Any, how: str
) -> None:
    await fhir.put(patient("p", identifier=[X]))
    if how == "changed":
        after_the_search(lambda: fhir.put(patient("p", identifier=[Y])))
    else:
        after_the_search(lambda: fhir.send("DELETE", "Patient/p"))
    assert await write(fhir) == 404
    assert (await fhir.get("Patient/p/_history")).json()["total"] == 2


@pytest.mark.parametrize("how", ["changed", "deleted"])
async def test_a_delete_by_criteria_deletes_nothing_that_does_not_match_any_more(
    fhir: Client, after_the_search: Callable[[Rival], None], how: str
) -> None:
    await fhir.put(patient("p", identifier=[X]))
    if how == "changed":
        after_the_search(lambda: fhir.put(patient("p", identifier=[Y])))
    else:
        after_the_search(lambda: fhir.send("DELETE", "Patient/p"))
    assert (await fhir.send("DELETE", ASKED)).status_code == 204
    assert (await fhir.get("Patient/p")).status_code == {"changed": 200, "deleted": 410}[how]
    assert (await fhir.get("Patient/p/_history")).json()["total"] == 2


@pytest.mark.parametrize("how", ["changed", "deleted"])
async def test_a_conditional_reference_never_names_who_does_not_match_any_more(
    fhir: Client, after_the_search: Callable[[Rival], None], how: str
) -> None:
    await fhir.put(patient("p", identifier=[X]))
    if how == "changed":
        after_the_search(lambda: fhir.put(patient("p", identifier=[Y])))
    else:
        after_the_search(lambda: fhir.send("DELETE", "Patient/p"))
    answer = await fhir.post(bundle(entry("POST", "Observation", observation(ASKED))), "")
    assert answer.status_code == 412
    assert [(issue["code"], issue["diagnostics"]) for issue in answer.json()["issue"]] == [
        ("not-found", "The reference means no resource.")
    ]
    assert (await fhir.get("Observation?_summary=count")).json()["total"] == 0


async def test_a_reference_and_a_create_by_the_same_criteria_agree(
    fhir: Client, after_the_search: Callable[[Rival], None]
) -> None:
    """A rival makes the one that both look for, after the first has looked."""
    after_the_search(lambda: fhir.put(patient("p", identifier=[X])))
    owner = entry("POST", "Patient", late(), ifNoneExist="identifier=urn:n|x")
    answer = await fhir.post(bundle(owner, entry("POST", "Observation", observation(ASKED))), "")
    assert [each["response"]["status"] for each in answer.json()["entry"]] == ["200", "201"]
    (found,) = (await fhir.get("Observation")).json()["entry"]
    assert found["resource"]["subject"]["reference"] == "Patient/p"


@pytest.mark.parametrize("how", ["changed", "deleted"])
async def test_a_conditional_create_in_a_transaction_does_not_lead_to_who_does_not_match_any_more(
    fhir: Client, after_the_search: Callable[[Rival], None], how: str
) -> None:
    await fhir.put(patient("p", identifier=[X]))
    if how == "changed":
        after_the_search(lambda: fhir.put(patient("p", identifier=[Y])))
    else:
        after_the_search(lambda: fhir.send("DELETE", "Patient/p"))
    urn = "urn:uuid:0d4c4a5e-6f0b-4c6f-8a4e-5a7a0c0a0001"
    owner = entry("POST", "Patient", late(), ifNoneExist="identifier=urn:n|x") | {"fullUrl": urn}
    answer = await fhir.post(bundle(owner, entry("POST", "Observation", observation(urn))), "")
    assert [each["response"]["status"] for each in answer.json()["entry"]] == ["201", "201"]
    (found,) = (await fhir.get("Observation")).json()["entry"]
    assert found["resource"]["subject"]["reference"] not in ("Patient/p", urn)
    (made,) = (await fhir.get(ASKED)).json()["entry"]
    assert found["resource"]["subject"]["reference"] == f"Patient/{made['resource']['id']}"


# --- the one Patient with an NHS number ----------------------------------------------------------------------------


def named(number: Resource) -> Resource:
    return {"type": "Patient", "identifier": {name: number[name] for name in ("system", "value")}}


async def create(fhir: Client, resource: Resource) -> int:
    return (await fhir.post(resource)).status_code


async def create_in_transaction(fhir: Client, resource: Resource) -> int:
    return (await fhir.post(bundle(entry("POST", "Observation", resource)), "")).status_code


async def put(fhir: Client, resource: Resource) -> int:
    return (await fhir.put(resource | {"id": "o"})).status_code


@pytest.mark.parametrize("write", [create, create_in_transaction, put])
@pytest.mark.parametrize("how", ["taken off", "given to a second one", "deleted"])
async def test_a_number_that_means_nobody_any_more_places_nothing(
    fhir: Client, after_the_search: Callable[[Rival], None], write: Any, how: str
) -> None:
    number: Resource = nhs_number("9990000018")
    await fhir.put(patient("p", identifier=[number]))
    rivals: dict[str, Rival] = {
        "taken off": lambda: fhir.put(patient("p", identifier=[Y])),
        "given to a second one": lambda: fhir.put(patient("q", identifier=[number])),
        "deleted": lambda: fhir.send("DELETE", "Patient/p"),
    }
    after_the_search(rivals[how])
    about = observation("") | {"subject": named(number)}
    assert await write(fhir, about) == 422
    assert (await fhir.get("Observation?_summary=count")).json()["total"] == 0


async def test_a_number_whose_patient_changed_otherwise_meanwhile_still_means_that_one(
    fhir: Client, after_the_search: Callable[[Rival], None]
) -> None:
    number: Resource = nhs_number("9990000018")
    await fhir.put(patient("p", identifier=[number]))
    after_the_search(lambda: fhir.put(patient("p", identifier=[number], active=True)))
    twice = observation("Patient/p", performer=[{"reference": "Patient/p"}, named(number)])
    assert await create(fhir, twice) == 201
    assert (await fhir.get("Patient/p/Observation?_summary=count")).json()["total"] == 1
