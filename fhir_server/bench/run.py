"""`fhir-server bench`: start servers on a store of their own (or use one that runs), measure, write it down."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from fhir_server.bench.cost import costs
from fhir_server.bench.file_load import load_file
from fhir_server.bench.machine import look
from fhir_server.bench.mapping import mapped_records
from fhir_server.bench.measure import LoadFailed, ceiling, measure
from fhir_server.bench.page import MarkMissing, write_between
from fhir_server.bench.report import Report, Start, cost_page, http_page, mapper_page, terminal_tables, today
from fhir_server.bench.row import Row
from fhir_server.bench.scenarios import SCENARIOS, Target
from fhir_server.bench.seed import Refused, load_row, seed
from fhir_server.bench.server import RunningServer, ServerFailed
from fhir_server.bench.stores import StoreKind, measured_store
from fhir_server.definitions.definitions import r4
from fhir_server.store.open import MongodFailed

DONE, REFUSED, INTERRUPTED = 0, 1, 130
FHIR_PATH = "/fhir"


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How to measure. Without `url` (a FHIR base) a server is started for each number of `workers`, on a new store in
    `folder`, which should be on the disk that the figures are about.

    `store`: what kind of store that is. `page` is the document that takes the figures (None: it is left alone).
    """

    url: str | None = None
    workers: tuple[int, ...] = (1, 2)
    seconds: float = 4.0
    warm_up: float = 1.0
    connections: int = 32
    patients: int = 200
    observations: int = 5000
    records: int = 1000
    folder: Path | None = None
    page: Path | None = None
    store: StoreKind = "sqlite"


class _Run:
    """One run: what is done, and the figures found."""

    def __init__(self, options: BenchOptions, progress: Progress, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.progress = progress
        servers = 1 if options.url else len(options.workers)
        self.task = progress.add_task("starting", total=3 + servers * (len(SCENARIOS) + 3))
        self.starts: list[Start] = []
        self.rows: list[Row] = []

    def report(self) -> Report:
        """Measure everything. Raises `LoadFailed`, `Refused`, `ServerFailed`, `OSError`."""
        options = self.options
        machine = look(self.folder)
        self._ceiling()
        if options.url:
            parts = urlsplit(options.url)
            self._server(f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"), 0)
        else:
            for workers in options.workers:
                self._own_server(workers)
        self._step("cost of a check")
        costs_found = tuple(costs(r4()))
        self._step("GP records")
        return Report(
            today(),
            machine,
            options.seconds,
            options.connections,
            tuple(self.starts),
            tuple(self.rows),
            costs_found,
            mapped_records(options.records),
        )

    def _step(self, what: str) -> None:
        self.progress.update(self.task, description=what, advance=1)

    def _ceiling(self) -> None:
        """The load generator's own limit, so that it stands in the column of every number of workers."""
        self._step("the load generator alone")
        row = ceiling(self.options.connections, self.options.seconds, self.options.warm_up)
        self.rows += [replace(row, workers=count) for count in ((0,) if self.options.url else self.options.workers)]

    def _own_server(self, workers: int) -> None:
        log = self.folder / f"{workers}-workers.log"
        with (
            measured_store(self.options.store, self.folder, f"workers-{workers}") as store,
            RunningServer(store.store, workers, log, settings=store.settings) as server,
        ):
            self.starts.append(Start(workers, server.ready_seconds, tuple(server.memory())))
            patients = self._server(server.address, FHIR_PATH, workers)
            self._step(f"{_label(workers)}: load of a file")
            self.rows.append(load_file(server, self.folder, patients, self.options.observations, workers))

    def _server(self, address: str, path: str, workers: int) -> tuple[str, ...]:
        """Fill and measure the server at `address`; the residents that it now has."""
        options = self.options
        self._step(f"{_label(workers)}: filling")
        seeded = seed(address + path, options.patients, options.observations)
        self.rows.append(load_row(seeded, options.observations, workers))
        target = Target(address, path, seeded, options.connections)
        announce = partial(self._announce, _label(workers))
        self.rows += measure(target, workers, options.seconds, options.warm_up, announce)
        return seeded.patients

    def _announce(self, label: str, code: str) -> None:
        self._step(f"{label}: {code}")


def _label(workers: int) -> str:
    return {0: "running server", 1: "1 worker"}.get(workers, f"{workers} workers")


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description:36}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress


def run_bench(options: BenchOptions, output_format: Literal["text", "json"] = "text") -> int:
    """Measure, show the figures on standard output, write them into the page; the exit code.

    1 where a server could not be measured or a figure is faulty; the page is then left as it was. An interrupt ends the
    servers that were started.
    """
    complaints = Console(stderr=True)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="fhir-bench-", dir=options.folder) as folder,
            _progress(complaints) as bar,
        ):
            report = _Run(options, bar, Path(folder)).report()
    except (LoadFailed, MongodFailed, Refused, ServerFailed, OSError, subprocess.SubprocessError) as fault:
        complaints.print(f"Could not measure: {fault}", style="red", markup=False)
        return REFUSED
    except KeyboardInterrupt:
        complaints.print("Stopped; nothing was written.")
        return INTERRUPTED
    _show(report, output_format)
    return _write(report, options.page, options.store, complaints)


def _show(report: Report, output_format: Literal["text", "json"]) -> None:
    if output_format == "json":
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        return
    console = Console()
    for table in terminal_tables(report):
        console.print(table)
    console.print(report.machine.describe(), markup=False)


def _parts(report: Report, store: StoreKind) -> list[tuple[str, str]]:
    """What goes into the page, and between which marks: what no store has a part in stands there once."""
    if store == "mongodb":
        return [("bench-http-mongodb", http_page(report))]
    return [
        ("bench-http", http_page(report)),
        ("bench-cost", cost_page(report)),
        ("bench-mapper", mapper_page(report)),
    ]


def _write(report: Report, page: Path | None, store: StoreKind, complaints: Console) -> int:
    for fault in report.faults:
        complaints.print(fault, style="red", markup=False)
    if report.faults:
        return REFUSED
    if page is not None:
        try:
            for mark, text in _parts(report, store):
                write_between(page, mark, text)
        except (MarkMissing, OSError) as fault:
            complaints.print(f"The figures were not written: {fault}", style="red", markup=False)
            return REFUSED
    return DONE
