"""A small record written over HTTP with everything that a migration must carry, and all that can be asked of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fhir_server.store.contract import Store
from fhir_server.store.criteria import AuditQuery, HistoryQuery
from fhir_server.store.open import StoreOptions, open_store
from tests import mongod
from tests.running import BASE, Client, observation, patient, running

BED = "http://example.org/fhir/StructureDefinition/bed"
PEOPLE = [f"p{number}" for number in range(6)]
ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is, and where its audit heads are."""

    url: str
    heads: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"FHIR_STORE": self.url, "FHIR_AUDIT_HEADS": str(self.heads)}


def place(kind: str, folder: Path, name: str) -> Place:
    """An empty place of this kind."""
    url = f"sqlite:///{folder / name}.db" if kind == "sqlite" else mongod.new_database()
    return Place(url, folder / f"{name}.heads", folder)


@asynccontextmanager
async def application(at: Place) -> AsyncIterator[Client]:
    """The server on this store."""
    async with running(at.folder, store=at.url, audit_heads=str(at.heads)) as client:
        yield client


@asynccontextmanager
async def opened(at: Place) -> AsyncIterator[Store]:
    """The store itself."""
    store = await open_store(at.url, StoreOptions(heads=at.heads))
    try:
        yield store
    finally:
        await store.close()


def _parameter(id: str, code: str, expression: str) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter",
        "id": id,
        "url": f"http://example.org/fhir/SearchParameter/{code}",
        "name": code,
        "status": "active",
        "description": "One of our own",
        "code": code,
        "base": ["Patient"],
        "type": "string",
        "expression": expression,
    }


def _person(id: str, **more: Any) -> dict[str, Any]:
    number = PEOPLE.index(id)
    return patient(
        id,
        name=[{"family": f"Ångström-{number}", "given": ["Zoë", f"N{number}"]}],
        birthDate=f"19{30 + number}-02-1{number}",
        gender=("female", "male")[number % 2],
        identifier=[{"system": "https://example.org/residents", "value": f"r-{number}"}],
        extension=[{"url": BED, "valueString": f"Oak {number}"}],
        **more,
    )


async def _done(answer: Any) -> Any:
    assert answer.status_code < 300, answer.text
    return answer


async def fill(client: Client) -> None:
    """Creates, updates, patches, deletions, transactions, refusals, search parameters of our own: over all people."""
    for id in PEOPLE:
        await _done(await client.put(_person(id)))
    await _done(await client.put(_parameter("bed", "bed", f"Patient.extension.where(url = '{BED}').value")))
    for number, id in enumerate(PEOPLE * 6):
        value = {"value": 36 + number / 10, "unit": "°C", "system": "http://unitsofmeasure.org", "code": "Cel"}
        when = f"2026-0{1 + number % 9}-11T0{number % 10}:30:00Z"
        await _done(
            await client.put(
                observation(f"Patient/{id}", f"o{number}", valueQuantity=value, effectiveDateTime=when)
                | {"note": [{"text": f"seen by nurse {number}"}]}
            )
        )
    await _transactions(client)
    await _changes(client)
    await _refusals(client)
    await _done(await client.put(_parameter("nick", "nick", "Patient.name.given")))


async def _transactions(client: Client) -> None:
    for number, id in enumerate(PEOPLE):
        contained = {"resourceType": "Practitioner", "id": "dr", "name": [{"family": f"Contained{number}"}]}
        condition = {
            "resourceType": "Condition",
            "id": f"c{number}",
            "subject": {"reference": f"Patient/{id}"},
            "code": {"text": "Frailty", "coding": [{"system": "http://snomed.info/sct", "code": "248279007"}]},
            "contained": [contained],
            "asserter": {"reference": "#dr"},
        }
        entries = [
            {"resource": condition, "request": {"method": "PUT", "url": f"Condition/c{number}"}},
            {"resource": observation(f"Patient/{id}"), "request": {"method": "POST", "url": "Observation"}},
        ]
        await _done(await client.post({"resourceType": "Bundle", "type": "transaction", "entry": entries}, ""))


async def _changes(client: Client) -> None:
    for round in range(3):
        for id in PEOPLE[:4]:
            await _done(await client.put(_person(id, active=bool(round % 2), telecom=[{"value": f"0{round}"}])))
    patch = b'[{"op": "add", "path": "/status", "value": "amended"}]'
    for number in range(0, 30, 3):
        await _done(
            await client.send("PATCH", f"Observation/o{number}", patch, content_type="application/json-patch+json")
        )
    for number in range(0, 30, 5):
        await _done(await client.send("DELETE", f"Observation/o{number}"))
    # One that comes back after it was deleted.
    await _done(await client.put(observation("Patient/p1", "o10", status="final")))
    lone = {"resourceType": "Basic", "id": "lone", "code": {"text": "about nobody"}}
    await _done(await client.put(lone))
    await _done(await client.post({**lone, "code": {"text": "x"}}, "Basic", if_none_exist="_id=other"))


