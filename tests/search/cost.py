"""What extraction and parsing cost: `python -m tests.search.cost`. Prints microseconds.

Every resource is another one, so that nothing that is remembered between resources makes the figures look better; and
each has just been read from its bytes, as in a write. The reading itself is taken off.
"""

import asyncio
import copy
import gc
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from time import process_time
from typing import Any, NamedTuple

import msgspec

from fhir_server.search.draft import Draft
from fhir_server.search.paging import PageLinks, PageState
from fhir_server.search.parse import parse
from fhir_server.store.values import Snapshot
from tests.search.samples import CONTEXT, INDEXER, OBSERVATION, PATIENT

ROUNDS, RESOURCES = 7, 1000
QUERY = [("patient", "Patient/p1"), ("code", "http://loinc.org|85354-9"), ("_sort", "-date"), ("_count", "10")]
STATE = PageState("search", "Observation", None, tuple(QUERY), Snapshot("1", 1), "cursor", 10)
NARRATIVE = {
    "status": "generated",
    "div": '<div xmlns="http://www.w3.org/1999/xhtml">' + "A sentence. " * 40 + "</div>",
}


def variants(sample: dict[str, Any]) -> list[dict[str, Any]]:
    """The resource of about 2 KB many times, each with other texts, ids and dates."""
    return [_variant({**sample, "text": NARRATIVE}, number) for number in range(RESOURCES)]


def _variant(value: Any, number: int) -> Any:
    if isinstance(value, dict):
        return {key: _changed(key, _variant(item, number), number) for key, item in value.items()}
    return [_variant(item, number) for item in value] if isinstance(value, list) else copy.copy(value)


def _changed(key: str, value: Any, number: int) -> Any:
    if key in ("effectiveDateTime", "deceasedDateTime"):
        return f"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}T{number % 24:02d}:{number % 60:02d}:00Z"
    if key == "birthDate":
        return f"{1930 + number % 80}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
    if key == "reference" and not value.startswith("#"):
        return f"{value}-{number}"
    if key in ("family", "city", "postalCode", "text", "value") and isinstance(value, str):
        return f"{value} {number}"
    return [f"{item} {number}" for item in value] if key in ("given", "line") else value


def cheapest(run: Callable[[], None], times: int) -> float:
    """The cheapest of several rounds, in microseconds for one of the `times` things that `run` does."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        start = process_time()
        run()
        best = min(best, process_time() - start)
    return best / times * 1e6


class PartByPart(NamedTuple):
    """Microseconds to make all entries of a resource, those of its search parameters alone, and its words alone with
    the references that the same walk finds."""

    all: float
    parameters: float
    words: float


def extraction(
    resources: Sequence[dict[str, Any]], extract: Callable[[dict[str, Any]], object] = INDEXER.entries
) -> float:
    """Microseconds to make all entries of one of these resources, or what `extract` makes of them."""
    encode = msgspec.json.Encoder(decimal_format="number").encode
    bodies = [encode(resource) for resource in resources]
    decode = msgspec.json.Decoder(float_hook=Decimal).decode

    def read() -> None:
        for body in bodies:
            decode(body)

    def read_and_extract() -> None:
        for body in bodies:
            extract(decode(body))

    read_and_extract()
    return cheapest(read_and_extract, len(bodies)) - cheapest(read, len(bodies))


def part_by_part(resources: Sequence[dict[str, Any]]) -> PartByPart:
    """The extraction, and its parts. What is left of the whole is a Draft made into Entries, each once."""
    return PartByPart(extraction(resources), extraction(resources, _parameters), extraction(resources, _words))


def _parameters(resource: dict[str, Any]) -> None:
    INDEXER.add_parameters(resource["resourceType"], resource, Draft({}))


def _words(resource: dict[str, Any]) -> None:
    INDEXER.add_texts(resource["resourceType"], resource, Draft({}))


def parsing() -> float:
    """Microseconds to parse an ordinary query."""

    async def run() -> None:
        for _ in range(RESOURCES):
            await parse("Observation", QUERY, CONTEXT, strict=False)

    return cheapest(lambda: asyncio.run(run()), RESOURCES)


def page_link() -> float:
    """Microseconds to seal a page link and open it."""
    links = PageLinks(bytes(32))

    def run() -> None:
        for _ in range(RESOURCES):
            links.open(links.seal(STATE, "caller"), "caller")

    return cheapest(run, RESOURCES)


def main() -> None:
    """Print every figure, one a line."""
    lines = []
    for sample in (OBSERVATION, PATIENT):
        resources = variants(sample)
        size = len(msgspec.json.encode(resources[0]))
        found = part_by_part(resources)
        lines.append(
            f"{sample['resourceType']}, {size} bytes: all entries {found.all:.1f} µs, of which search parameters "
            f"{found.parameters:.1f} µs, words {found.words:.1f} µs"
        )
    lines.append(f"query of {len(QUERY)} parameters: {parsing():.1f} µs")
    lines.append(f"page link, sealed and opened: {page_link():.1f} µs")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
