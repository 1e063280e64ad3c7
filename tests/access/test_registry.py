"""Every interaction and operation under a policy that refuses, and under a filter that shows nothing."""

from collections.abc import Iterator

import pytest

from auth.access import deny_everything
from fhir_server.interactions import INTERACTIONS
from fhir_server.interactions.context import Interaction
from fhir_server.operations import OPERATIONS
from fhir_server.store.access import NOTHING
from fhir_server.store.criteria import AuditQuery
from tests.access.people import write
from tests.access.serving import World
from tests.mappers.gp_connect.documents import document
from tests.running import Client, encoded, observation, patient

PLACES = {"[type]": "Observation", "[id]": "oa1", "[vid]": "1", "[within]": "Observation"}
ENTRY = "an-entry"
"""Stands for the id of an entry of the audit, which each store names in its own way"""
QUERIES = {
    ("$ingest", ""): "?mapper=gp-connect",
    ("search-system", "GET"): "?_type=Observation",
    ("update", "Observation"): "?status=final",
    ("patch", "Observation"): "?status=final",
    ("delete", "Observation"): "?status=final",
}
"""What some addresses need to be answered, by interaction and method or path"""
SCRIPT = (
    patient("a"),
    patient("b"),
    observation("Patient/a", "oa1", effectiveDateTime="2026-01-05"),
    observation("Patient/b", "oa2", effectiveDateTime="2026-01-06"),
)


def _routes() -> Iterator[tuple[Interaction, str, str]]:
    for interaction in (*INTERACTIONS, *OPERATIONS):
        # Batch has no route of its own: it comes to that of the transaction.
        routes = interaction.routes or (("POST", ()),)
        for method, shape in routes:
            places = dict(PLACES)
            if interaction.types:
                resource_type = next(iter(interaction.types))
                places |= {"[type]": resource_type, "[id]": "a" if resource_type == "Patient" else ENTRY}
            if "[within]" in shape:
                places |= {"[type]": "Patient", "[id]": "a"}
            path = "/".join(places.get(segment, segment) for segment in shape)
            keys = ((interaction.code, word) for word in ("", method, path))
            yield interaction, method, path + next((QUERIES[key] for key in keys if key in QUERIES), "")


ROUTES = [pytest.param(*route, id=f"{route[0].code}-{route[1]}-{route[2]}") for route in _routes()]


def _body(interaction: Interaction, method: str, path: str) -> tuple[bytes, str]:
    if path.endswith("_search"):
        types = b"&_type=Observation" if path == "_search" else b""
        return b"_count=5" + types, "application/x-www-form-urlencoded"
    if method == "PATCH":
        return b'[{"op":"replace","path":"/status","value":"amended"}]', "application/json-patch+json"
    if path.startswith("$ingest"):
        return encoded(document()), "application/json"
    if not path:
        entries = [
            {"request": {"method": "GET", "url": "Observation/oa1"}},
            {"request": {"method": "DELETE", "url": "Observation/oa2"}},
        ]
        bundle = {"resourceType": "Bundle", "type": interaction.code, "entry": entries}
        return encoded(bundle), "application/fhir+json"
    return encoded(observation("Patient/a", "oa1", note=[{"text": "x"}])), "application/fhir+json"


async def _asked(here: World, interaction: Interaction, method: str, path: str) -> tuple[int, bytes]:
    entry = (await here.store.unbound_session().search_audit(AuditQuery(count=1))).entries[0]
    path = path.replace(ENTRY, entry.id)
    body, kind = _body(interaction, method, path) if method in ("POST", "PUT", "PATCH") else (b"", "")
    headers = {"content_type": kind} if kind else {}
    answer = await here.fhir.send(method, path, body, **headers)
    return answer.status_code, answer.content


async def _everything(fhir: Client) -> bytes:
    history = (await fhir.get("_history?_count=1000")).content
    return history[history.index(b'"entry":') :]


@pytest.mark.parametrize(("interaction", "method", "path"), ROUTES)
async def test_without_a_policy_everything_is_refused(
    here: World, interaction: Interaction, method: str, path: str
) -> None:
    await write(here, SCRIPT)
    before, policy = await _everything(here.fhir), here.policy
    here.policy = deny_everything
    status, body = await _asked(here, interaction, method, path)
    here.policy = policy
    assert status == 403
    assert b"No access policy is set on this server." in body
    assert await _everything(here.fhir) == before


@pytest.mark.parametrize(("interaction", "method", "path"), ROUTES)
async def test_a_filter_of_nothing_shows_nothing(here: World, interaction: Interaction, method: str, path: str) -> None:
    await write(here, SCRIPT)
    before = await _everything(here.fhir)
    with here.seen_by(NOTHING):
        status, body = await _asked(here, interaction, method, path)
    assert await _everything(here.fhir) == before
    expected = {
        "capabilities": 200,
        "create": 422,
        "delete": 204,
        "search-type": 200,
        "search-system": 200,
        "history-type": 200,
        "history-system": 200,
        "batch": 200,
        "$ingest": 403,
    }
    assert status == expected.get(interaction.code, 404), body
    if interaction.code != "capabilities":
        for known in (b"oa2", b"Patient/b", b"2026-01-"):
            assert known not in body
    if interaction.code.startswith("history") and status == 200:
        assert b'"total":0' in body
    if status == 200 and interaction.code in ("batch", "transaction"):
        assert body.count(b'"status":"404"') == 1
        assert body.count(b'"status":"204"') == 1
