"""batch and transaction through HTTP."""

import asyncio
import base64
from typing import Any

import msgspec
import pytest

from tests.running import BASE, Client, encoded, observation, patient

URN = "urn:uuid:0d4c4a5e-6f0b-4c6f-8a4e-5a7a0c0a0001"


def entry(method: str, url: str, resource: dict[str, Any] | None = None, **request: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    return made


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


async def _send(fhir: Client, body: dict[str, Any], **headers: str) -> Any:
    return await fhir.post(body, "", **headers)


def _statuses(answer: Any) -> list[str]:
    return [item["response"]["status"] for item in answer.json()["entry"]]


async def test_links_between_entries_become_addresses(fhir: Client) -> None:
    narrative = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{URN}">her</a></div>'
    resource = observation(
        URN,
        text={"status": "generated", "div": narrative},
        contained=[{"resourceType": "Basic", "id": "c", "code": {"text": "x"}, "subject": {"reference": URN}}],
        hasMember=[{"reference": "#c"}],
        identifier=[{"system": "urn:ietf:rfc:3986", "value": URN}],
        extension=[{"url": "http://example.org/see", "valueUri": URN}],
    )
    resource["contained"][0] = {
        "resourceType": "Observation",
        "id": "c",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": URN},
    }
    answer = await _send(
        fhir,
        bundle(
            "transaction",
            entry("POST", "Observation", resource),
            {**entry("POST", "Patient", patient("x")), "fullUrl": URN},
        ),
    )
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["resourceType"], made["type"]) == ("Bundle", "transaction-response")
    assert _statuses(answer) == ["201", "201"]
    locations = [item["response"]["location"].removeprefix(BASE + "/") for item in made["entry"]]
    address = locations[1].partition("/_history")[0]
    stored = (await fhir.get(locations[0])).json()
    assert stored["subject"]["reference"] == address
    assert stored["contained"][0]["subject"]["reference"] == address
    assert f'href="{address}"' in stored["text"]["div"]
    assert stored["extension"][0]["valueUri"] == address
    assert stored["identifier"][0]["value"] == URN
    found = (await fhir.get(f"{address}/Observation")).json()
    assert [item["resource"]["id"] for item in found["entry"]] == [stored["id"]]


async def test_decimals_survive_the_rewriting_of_links(fhir: Client) -> None:
    body = (
        '{"resourceType":"Bundle","type":"transaction","entry":['
        f'{{"fullUrl":"{URN}","resource":{{"resourceType":"Patient"}},"request":{{"method":"POST","url":"Patient"}}}},'
        '{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},'
        f'"subject":{{"reference":"{URN}"}},"valueQuantity":{{"value":1.10}}}},'
        '"request":{"method":"POST","url":"Observation"}}]}'
    )
    answer = await fhir.send("POST", "", body.encode(), content_type="application/fhir+json")
    assert answer.status_code == 200, answer.text
    place = answer.json()["entry"][1]["response"]["location"].removeprefix(BASE + "/")
    assert b'"value":1.10}' in (await fhir.get(place)).content


async def test_a_transaction_is_all_or_nothing(fhir: Client) -> None:
    answer = await _send(
        fhir,
        bundle(
            "transaction",
            entry("PUT", "Patient/a", patient("a")),
            entry("POST", "Observation", observation("Patient/nobody")),
        ),
    )
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.subject"]
    assert (await fhir.get("Patient/a")).status_code == 404
    assert (await fhir.get("Patient/a/_history")).status_code == 404


async def test_all_faults_of_all_entries_are_named(fhir: Client) -> None:
    answer = await _send(
        fhir,
        bundle(
            "transaction",
            entry("PUT", "Patient/a", patient("a", gender="robot")),
            entry("PUT", "Patient/b", patient("b")),
            entry("PUT", "Patient/c", patient("c", birthDate="x")),
        ),
    )
    assert answer.status_code == 400
    assert [issue["expression"] for issue in answer.json()["issue"]] == [
        ["Bundle.entry[0].resource.gender"],
        ["Bundle.entry[2].resource.birthDate"],
    ]
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == 0


async def test_entries_are_answered_in_their_order_and_carried_out_in_fhirs(fhir: Client) -> None:
    await fhir.put(patient("old"))
    answer = await _send(
        fhir,
        bundle(
            "transaction",
            entry("GET", "Patient/new"),
            entry("PUT", "Patient/new", patient("new")),
            entry("DELETE", "Patient/old"),
        ),
    )
    assert _statuses(answer) == ["200", "201", "204"]
    assert answer.json()["entry"][0]["resource"]["id"] == "new"
    assert (await fhir.get("Patient/old")).status_code == 410


