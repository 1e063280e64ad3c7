"""fhir-server load: resources from files into the record."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from fhir_server.cli.failures import FOUND_WRONG, fail, say
from fhir_server.cli.loading import Item, Summary, load_items
from fhir_server.cli.options import ConfigOption, Format, FormatOption, StoreOption, settings_of
from fhir_server.model.json import parse
from fhir_server.outcome import FhirError
from fhir_server.settings import Settings

_LINES = (".ndjson", ".jsonl")
_CARRIED_OUT = ("transaction", "batch")
_OPENED = ("collection", "searchset", "history")


def load(
    files: Annotated[list[Path], typer.Argument(help="Bundles, single resources (JSON), or NDJSON (.ndjson, .jsonl).")],
    store: StoreOption = None,
    config: ConfigOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Load files into a store, also while a server works on it.

    A transaction or batch is carried out; the resources of any other Bundle, of NDJSON and of single files are written
    under their ids (without an id: under a new one). Loading the same twice changes nothing. Exit code 1 if anything
    was refused.
    """
    settings = settings_of(config, store=store, auth="off")
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        fail(f"no such file: {', '.join(missing)}", 2)
    faults: list[str] = []
    total = sum(_count(file) for file in files)
    summary = asyncio.run(load_items(settings, _items(settings, files, faults), total=total, title="Loading"))
    summary.refusals = faults + summary.refusals
    summary.refused += len(faults)
    _print(summary, format)
    if summary.refused:
        raise SystemExit(FOUND_WRONG)


def _count(file: Path) -> int:
    """How many requests a file is, as far as its form says: lines of NDJSON, one otherwise."""
    if file.suffix not in _LINES:
        return 1
    with file.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


def _items(settings: Settings, files: list[Path], faults: list[str]) -> Iterator[Item]:
    for file in files:
        if file.suffix in _LINES:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        yield from _requests(settings, f"{file}:{number}", line, faults)
        else:
            yield from _requests(settings, str(file), file.read_bytes(), faults)


def _requests(settings: Settings, source: str, raw: bytes, faults: list[str]) -> Iterator[Item]:
    try:
        document = parse(raw, max_bytes=settings.max_bundle_bytes)
    except FhirError as error:
        faults.append(f"{source}: {error.issues[0].diagnostics}")
        return
    data = document.data
    if data["resourceType"] == "Bundle" and data.get("type") in _CARRIED_OUT:
        yield Item(source, "POST", (), document.text)
    elif data["resourceType"] == "Bundle" and data.get("type") in _OPENED:
        raw_entries = msgspec.json.decode(document.text, type=dict[str, msgspec.Raw]).get("entry", b"[]")
        entries = msgspec.json.decode(raw_entries, type=list[dict[str, msgspec.Raw]])
        for number, (entry, verbatim) in enumerate(zip(data.get("entry", ()), entries, strict=True)):
            if "resource" in entry:
                yield _resource(f"{source} entry {number}", entry["resource"], bytes(verbatim["resource"]))
    else:
        yield _resource(source, data, document.text)


def _resource(source: str, data: dict[str, Any], text: bytes) -> Item:
    resource_type, resource_id = str(data.get("resourceType")), data.get("id")
    if resource_id is None:
        return Item(source, "POST", (resource_type,), text)
    return Item(source, "PUT", (resource_type, str(resource_id)), text)


def _print(summary: Summary, format: Format) -> None:
    outcomes = ("created", "updated", "unchanged", "deleted")
    if format is Format.json:
        report = {name: summary.outcome(name) for name in outcomes}
        report_json = json.dumps({**report, "refused": summary.refused, "refusals": summary.refusals})
        sys.stdout.write(report_json + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("Resource", *(name.capitalize() for name in outcomes))
    for resource_type in sorted({name for _, name in summary.counts}):
        table.add_row(resource_type, *(str(summary.counts[name, resource_type]) for name in outcomes))
    table.add_row("All", *(str(summary.outcome(name)) for name in outcomes), style="bold")
    Console(file=sys.stdout).print(table)
    sys.stdout.write(f"Refused: {summary.refused}\n")
    for line in summary.refusals:
        say(line)
