"""`fhir-server bench search`: fill a server size by size, search it, ask a peer the same, write it down."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Literal

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fhir_server.bench.machine import look
from fhir_server.bench.measure import LoadFailed
from fhir_server.bench.page import MarkMissing, write_between
from fhir_server.bench.report import today
from fhir_server.bench.row import Row
from fhir_server.bench.run import DONE, FHIR_PATH, INTERRUPTED, REFUSED
from fhir_server.bench.search.comparing import compared
from fhir_server.bench.search.figures import PeerFigures, SearchFigures, SizeFigures, page, terminal_tables
from fhir_server.bench.search.loading import Loaded, load, rates
from fhir_server.bench.search.measuring import deep_pages, measured
from fhir_server.bench.search.queries import Sample, sample
from fhir_server.bench.seed import Refused
from fhir_server.bench.server import RunningServer, ServerFailed
from fhir_server.bench.stores import MeasuredStore, StoreKind, measured_store
from fhir_server.store.open import MongodFailed

STRETCH = 100_000
MANY = 50_000
SETTLE_SECONDS = 75.0
"""After a load of that many the server is left alone for so long: once a minute it merges what commits have added to
its full-text index."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to measure. `folder` keeps what is written and loaded, so that a run which was stopped goes on, and another
    run has nothing to load; None: a temporary one. `peer`: the FHIR base of another server. `page`: the document that
    takes the figures. `stores`: on which stores, one after the other."""

    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    workers: int = 2
    seconds: float = 4.0
    warm_up: float = 1.0
    folder: Path | None = None
    peer: str | None = None
    page: Path | None = None
    stores: tuple[StoreKind, ...] = ("sqlite",)


class _Run:
    """One run: what is done, and the figures found."""

    def __init__(self, options: SearchOptions, progress: Progress, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.progress = progress
        self.task = progress.add_task("starting", total=None)
        self.parts = folder / "population"
        self.peer: PeerFigures | None = None

    def figures(self) -> SearchFigures:
        """Measure everything. Raises `LoadFailed`, `Refused`, `ServerFailed`, `OSError`."""
        options = self.options
        machine = look(self.folder)
        sizes = tuple(size for kind in options.stores for size in self._store(kind))
        return SearchFigures(today(), machine, options.seconds, options.workers, sizes, self.peer)

    def _store(self, kind: StoreKind) -> list[SizeFigures]:
        """All sizes on one store; the peer beside the first of them."""
        options = self.options
        with (
            measured_store(kind, self.folder, "store") as store,
            RunningServer(
                store.store, options.workers, self.folder / f"server-{kind}.log", settings=store.settings
            ) as server,
        ):
            base = server.address + FHIR_PATH
            sizes = [self._size(base, store, size) for size in sorted(options.sizes)]
            if options.peer is not None and self.peer is None:
                self.peer = self._peer(base, options.peer)
        return sizes

    def _loaded(self, kind: StoreKind) -> Path:
        return self.folder / ("loaded.json" if kind == "sqlite" else f"loaded-{kind}.json")

    def _size(self, base: str, store: MeasuredStore, size: int) -> SizeFigures:
        """Load up to a size, and measure. What an earlier run has loaded beyond it stays, and is said."""
        state = self._loaded(store.kind)
        slices = load(base, self.parts, state, size, self._told)
        loaded = Loaded.of(state)
        if sum(piece.last - piece.first for piece in slices) > MANY:
            self._said("letting it settle")
            sleep(SETTLE_SECONDS)
        rows = self._measure(base, sample(loaded.parts))
        self._said("pages far down")
        deep = deep_pages(base)
        self._said("bytes on the disk")
        return SizeFigures(loaded.resources, rows, deep, store.bytes_used(), tuple(rates(slices, STRETCH)), store.kind)

    def _measure(self, base: str, people: Sample) -> tuple[tuple[str, Row], ...]:
        options = self.options
        found = measured(base, people, options.seconds, options.warm_up, self._said)
        return tuple((query.code, row) for query, row in found)

    def _peer(self, base: str, url: str) -> PeerFigures:
        """The last size, on the other server too."""
        state = self.folder / "loaded-peer.json"
        load(url, self.parts, state, max(self.options.sizes), self._told)
        people = sample(Loaded.of(self._loaded(self.options.stores[0])).parts)
        rows = self._measure(url, people)
        self._said("comparing results")
        return PeerFigures(url, rows, tuple(compared(base, url, people)))

    def _told(self, what: str, done: int, total: int) -> None:
        self.progress.update(self.task, description=what, completed=done, total=total)

    def _said(self, what: str) -> None:
        self.progress.update(self.task, description=what, completed=0, total=None)


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="fhir-bench-") as made:
        yield Path(made)


def run_search_bench(options: SearchOptions, output_format: Literal["text", "json"] = "text") -> int:
    """Measure, show the figures on standard output, write them into the page; the exit code.

    1 where something could not be loaded or measured, or a figure is faulty; the page is then left as it was.
    """
    complaints = Console(stderr=True)
    columns = (TextColumn("{task.description:28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with _folder(options.folder) as folder, Progress(*columns, console=complaints, transient=True) as progress:
            figures = _Run(options, progress, folder).figures()
    except (LoadFailed, MongodFailed, Refused, ServerFailed, OSError, subprocess.SubprocessError) as fault:
        complaints.print(f"Could not measure: {fault}", style="red", markup=False)
        return REFUSED
    except KeyboardInterrupt:
        kept = "" if options.folder is None else f" {options.folder} keeps what is loaded; the next run goes on there."
        complaints.print(f"Stopped; no figures were written.{kept}")
        return INTERRUPTED
    _show(figures, output_format)
    return _write(figures, options.page, complaints)


def _show(figures: SearchFigures, output_format: Literal["text", "json"]) -> None:
    if output_format == "json":
        sys.stdout.buffer.write(msgspec.json.encode(figures) + b"\n")
        return
    console = Console()
    for shown in terminal_tables(figures):
        console.print(shown)
    console.print(page(figures), markup=False)


def _write(figures: SearchFigures, target: Path | None, complaints: Console) -> int:
    for fault in figures.faults:
        complaints.print(fault, style="red", markup=False)
    if figures.faults:
        return REFUSED
    if target is not None:
        try:
            write_between(target, "bench-search", page(figures))
        except (MarkMissing, OSError) as fault:
            complaints.print(f"The figures were not written: {fault}", style="red", markup=False)
            return REFUSED
    return DONE
