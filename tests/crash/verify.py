"""What must hold after a restart: nothing acknowledged is lost, nothing is half done, nothing is new to everybody."""

import asyncio
import os
import random
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from fhir_server.bench.server import RunningServer, command
from fhir_server.store.open import open_store
from fhir_server.store.options import StoreOptions
from fhir_server.store.values import Event
from tests.crash.clients import Client, marker_of, version_of
from tests.crash.ledger import Attempt, Key, Ledger

Seen = dict[Key, dict[int, str | None]]
OLDER = 60
"""How many resources that this round did not touch are read again."""


def pages(http: httpx.Client, address: str) -> Iterator[dict[str, Any]]:
    """A searchset or history, page by page."""
    following: str | None = address
    while following:
        answer = http.get(following)
        assert answer.status_code == 200, answer.text
        bundle: dict[str, Any] = answer.json()
        yield bundle
        following = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)


def read_history(http: httpx.Client, since: str | None) -> tuple[Seen, str]:
    """Every version that the system has gained since that time, and the time to ask from the next time."""
    query = "?_count=1000" + (f"&_since={quote(since)}" if since else "")
    seen: Seen = {}
    asked_next = ""
    for bundle in pages(http, f"/_history{query}"):
        asked_next = asked_next or bundle["meta"]["lastUpdated"]
        for entry in bundle.get("entry", ()):
            key, version, marker = _entry(entry)
            assert version not in seen.get(key, {}), f"{key} version {version} stands twice in one history"
            seen.setdefault(key, {})[version] = marker
    return seen, asked_next


def _entry(entry: dict[str, Any]) -> tuple[Key, int, str | None]:
    version = version_of(entry["response"]["etag"])
    if entry["request"]["method"] == "DELETE":
        kind, identity = entry["request"]["url"].split("/")[-2:]
        return (kind, identity), version, None
    resource = entry["resource"]
    assert resource["meta"]["versionId"] == str(version), entry
    return (resource["resourceType"], resource["id"]), version, marker_of(resource)


def _settle(ledger: Ledger, attempt: Attempt, seen: Seen) -> str | None:
    """Find out whether a request whose answer never came was carried out; a fault where it was done by half."""
    by_marker = {
        marker: (key, version) for key, versions in seen.items() for version, marker in versions.items() if marker
    }
    found = []
    for effect in attempt.effects:
        if effect.marker is not None:
            found.append(by_marker.get(effect.marker))
        else:
            key = (effect.type, str(effect.id))
            version = effect.after + 1
            there = version in seen.get(key, {}) and seen[key][version] is None
            found.append((key, version) if there else None)
    if all(place is None for place in found):
        return None
    if any(place is None for place in found):
        return f"{attempt.request_id} was done by half: {list(zip(attempt.effects, found, strict=True))}"
    for effect, place in zip(attempt.effects, found, strict=True):
        if place is not None:
            ledger.write(*place, effect.marker)
    return None


def faults_of_history(clients: Sequence[Client], seen: Seen) -> list[str]:
    """Compare what the server has with what the clients were told, for the versions of this round."""
    faults: list[str] = []
    known: set[tuple[str, str, int]] = set()
    for client in clients:
        ledger = client.ledger
        if ledger.in_doubt:
            half = _settle(ledger, ledger.in_doubt, seen)
            faults += [half] if half else []
        faults += ledger.faults
        for kind, identity, version in ledger.fresh:
            marker = ledger.versions[kind, identity][version]
            there = seen.get((kind, identity), {})
            if version not in there:
                faults.append(f"lost: {kind}/{identity} version {version} ({marker})")
            elif there[version] != marker:
                faults.append(f"changed: {kind}/{identity} version {version} is {there[version]}, was {marker}")
        for (kind, identity), versions in ledger.versions.items():
            known |= {(kind, identity, version) for version in versions}
            if sorted(versions) != list(range(1, len(versions) + 1)):
                faults.append(f"gap: {kind}/{identity} has the versions {sorted(versions)}")
    there_now = {(*key, version) for key, versions in seen.items() for version in versions}
    faults += [f"nobody sent: {'/'.join(map(str, ghost))}" for ghost in sorted(there_now - known)]
    return faults