async def _refusals(client: Client) -> None:
    assert (await client.post({"resourceType": "Observation"})).status_code >= 400
    assert (await client.get("Patient/nobody")).status_code == 404
    assert (await client.get("Patient?name=zoe")).status_code == 200


async def change_more(client: Client) -> None:
    """Changes of what is there, as somebody makes who goes on while the record is being moved."""
    await _done(await client.put(_person("p5", active=True)))
    await _done(await client.send("DELETE", "Observation/o7"))
    await _done(await client.put(observation("Patient/p0", "o1", status="corrected")))
    await _done(await client.put(observation("Patient/p0", "brand-new")))


QUESTIONS = (
    "Patient?_sort=family",
    "Patient?_sort=-birthdate&_count=4",
    "Patient?bed=oak",
    "Patient?nick=zoë",
    "Patient?name:contains=ngstr",
    "Patient?identifier=https://example.org/residents|r-3",
    "Patient?_has:Observation:patient:code=8867-4&_total=accurate",
    "Observation?patient=p1&_sort=-date",
    "Observation?subject:Patient.name=zoe&status=amended",
    "Observation?value-quantity=gt37.5&_sort=date",
    "Observation?date=ge2026-03&_count=7",
    "Observation?code:text=heart",
    "Observation?patient=p2&_include=Observation:patient",
    "Condition?asserter:Practitioner.name=contained2",
    "Patient?_id=p1,p2&_revinclude=Observation:subject",
    "Condition?_content=frailty",
    "Basic?_lastUpdated=gt2020",
    "Patient/p1/Observation",
    "Patient/p1/*",
    "SearchParameter?name=bed",
)


async def answers(client: Client) -> dict[str, Any]:
    """What the server says to every question: reads, histories and searches, whole."""
    found: dict[str, Any] = {}
    for id in ("bed", "nick"):
        await _indexed(client, id)
    found["history"] = history = await _all_pages(client, "_history?_count=40")
    names = sorted({entry["fullUrl"].removeprefix(BASE + "/") for entry in history})
    for type in sorted({name.partition("/")[0] for name in names}):
        found[f"{type}/_history"] = await _all_pages(client, f"{type}/_history?_count=9")
    for name in names:
        found[f"{name}/_history"] = await _all_pages(client, f"{name}/_history")
        found[name] = await _answer(client, name)
        found[f"{name} 1"] = await _answer(client, f"{name}/_history/1")
    for since in history[:: len(history) // 4]:
        moment = since["response"]["lastModified"].replace("+", "%2B")
        found[f"since {moment}"] = await _all_pages(client, f"_history?_since={moment}")
        found[f"Patient since {moment}"] = await _all_pages(client, f"Patient/_history?_since={moment}")
        found[f"at {moment}"] = await _all_pages(client, f"Observation/_history?_at={moment}")
    for question in QUESTIONS:
        found[question] = await _all_pages(client, question)
    return found


async def _indexed(client: Client, id: str) -> None:
    async with asyncio.timeout(60):
        while True:
            parts = (await client.get(f"SearchParameter/{id}/$index-status")).json()["parameter"]
            if {"name": "status", "valueCode": "complete"} in parts:
                return
            await asyncio.sleep(0.1)


async def _answer(client: Client, path: str) -> Any:
    answer = await client.get(path)
    headers = {name: answer.headers.get(name) for name in ("etag", "last-modified")}
    return answer.status_code, headers, answer.content


async def _all_pages(client: Client, path: str) -> list[Any]:
    entries: list[Any] = []
    while True:
        answer = await client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        bundle = answer.json()
        entries += bundle.get("entry", [])
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            return entries
        path = following[0]


async def kept(at: Place) -> dict[str, Any]:
    """All that the store keeps, by its contract, past the server."""
    async with opened(at) as store:
        session = store.unbound_session()
        versions = (await session.history(HistoryQuery(count=ALL))).versions
        audit = (await session.search_audit(AuditQuery(count=ALL))).entries
        return {
            "versions": versions,
            "events": await store.events(0, ALL),
            "audit": sorted(audit, key=lambda each: each.id),
            "counts": (await store.counts()).by_type,
            "jobs": [(job.source, job.types) for job in await store.index_jobs()],
        }


async def broken_chains(at: Place) -> list[str]:
    """The audit chains that are not whole."""
    async with opened(at) as store:
        return [f"{each.chain}: {each.fault}" for each in await store.verify_audit() if each.fault is not None]
