"""Records of invented people sent to `$ingest`, and its report as tests read it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from fhir_server.model.json import dump
from mappers.mapper import Json
from tests.running import Client


@dataclass(frozen=True, slots=True)
class Report:
    """The report: whose record, counts that are not zero by type, issues as sentences."""

    patient: str
    counts: dict[str, dict[str, int]]
    issues: tuple[str, ...]
    parameters: dict[str, Any]

    def total(self, name: str) -> int:
        """A count over all types."""
        return sum(row.get(name, 0) for row in self.counts.values())

    @property
    def written(self) -> int:
        """How many resources got a new version."""
        return self.total("created") + self.total("updated")


async def ingest(fhir: Client, document: Json | bytes, **parameters: str) -> httpx.Response:
    """The answer to a document."""
    query = urlencode({"mapper": "gp-connect"} | parameters)
    body = document if isinstance(document, bytes) else dump(document)
    return await fhir.send("POST", f"$ingest?{query}", body, content_type="application/json")


async def ingested(fhir: Client, document: Json | bytes, **parameters: str) -> Report:
    """The report on a document that is taken in."""
    answer = await ingest(fhir, document, **parameters)
    assert answer.status_code == 200, answer.text
    return report_of(answer)


def report_of(answer: httpx.Response) -> Report:
    """An answer read."""
    data = answer.json()
    assert data["resourceType"] == "Parameters"
    counts: dict[str, dict[str, int]] = {}
    issues: list[Any] = []
    single: dict[str, Any] = {}
    for parameter in data["parameter"]:
        if parameter["name"] == "count":
            kind, *parts = parameter["part"]
            counts[kind["valueString"]] = {part["name"]: part["valueInteger"] for part in parts if part["valueInteger"]}
        elif parameter["name"] == "issues":
            issues = parameter["resource"]["issue"]
        else:
            single[parameter["name"]] = next(value for name, value in parameter.items() if name != "name")
    patient = single["patient"]["reference"].removeprefix("Patient/")
    return Report(patient, counts, tuple(issue["diagnostics"] for issue in issues), single)


async def history_of(fhir: Client) -> list[str]:
    """Every version that there is, newest first."""
    found: list[str] = []
    url: str | None = "_history?_count=1000"
    while url is not None:
        page = (await fhir.get(url)).json()
        found += [f"{entry['request']['url']} {entry['response']['etag']}" for entry in page.get("entry", ())]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return found


async def only(fhir: Client, query: str) -> Json:
    """The one resource that a search finds."""
    page = (await fhir.get(query)).json()
    assert len(page.get("entry", ())) == 1, page
    resource: Json = page["entry"][0]["resource"]
    return resource


async def how_many(fhir: Client, query: str) -> int:
    """How many resources a search finds."""
    answer = (await fhir.get(f"{query}{'&' if '?' in query else '?'}_summary=count")).json()
    total: int = answer["total"]
    return total
