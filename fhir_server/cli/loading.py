"""Loading resources and Bundles through the pipeline, with a progress bar and a summary.

Everything passes the same steps as a request over HTTP: validated, audited, committed. Several requests are under way
at once, so that they share commits.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fhir_server.app import build_pipeline, open_settings_store
from fhir_server.model.json import dump
from fhir_server.pipeline import Pipeline
from fhir_server.request import FhirRequest, FhirResponse, Origin
from fhir_server.settings import Settings

_AT_ONCE = 16
_JSON = {"content-type": "application/fhir+json", "prefer": "return=minimal"}
_CLIENT = "fhir-server load"
_MOST_SAID = 4
INGESTED = ("$ingest",)
"""The path by which a document of another system is taken in."""


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a load: where it comes from (`file:line`), and what is asked."""

    source: str
    method: str
    path: tuple[str, ...]
    body: bytes
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def is_document(self) -> bool:
        """Whether it is a document of another system, which a mapper takes in."""
        return self.path == INGESTED

    def request(self) -> FhirRequest:
        """The item as a request."""
        origin = Origin(uuid4().hex, client=_CLIENT)
        return FhirRequest(self.method, self.path, origin, self.parameters, _JSON, self.body)


@dataclass(slots=True)
class Summary:
    """What a load did: resources by outcome and type, and what was refused, with reasons.

    Of documents also entries by what became of them (`received`, `mapped`, `kept` … as in the report of `$ingest`), and
    how often each issue (severity and sentence) was reported; `documents` is how many were taken in.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    issues: Counter[tuple[str, str]] = field(default_factory=Counter)
    documents: int = 0
    refusals: list[str] = field(default_factory=list)
    refused: int = 0

    @property
    def first_refusal(self) -> str:
        """The reason of the first refusal."""
        return self.refusals[0] if self.refusals else ""

    def outcome(self, name: str) -> int:
        """How many resources had this outcome (`created`, `updated`, `unchanged`, `deleted`)."""
        return sum(count for (outcome, _), count in self.counts.items() if outcome == name)

    def add(self, item: Item, answer: FhirResponse) -> None:
        """Count the answer to an item."""
        if item.is_document and answer.status == 200:
            self._add_report(msgspec.json.decode(answer.body))
            return
        for written in answer.written:
            self.counts[written.outcome, written.type] += 1
        for status, body in _answers(item, answer):
            if status >= 400:
                self.refused += 1
                if len(self.refusals) < 100:
                    self.refusals.append(f"{item.source}: {reason(body, whole=item.is_document)}")

    def _add_report(self, report: dict[str, Any]) -> None:
        self.documents += 1
        for parameter in report["parameter"]:
            if parameter["name"] == "count":
                kind, *parts = parameter["part"]
                self.counts.update({(part["name"], kind["valueString"]): part["valueInteger"] for part in parts})
            elif parameter["name"] == "issues":
                self.issues.update(
                    (issue["severity"], issue["diagnostics"]) for issue in parameter["resource"]["issue"]
                )


def _answers(item: Item, answer: FhirResponse) -> Iterator[tuple[int, bytes]]:
    """The status and OperationOutcome of an answer, or of each entry of a batch."""
    if answer.status >= 400 or item.path or not answer.body:
        yield answer.status, answer.body
        return
    for entry in msgspec.json.decode(answer.body).get("entry", ()):
        response = entry["response"]
        yield int(response["status"]), dump(response.get("outcome", {}))


def reason(body: bytes, *, whole: bool = False) -> str:
    """The first issue of an OperationOutcome as a line; `whole`: also what the others say."""
    issues: list[dict[str, Any]] = msgspec.json.decode(body).get("issue", []) if body else []
    if not issues:
        return "refused"
    if whole:
        return " ".join(dict.fromkeys(issue.get("diagnostics", issue["code"]) for issue in issues[:_MOST_SAID]))
    place = ", ".join(issues[0].get("expression", ()))
    more = f" (and {len(issues) - 1} more)" if len(issues) > 1 else ""
    return f"{issues[0].get('diagnostics', issues[0].get('code'))}{f' at {place}' if place else ''}{more}"


async def load_items(settings: Settings, items: Iterable[Item], *, total: int | None, title: str) -> Summary:
    """Send every item through the pipeline; `total` is how many there will be, if known.

    An item that is refused because what it refers to is not there yet is tried again at the end.
    """
    summary = Summary()
    store = await open_settings_store(settings)
    try:
        pipeline = build_pipeline(settings, store)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=False) as progress:
            task = progress.add_task(title, total=total)
            waiting = list(await _round(pipeline, items, summary, lambda: progress.advance(task)))
            while waiting:
                before = len(waiting)
                waiting = list(await _round(pipeline, [item for item, _ in waiting], summary, lambda: None))
                if len(waiting) == before:
                    for item, answer in waiting:
                        summary.add(item, answer)
                    break
            if total is not None:
                # What could not even be read was no request, and is done all the same.
                progress.update(task, total=total, completed=total)
    finally:
        await store.close()
    return summary


async def _round(
    pipeline: Pipeline, items: Iterable[Item], summary: Summary, done: Any
) -> list[tuple[Item, FhirResponse]]:
    """Send items, several at once; gives back those that something missing kept out.

    Documents go one after the other, in their order: of two that claim the same, the first one stays.
    """
    waiting: list[tuple[Item, FhirResponse]] = []
    source = iter(items)
    turn = asyncio.Lock()

    async def lane() -> None:
        for item in source:
            async with turn if item.is_document else nullcontext():
                answer = await pipeline(item.request())
            if answer.status == 422 and b'"not-found"' in answer.body:
                waiting.append((item, answer))
            else:
                summary.add(item, answer)
            done()

    await asyncio.gather(*(lane() for _ in range(_AT_ONCE)))
    return waiting


async def load_bundles(
    settings: Settings, bundles: Iterable[dict[str, Any]], *, total: int | None, title: str
) -> Summary:
    """Load transaction Bundles."""
    items = (Item(f"bundle {number}", "POST", (), dump(bundle)) for number, bundle in enumerate(bundles, 1))
    return await load_items(settings, items, total=total, title=title)


async def load_documents(
    settings: Settings, documents: Iterable[dict[str, Any]], exported: str, *, total: int | None, title: str
) -> Summary:
    """Take in GP Connect structured records that were exported at this instant."""
    parameters = (("mapper", "gp-connect"), ("exported", exported))
    items = (
        Item(f"record {number}", "POST", INGESTED, dump(document), parameters)
        for number, document in enumerate(documents, 1)
    )
    return await load_items(settings, items, total=total, title=title)