def faults_of_reads(http: httpx.Client, clients: Sequence[Client], choice: random.Random) -> list[str]:
    """Read what this round touched, and some of the rest: the newest version is the one that is shown."""
    faults = []
    for client in clients:
        ledger = client.ledger
        touched = {(kind, identity) for kind, identity, _ in ledger.fresh}
        rest = sorted(set(ledger.versions) - touched)
        keys = [*sorted(touched), *choice.sample(rest, min(len(rest), OLDER // len(clients)))]
        entries = [{"request": {"method": "GET", "url": "/".join(key)}} for key in keys]
        if not entries:
            # A client whose every request of a first round was cut off was told of nothing.
            continue
        answer = http.post("/", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
        assert answer.status_code == 200, answer.text
        read = answer.json().get("entry", [])
        for key, entry in zip(keys, read, strict=True):
            marker = ledger.marker(key)
            expected = "410" if marker is None else (ledger.version(key), marker)
            if _shown(entry) != expected:
                faults.append(f"{'/'.join(key)}: {_shown(entry)} is shown, {expected} was acknowledged last")
    return faults


def _shown(entry: dict[str, Any]) -> tuple[int, str] | str:
    """Version and marker of what a read gave, else its status."""
    status = str(entry["response"]["status"])[:3]
    return (version_of(entry["response"]["etag"]), marker_of(entry["resource"])) if status == "200" else status


def faults_of_search(http: httpx.Client, clients: Sequence[Client]) -> list[str]:
    """A search by patient gives each client's present Observations, no more and no fewer."""
    faults = []
    for client in clients:
        ledger = client.ledger
        due = {key[1] for key in ledger.versions if key[0] == "Observation" and ledger.marker(key) is not None}
        found = {
            entry["resource"]["id"]
            for bundle in pages(http, f"/Observation?patient={client.patient}&_count=1000")
            for entry in bundle.get("entry", ())
            if entry["search"]["mode"] == "match"
        }
        if found != due:
            faults.append(f"search for {client.patient}: missing {due - found}, too many {found - due}")
    return faults


def faults_of_audit(http: httpx.Client, clients: Sequence[Client], since: datetime) -> list[str]:
    """Every answered request of this round stands in the audit."""
    moment = f"{(since - timedelta(seconds=2)).astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
    recorded = {
        entity["what"]["identifier"]["value"]
        for bundle in pages(http, f"/AuditEvent?date=ge{moment}&_count=1000")
        for entry in bundle.get("entry", ())
        for entity in entry["resource"].get("entity", ())
        if entity["type"]["code"] == "XrequestId"
    }
    missing = {request for client in clients for request in client.ledger.requests} - recorded
    return [f"not in the audit: {', '.join(sorted(missing))}"] if missing else []


def read_outbox(server: RunningServer) -> list[Event]:
    """All entries of the outbox, read as another process of the same store does."""

    async def read() -> list[Event]:
        heads = dict(server.settings).get("FHIR_AUDIT_HEADS")
        store = await open_store(server.store_url, StoreOptions(heads=Path(heads) if heads else None))
        try:
            found: list[Event] = []
            while page := await store.events(found[-1].sequence if found else 0, 1_000):
                found += page
            return found
        finally:
            await store.close()

    return asyncio.run(read())


def faults_of_outbox(events: Sequence[Event], seen: Seen) -> list[str]:
    """The outbox tells every version of the history once, those of a resource in their order, and nothing else."""
    told: dict[Key, list[int]] = {}
    for event in events:
        told.setdefault((event.type, event.id), []).append(event.version)
    return [
        f"outbox: {'/'.join(key)} has the versions {sorted(seen.get(key, {}))}, told were {told.get(key, [])}"
        for key in sorted(set(told) | set(seen))
        if told.get(key, []) != sorted(seen.get(key, {}))
    ]


def faults_of_commands(server: RunningServer, names: Iterable[str]) -> list[str]:
    """`fhir-server audit verify` and `fhir-server index verify` find nothing wrong. They run side by side."""
    running = [
        (
            name,
            subprocess.Popen(
                [str(command()), name, "verify", "--store", server.store_url],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env={**os.environ, **dict(server.settings)},
            ),
        )
        for name in names
    ]
    faults = []
    for name, process in running:
        said, _ = process.communicate(timeout=300)
        if process.returncode:
            faults.append(f"{name} verify ended with {process.returncode}: {said[-1500:]}")
    return faults
