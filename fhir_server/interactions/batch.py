"""batch: entries that stand each for itself. https://hl7.org/fhir/R4/http.html#transaction

Each entry goes through the whole pipeline as a request of its own: decided, audited and answered alone.
"""

import asyncio
from calendar import timegm
from collections.abc import Hashable, Iterable, Sequence
from email.utils import parsedate

from fhir_server.interactions.bundle_entries import METHODS, BundleEntry, ReceivedBundle
from fhir_server.interactions.context import Context
from fhir_server.model.json import dump
from fhir_server.request import FhirResponse
from fhir_server.store.values import instant

_AT_ONCE = 32
_IN_TURN = frozenset({"QuestionnaireResponse"})
"""Types among whose resources a rule chooses by what came before: which plan is in force"""


async def run_batch(context: Context, bundle: ReceivedBundle) -> FhirResponse:
    """200 with a batch-response, an entry for each entry in its order; reads see what the writes before them did.

    Writes go side by side, but those of one resource and those of plans in the order of their entries: what comes last
    must be what holds."""
    answers: dict[int, FhirResponse] = {}
    gate = asyncio.Semaphore(_AT_ONCE)

    async def carry_out(lane: Sequence[BundleEntry]) -> None:
        async with gate:
            for entry in lane:
                answers[entry.position] = await context.dispatch(entry.request(context.request))

    for methods in METHODS:
        await asyncio.gather(*map(carry_out, _lanes(entry for entry in bundle.entries if entry.method in methods)))
    ordered = [(answers[entry.position], entry.method) for entry in bundle.entries]
    return response_bundle(context, "batch-response", ordered)


def _lanes(entries: Iterable[BundleEntry]) -> list[list[BundleEntry]]:
    """The entries in groups that may go side by side; within one they go in turn."""
    lanes: dict[Hashable, list[BundleEntry]] = {}
    for entry in entries:
        lanes.setdefault(_lane(entry), []).append(entry)
    return list(lanes.values())


def _lane(entry: BundleEntry) -> Hashable:
    if entry.method in ("GET", "HEAD"):
        return entry.position
    if entry.path[:1] and entry.path[0] in _IN_TURN:
        return entry.path[0]
    return entry.position if entry.method == "POST" else (entry.path, entry.parameters)


def response_entry(answer: FhirResponse, method: str) -> bytes:
    """The answer to an entry as an entry of the response Bundle: failures with their OperationOutcome."""
    headers = dict(answer.headers)
    response: dict[str, str] = {"status": str(answer.status)}
    for header, element in (("Location", "location"), ("ETag", "etag")):
        if header in headers:
            response[element] = headers[header]
    if answer.written and answer.written[0].version:
        response["lastModified"] = instant(answer.written[0].last_updated_ms)
    elif "Last-Modified" in headers:
        response["lastModified"] = instant(timegm(parsedate(headers["Last-Modified"]) or ()) * 1000)
    if answer.status >= 400:
        outcome = b',"outcome":' + answer.body if answer.body else b""
        return b'{"response":' + dump(response)[:-1] + outcome + b"}}"
    resource = b'"resource":' + answer.body + b"," if answer.body and not answer.raw and method != "HEAD" else b""
    return b"{" + resource + b'"response":' + dump(response) + b"}"


def response_bundle(context: Context, bundle_type: str, answers: Sequence[tuple[FhirResponse, str]]) -> FhirResponse:
    """A response Bundle of these answers to entries, each with the entry's method."""
    head = {
        "resourceType": "Bundle",
        "id": context.server.new_id(),
        "type": bundle_type,
        "link": [{"relation": "self", "url": context.server.base_url}],
    }
    entries = [response_entry(answer, method) for answer, method in answers]
    tail = b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}"
    written = tuple(write for answer, _ in answers for write in answer.written)
    return FhirResponse(200, dump(head)[:-1] + tail, written=written)
