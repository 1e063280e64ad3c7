"""history through HTTP: order, time, pages that are a snapshot."""

from typing import Any

from tests.running import BASE, Client, observation, patient


def _ids(bundle: dict[str, Any]) -> list[str]:
    return [f"{e['fullUrl'].removeprefix(BASE + '/')}/{e['response']['etag']}" for e in bundle.get("entry", ())]


async def test_an_entry_says_how_the_version_came(fhir: Client) -> None:
    await fhir.put(patient("p"))
    await fhir.put(patient("p", active=True))
    await fhir.send("DELETE", "Patient/p")
    answer = await fhir.get("Patient/p/_history")
    bundle = answer.json()
    assert (answer.status_code, bundle["type"], bundle["total"]) == (200, "history", 3)
    shown = [(e["request"], e["response"]["status"], e["response"]["etag"], "resource" in e) for e in bundle["entry"]]
    assert shown == [
        ({"method": "DELETE", "url": "Patient/p"}, "204", 'W/"3"', False),
        ({"method": "PUT", "url": "Patient/p"}, "200", 'W/"2"', True),
        ({"method": "PUT", "url": "Patient/p"}, "201", 'W/"1"', True),
    ]
    assert bundle["link"][0] == {"relation": "self", "url": f"{BASE}/Patient/p/_history"}


async def test_unknown_is_404(fhir: Client) -> None:
    assert (await fhir.get("Patient/none/_history")).status_code == 404
    assert (await fhir.get("Patient/_history")).json()["total"] == 0


async def test_pages_do_not_move_while_others_write(fhir: Client) -> None:
    await fhir.put(patient("p"))
    for number in range(9):
        await fhir.put(observation("Patient/p", f"o{number}"))
    first = (await fhir.get("Observation/_history?_count=4")).json()
    seen = _ids(first)
    page = first
    while any(link["relation"] == "next" for link in page["link"]):
        await fhir.put(observation("Patient/p", f"late{len(seen)}"))
        await fhir.put(observation("Patient/p", "o0", note=[{"text": f"changed after {len(seen)}"}]))
        following = next(link["url"] for link in page["link"] if link["relation"] == "next")
        page = (await fhir.get(following)).json()
        assert page["total"] == 9
        seen += _ids(page)
    assert seen == [f'Observation/o{number}/W/"1"' for number in range(8, -1, -1)]


async def test_a_page_link_cannot_be_changed_or_moved(fhir: Client) -> None:
    for number in range(3):
        await fhir.put(patient(f"p{number}"))
    first = (await fhir.get("Patient/_history?_count=1")).json()
    token = next(link["url"] for link in first["link"] if link["relation"] == "next").partition("_page=")[2]
    assert (await fhir.get(f"Patient/_history?_page={token}")).status_code == 200
    assert (await fhir.get(f"Observation/_history?_page={token}")).status_code == 400
    assert (await fhir.get(f"Patient?_page={token}")).status_code == 400
    broken = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    assert (await fhir.get(f"Patient/_history?_page={broken}")).status_code in (400, 404)


async def test_polling_from_the_bundles_time_misses_nothing(fhir: Client) -> None:
    seen: set[str] = set()
    since = ""
    for number in range(20):
        await fhir.put(patient("p", multipleBirthInteger=number))
        await fhir.put(patient(f"q{number}"))
        bundle = (await fhir.get(f"_history?_count=100{since}")).json()
        seen |= set(_ids(bundle))
        since = f"&_since={bundle['meta']['lastUpdated']}"
    bundle = (await fhir.get(f"_history?_count=100{since}")).json()
    seen |= set(_ids(bundle))
    assert seen == {f'Patient/p/W/"{n + 1}"' for n in range(20)} | {f'Patient/q{n}/W/"1"' for n in range(20)}


async def test_at_gives_what_was_current_then(fhir: Client) -> None:
    first = (await fhir.put(patient("p"))).json()["meta"]["lastUpdated"]
    second = (await fhir.put(patient("p", active=True))).json()["meta"]["lastUpdated"]
    at_first = (await fhir.get(f"Patient/p/_history?_at={first}")).json()
    assert 'Patient/p/W/"1"' in _ids(at_first)
    at_second = (await fhir.get(f"Patient/p/_history?_at={second}")).json()
    assert _ids(at_second)[0] == 'Patient/p/W/"2"'
    assert (await fhir.get("Patient/p/_history?_at=2001")).json()["total"] == 0


async def test_bad_parameters_say_what_was_expected(fhir: Client) -> None:
    for query in ("_since=yesterday", "_since=2026-01-01", "_at=x", "_count=-1", "_count=many"):
        answer = await fhir.get(f"_history?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["issue"][0]["diagnostics"]
    assert (await fhir.get("_history?colour=blue", prefer="handling=strict")).status_code == 400
    lenient = (await fhir.get("_history?colour=blue")).json()
    assert lenient["entry"][-1]["search"] == {"mode": "outcome"}
