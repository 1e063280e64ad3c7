"""Bundles in which it cannot be told who is meant, and entries that ask for what their own request would get."""

from typing import Any

import pytest

from tests.running import Client, encoded, observation, patient

URN = "urn:uuid:0d4c4a5e-6f0b-4c6f-8a4e-5a7a0c0a0001"
NHS = "https://fhir.nhs.uk/Id/nhs-number"
STATUS = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"


def _entry(method: str, url: str, resource: Any = None, full_url: str = "", **request: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    return made | ({"fullUrl": full_url} if full_url else {})


async def _sent(fhir: Client, kind: str, *entries: dict[str, Any]) -> Any:
    return await fhir.post({"resourceType": "Bundle", "type": kind, "entry": list(entries)}, "")


def _verified(number: str, **elements: Any) -> dict[str, Any]:
    status = {"url": STATUS, "valueCodeableConcept": {"coding": [{"code": "01"}]}}
    return patient("x", identifier=[{"system": NHS, "value": number, "extension": [status]}], **elements)


async def _versions(fhir: Client) -> int:
    return int((await fhir.get("_history?_count=1")).json()["total"])


# --- who is meant ------------------------------------------------------------------------------------------------


async def test_two_resources_of_one_full_url_are_refused(fhir: Client) -> None:
    twins = [patient("x", meta={"versionId": number}) for number in ("1", "2")]
    answer = await _sent(
        fhir,
        "transaction",
        *(_entry("POST", "Patient", twin, URN) for twin in twins),
        _entry("POST", "Observation", observation(URN)),
    )
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].fullUrl"]
    assert await _versions(fhir) == 0


async def test_a_number_of_two_patients_of_the_bundle_names_neither(fhir: Client) -> None:
    subject = {"type": "Patient", "identifier": {"system": NHS, "value": "9990000018"}}
    record = observation("Patient/x") | {"subject": subject}
    twins = (_entry("POST", "Patient", _verified("9990000018", birthDate=year)) for year in ("1931", "1932"))
    answer = await _sent(fhir, "transaction", *twins, _entry("POST", "Observation", record))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[2].resource.subject"]
    assert await _versions(fhir) == 0


async def test_a_patient_found_by_other_means_does_not_carry_what_the_entry_claims(fhir: Client) -> None:
    await fhir.put(patient("p", identifier=[{"system": "urn:home", "value": "7"}]))
    subject = {"type": "Patient", "identifier": {"system": NHS, "value": "9990000018"}}
    answer = await _sent(
        fhir,
        "transaction",
        _entry("POST", "Patient", _verified("9990000018"), ifNoneExist="identifier=urn:home|7"),
        _entry("POST", "Observation", observation("Patient/x") | {"subject": subject}),
    )
    assert answer.status_code == 422
    assert (await fhir.get("Patient/p/Observation")).json().get("entry") is None


@pytest.mark.parametrize("order", [1, -1])
async def test_what_a_condition_finds_is_not_written_beside(fhir: Client, order: int) -> None:
    await fhir.put(patient("p", identifier=[{"system": "urn:home", "value": "7"}]))
    found = _entry("POST", "Patient", patient("x"), URN, ifNoneExist="identifier=urn:home|7")
    for other in (_entry("DELETE", "Patient/p"), _entry("PUT", "Patient/p", patient("p", active=False))):
        answer = await _sent(fhir, "transaction", *[found, other][::order])
        assert answer.status_code == 400
        assert answer.json()["issue"][0]["code"] == "duplicate"
    assert await _versions(fhir) == 1


async def test_two_entries_under_one_condition_make_no_two_resources(fhir: Client) -> None:
    made = patient("x", identifier=[{"system": "urn:home", "value": "7"}])
    twice = [_entry("POST", "Patient", made, ifNoneExist="identifier=urn:home|7")] * 2
    answer = await _sent(fhir, "transaction", *twice)
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].request.ifNoneExist"]
    assert await _versions(fhir) == 0
    await fhir.post(made)
    answer = await _sent(fhir, "transaction", *twice)
    assert [entry["response"]["status"] for entry in answer.json()["entry"]] == ["200", "200"]
    assert await _versions(fhir) == 1


async def test_a_reference_that_goes_on_behind_the_id_is_no_patient(fhir: Client) -> None:
    for name in ("p", "q"):
        await fhir.put(patient(name))
    answer = await fhir.post(observation("http://127.0.0.1:8080/fhir/Patient/p/Patient/q"))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["Observation.subject"]


# --- entries as requests -----------------------------------------------------------------------------------------


async def test_an_entry_gets_what_its_own_request_would_get(fhir: Client) -> None:
    await fhir.put(patient("p"))
    answer = await _sent(
        fhir,
        "batch",
        _entry("HEAD", "Patient/p"),
        _entry("GET", "Patient/p", ifModifiedSince="2099-01-01T00:00:00Z"),
        _entry("GET", "Patient/p", ifModifiedSince="2001-01-01T00:00:00Z"),
        _entry("GET", "Patient/p", ifNoneMatch='W/"1"'),
        _entry("DELETE", "Patient/none"),
        _entry("DELETE", "Patient/none", ifMatch='W/"1"'),
        _entry("PUT", "Patient/none", patient("none"), ifMatch='W/"1"'),
        _entry("PUT", "Patient/p", patient("p", active=True), ifMatch='W/"\u0661"'),
    )
    entries = answer.json()["entry"]
    assert [entry["response"]["status"] for entry in entries] == [
        *("200", "304", "200", "304"),
        *("204", "412", "412", "412"),
    ]
    assert ["resource" in entry for entry in entries[:4]] == [False, False, True, False]
    assert await _versions(fhir) == 1


async def test_a_deletion_of_nothing_in_a_transaction(fhir: Client) -> None:
    answer = await _sent(fhir, "transaction", _entry("DELETE", "Patient/none"), _entry("POST", "Patient", patient("x")))
    assert [entry["response"]["status"] for entry in answer.json()["entry"]] == ["204", "201"]
    refused = await _sent(fhir, "transaction", _entry("DELETE", "Patient/none", ifMatch='W/"1"'))
    assert refused.status_code == 412
    assert refused.json()["issue"][0]["expression"] == ["Bundle.entry[0]"]
    assert await _versions(fhir) == 1


async def test_an_url_of_any_length_is_not_kept(fhir: Client) -> None:
    answer = await _sent(fhir, "batch", _entry("GET", "Patient?name=" + "a" * 100_000))
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[0].request.url"]
    assert len((await fhir.get("AuditEvent")).content) < 20_000


async def test_a_bundle_of_too_many_entries_is_counted_before_it_is_read(fhir: Client) -> None:
    body = encoded({"resourceType": "Bundle", "type": "batch", "entry": [{}] * 50_001})
    answer = await fhir.send("POST", "", body, content_type="application/fhir+json")
    assert answer.status_code == 413
    assert [issue["expression"] for issue in answer.json()["issue"]] == [["Bundle.entry"]]