async def test_a_stale_if_match_undoes_the_whole(fhir: Client) -> None:
    await fhir.put(patient("p"))
    answer = await _send(
        fhir,
        bundle(
            "transaction",
            entry("PUT", "Patient/other", patient("other")),
            entry("PUT", "Patient/p", patient("p", active=True), ifMatch='W/"7"'),
        ),
    )
    assert answer.status_code == 412
    assert answer.json()["issue"][0]["expression"][0].startswith("Bundle.entry[1]")
    assert (await fhir.get("Patient/other")).status_code == 404


async def test_a_patient_and_all_that_refers_to_it_can_go_together(fhir: Client) -> None:
    await fhir.put(patient("p"))
    await fhir.put(observation("Patient/p", "o"))
    answer = await _send(fhir, bundle("transaction", entry("DELETE", "Patient/p"), entry("DELETE", "Observation/o")))
    assert _statuses(answer) == ["204", "204"]


async def test_a_resource_is_written_once(fhir: Client) -> None:
    answer = await _send(
        fhir,
        bundle("transaction", entry("PUT", "Patient/p", patient("p")), entry("DELETE", "Patient/p")),
    )
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].request"]


async def test_conditional_creates_in_transactions_make_one(fhir: Client) -> None:
    resource = {"resourceType": "Patient", "identifier": [{"system": "urn:s", "value": "v"}]}
    body = bundle(
        "transaction",
        {**entry("POST", "Patient", resource, ifNoneExist="identifier=urn:s|v"), "fullUrl": URN},
        entry("POST", "Observation", observation(URN)),
    )
    answers = await asyncio.gather(*(_send(fhir, body) for _ in range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(_statuses(answer)[0] for answer in answers) == ["200"] * 31 + ["201"]
    found = (await fhir.get("Patient?_total=accurate")).json()
    assert found["total"] == 1
    owner = found["entry"][0]["resource"]["id"]
    assert (await fhir.get(f"Patient/{owner}/Observation?_summary=count")).json()["total"] == 32


async def test_a_json_patch_comes_in_a_binary(fhir: Client) -> None:
    await fhir.put(patient("p"))
    operations = msgspec.json.encode([{"op": "add", "path": "/active", "value": True}])
    binary = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(operations).decode(),
    }
    answer = await _send(fhir, bundle("transaction", entry("PATCH", "Patient/p", binary)))
    assert _statuses(answer) == ["200"], answer.text
    assert (await fhir.get("Patient/p")).json()["active"] is True


async def test_the_resource_comes_back_where_it_is_asked_for(fhir: Client) -> None:
    body = bundle("transaction", entry("PUT", "Patient/p", patient("p")))
    assert "resource" not in (await _send(fhir, body)).json()["entry"][0]
    shown = (await _send(fhir, body, prefer="return=representation")).json()["entry"][0]
    assert shown["resource"]["id"] == "p"


async def test_relative_links_are_replaced_only_within_one_root(fhir: Client) -> None:
    await fhir.put(patient("1"))
    elsewhere = "http://gp.example.org/fhir"
    answer = await _send(
        fhir,
        bundle(
            "transaction",
            {**entry("POST", "Patient", patient("1", active=True)), "fullUrl": f"{elsewhere}/Patient/1"},
            {**entry("POST", "Observation", observation("Patient/1")), "fullUrl": f"{elsewhere}/Observation/1"},
            entry("POST", "Observation", observation("Patient/1")),
        ),
    )
    places = [item["response"]["location"].removeprefix(BASE + "/") for item in answer.json()["entry"]]
    theirs = (await fhir.get(places[1])).json()["subject"]["reference"]
    ours = (await fhir.get(places[2])).json()["subject"]["reference"]
    assert theirs == places[0].partition("/_history")[0]
    assert ours == "Patient/1"


async def test_batch_entries_stand_each_for_itself(fhir: Client) -> None:
    answer = await _send(
        fhir,
        bundle(
            "batch",
            entry("PUT", "Patient/a", patient("a")),
            entry("PUT", "Patient/b", patient("b", gender="robot")),
            entry("GET", "Patient/a"),
            entry("GET", "Patient/none"),
            entry("HEAD", "Patient/a"),
            entry("POST", "/", {"resourceType": "Bundle", "type": "batch"}),
        ),
    )
    made = answer.json()
    assert (answer.status_code, made["type"]) == (200, "batch-response")
    assert _statuses(answer) == ["201", "400", "200", "404", "200", "400"]
    assert made["entry"][1]["response"]["outcome"]["issue"][0]["expression"] == ["Patient.gender"]
    assert made["entry"][2]["resource"]["id"] == "a"
    assert "resource" not in made["entry"][4]


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Bundle", "type": "collection"},
        {"resourceType": "Patient"},
        {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": {"resourceType": "Patient"}}]},
        {"resourceType": "Bundle", "type": "transaction", "entry": "x"},
        {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "EAT", "url": "Patient"}}]},
    ],
)
async def test_a_frame_that_is_none_is_refused(fhir: Client, body: dict[str, Any]) -> None:
    answer = await _send(fhir, body)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_an_empty_transaction_is_answered(fhir: Client) -> None:
    answer = await _send(fhir, {"resourceType": "Bundle", "type": "transaction"})
    assert answer.status_code == 200
    assert answer.json()["type"] == "transaction-response"


