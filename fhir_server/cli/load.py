"""fhir-server load: resources from files into the record."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from fhir_server.cli.failures import FOUND_WRONG, fail
from fhir_server.cli.load_report import print_summary
from fhir_server.cli.loading import INGESTED, Item, load_items
from fhir_server.cli.options import ConfigOption, Format, FormatOption, StoreOption, settings_of
from fhir_server.model.json import parse
from fhir_server.operations.ingest_request import check_source, exported_ms
from fhir_server.outcome import FhirError
from fhir_server.settings import Settings
from mappers import MAPPERS

_LINES = (".ndjson", ".jsonl")
_CARRIED_OUT = ("transaction", "batch")
_OPENED = ("collection", "searchset", "history")

Parameters = tuple[tuple[str, str], ...]


def load(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Bundles, GP Connect documents, single resources (JSON), NDJSON (.ndjson, .jsonl); folders."
        ),
    ],
    exported: Annotated[
        str | None, typer.Option(help="When the documents were exported, as an instant; else the time of receipt.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The URI of the system that the documents come from, where they do not say it.")
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Load files into a store, also while a server works on it.

    A transaction or batch is carried out; the resources of any other Bundle, of NDJSON and of single files are written
    under their ids (without an id: under a new one). A GP Connect structured record is mapped to R4 and reconciled with
    what is here ($ingest). Of a folder every .json file is loaded, in order. Loading the same twice changes nothing.
    Exit code 1 if anything was refused.
    """
    settings = settings_of(config, store=store, auth="off")
    parameters = _document_parameters(exported, source)
    found = [file for path in files for file in _files(path)]
    faults: list[str] = []
    items = _items(settings, found, parameters, faults)
    summary = asyncio.run(load_items(settings, items, total=sum(map(_count, found)), title="Loading"))
    summary.refusals = faults + summary.refusals
    summary.refused += len(faults)
    print_summary(summary, format)
    if summary.refused:
        raise SystemExit(FOUND_WRONG)


def _document_parameters(exported: str | None, source: str | None) -> Parameters:
    """What `$ingest` is told of every document; wrong use ends the command."""
    given = {"exported": exported, "source": source}
    try:
        if exported is not None:
            exported_ms(exported, time.time_ns() // 1_000_000)
        if source is not None:
            check_source(source)
    except FhirError as error:
        fail(error.issues[0].diagnostics.replace("The parameter ", "--"), 2)
    return tuple((name, value) for name, value in given.items() if value is not None)


def _files(path: Path) -> list[Path]:
    """The file, or the .json files of a folder and of those in it, in the order of their names."""
    found = sorted(file for file in path.rglob("*.json") if file.is_file()) if path.is_dir() else [path]
    if not found or not all(file.is_file() for file in found):
        fail(f"no such file: {path}" if not path.is_dir() else f"no .json file in {path}", 2)
    return found


def _count(file: Path) -> int:
    """How many requests a file is, as far as its form says: lines of NDJSON, one otherwise."""
    if file.suffix not in _LINES:
        return 1
    with file.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


def _items(settings: Settings, files: list[Path], parameters: Parameters, faults: list[str]) -> Iterator[Item]:
    for file in files:
        if file.suffix in _LINES:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        yield from _requests(settings, f"{file}:{number}", line, faults)
        else:
            raw = file.read_bytes()
            mapper = next((mapper for mapper in MAPPERS if mapper.recognises(raw)), None)
            if mapper is None:
                yield from _requests(settings, str(file), raw, faults)
            else:
                yield Item(str(file), "POST", INGESTED, raw, (("mapper", mapper.code), *parameters))


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