async def test_writes_of_one_resource_in_a_batch_are_done_in_turn(fhir: Client) -> None:
    dates = [f"1950-01-{day:02d}" for day in range(1, 13)]
    entries = [entry("PUT", "Patient/a", patient("a", birthDate=date)) for date in dates]
    entries.insert(3, entry("PUT", "Patient/b", patient("b")))
    answer = (await _send(fhir, bundle("batch", *entries))).json()["entry"]
    del answer[3]
    etags = [one["response"]["etag"] for one in answer]
    assert etags == [f'W/"{version}"' for version in range(1, 13)]
    assert (await fhir.get("Patient/a")).json()["birthDate"] == dates[-1]


async def test_each_entry_of_a_batch_is_audited(fhir: Client) -> None:
    body = bundle("batch", entry("PUT", "Patient/a", patient("a")), entry("GET", "Patient/zzz"))
    await fhir.send("POST", "", encoded(body), content_type="application/fhir+json", x_request_id="the-batch")
    events = (await fhir.get("AuditEvent?_count=10")).json()["entry"]
    mine = [
        event["resource"]["subtype"][0]["code"]
        for event in events
        if any(
            entity.get("what", {}).get("identifier", {}).get("value") == "the-batch"
            for entity in event["resource"]["entity"]
        )
    ]
    assert sorted(mine) == ["batch", "read", "update"]


async def test_a_conditional_create_beside_a_plain_one_of_the_same_identifier_is_refused(fhir: Client) -> None:
    resource = {"resourceType": "Patient", "identifier": [{"system": "urn:u", "value": "77"}]}
    other = {"resourceType": "Patient", "identifier": [{"system": "urn:other", "value": "77"}]}
    twice = bundle(
        "transaction",
        entry("POST", "Patient", resource),
        entry("POST", "Patient", resource, ifNoneExist="identifier=urn:u|77"),
    )
    answer = await _send(fhir, twice)
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].request.ifNoneExist"]
    assert (await fhir.get("Patient?_summary=count")).json()["total"] == 0
    apart = bundle(
        "transaction",
        entry("POST", "Patient", other),
        entry("POST", "Patient", resource, ifNoneExist="identifier=urn:u|77"),
    )
    assert _statuses(await _send(fhir, apart)) == ["201", "201"]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("Patient/nobody", 404),
        ("Patient/gone", 410),
        ("Patient/there/_history/9", 404),
        ("Patient?birthdate=tomorrow", 400),
        ("Nonsense/1", 404),
    ],
)
async def test_a_read_that_cannot_succeed_refuses_the_whole(fhir: Client, url: str, status: int) -> None:
    await fhir.put(patient("there"))
    await fhir.put(patient("gone"))
    await fhir.send("DELETE", "Patient/gone")
    answer = await _send(fhir, bundle("transaction", entry("PUT", "Patient/a", patient("a")), entry("GET", url)))
    assert answer.status_code == status
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1]"]
    assert (await fhir.get("Patient/a")).status_code == 404


async def test_what_a_transaction_deletes_it_cannot_read(fhir: Client) -> None:
    await fhir.put(patient("p"))
    answer = await _send(fhir, bundle("transaction", entry("DELETE", "Patient/p"), entry("GET", "Patient/p")))
    assert answer.status_code == 410
    assert (await fhir.get("Patient/p")).status_code == 200


async def test_reads_of_a_transaction_see_it_and_are_audited_once(fhir: Client) -> None:
    await fhir.put(patient("old"))
    body = bundle(
        "transaction",
        entry("PUT", "Patient/a", patient("a")),
        entry("GET", "Patient/a"),
        entry("GET", "Patient/old"),
        entry("GET", "Patient?_id=a"),
    )
    answer = await _send(fhir, body, x_request_id="tx-reads")
    assert _statuses(answer) == ["201", "200", "200", "200"]
    assert answer.json()["entry"][3]["resource"]["entry"][0]["resource"]["id"] == "a"
    events = (await fhir.get("AuditEvent?_count=20")).json()["entry"]
    mine = [e["resource"]["subtype"][0]["code"] for e in events if "tx-reads" in str(e["resource"]["entity"])]
    assert sorted(mine) == ["read", "read", "search-type", "transaction"]
