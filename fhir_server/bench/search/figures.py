"""What one run of the search benchmark found, as a value, as a page for people and as lines for a terminal."""

from dataclasses import dataclass

from rich.table import Table

from fhir_server.bench.machine import Machine
from fhir_server.bench.page import table
from fhir_server.bench.row import Row
from fhir_server.bench.search.comparing import Comparison
from fhir_server.bench.search.measuring import CLIENTS, Deep
from fhir_server.bench.stores import NAMES, Bytes, StoreKind


@dataclass(frozen=True, slots=True)
class SizeFigures:
    """One size on one store: resources that are there, the queries (code of the query, row), pages far down, the disk,
    and how fast the load was where this run made it: (resources at the end of a stretch, resources a second)."""

    resources: int
    rows: tuple[tuple[str, Row], ...]
    deep: Deep
    disk: Bytes | None
    load: tuple[tuple[int, float], ...] = ()
    store: StoreKind = "sqlite"


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """Another server at the last size: the same rows, and whether it found the same."""

    url: str
    rows: tuple[tuple[str, Row], ...]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class SearchFigures:
    """All figures of one run, and how they were taken."""

    taken: str
    machine: Machine
    seconds: float
    workers: int
    sizes: tuple[SizeFigures, ...]
    peer: PeerFigures | None = None

    @property
    def faults(self) -> list[str]:
        """What went wrong while measuring; such a figure is worth nothing."""
        rows = [(f"{size.resources:,} resources", row) for size in self.sizes for _, row in size.rows]
        return [f"{row.title} ({where}): {row.fault}" for where, row in rows if row.fault]


def _short(resources: int) -> str:
    return f"{resources / 1_000_000:.1f} M" if resources >= 1_000_000 else f"{resources / 1000:.0f} k"


def _named(size: SizeFigures) -> str:
    return f"{NAMES[size.store]} {_short(size.resources)}"


def _heads(figures: SearchFigures) -> list[str]:
    heads = ["what"]
    for size in figures.sizes:
        heads += [f"{_named(size)}: answers/s", "median ms", "p99 ms"]
    if figures.peer is not None:
        heads += ["peer: answers/s", "median ms", "p99 ms"]
    return heads


def _cells(row: Row | None) -> list[str]:
    if row is None:
        return ["", "", ""]
    if row.fault:
        return ["failed", "", ""]
    return [f"{row.rate:,.0f}", f"{row.median_ms or 0:.2f}", f"{row.p99_ms or 0:.2f}"]


def _lines(figures: SearchFigures) -> list[list[str]]:
    """A line for each query, with the cells of each size side by side."""
    columns = [dict(size.rows) for size in figures.sizes]
    if figures.peer is not None:
        columns.append(dict(figures.peer.rows))
    titles = {code: row.title for column in columns for code, row in column.items()}
    return [
        [title, *(cell for column in columns for cell in _cells(column.get(code)))] for code, title in titles.items()
    ]


def page(figures: SearchFigures) -> str:
    """The figures as Markdown."""
    how = (
        f"{figures.taken}, {figures.machine.describe()} {figures.workers} workers; the load generator runs on the same "
        f"cores: {CLIENTS} connections, {figures.seconds:g} s a row after a warm-up, each with many different values."
    )
    return (
        "\n\n".join([how, table(_heads(figures), _lines(figures)), _deep(figures), _disk(figures), *_peer(figures)])
        + "\n"
    )


def _deep(figures: SearchFigures) -> str:
    heads = ["everything by date, 50 a page, by `next` links", "pages 1 to 3, ms", "the last three, ms", "pages"]
    rows = [
        [_named(size), f"{size.deep.first_ms:.1f}", f"{size.deep.last_ms:.1f}", str(size.deep.pages)]
        for size in figures.sizes
    ]
    return table(heads, rows)


def _disk(figures: SearchFigures) -> str:
    heads = [
        "what",
        "bodies, MB",
        "index, MB",
        "versions with their packed entries, MB",
        "index keys a resource",
        "load, resources/s",
    ]
    rows = []
    for size in figures.sizes:
        disk = size.disk or Bytes(0, 0, 0)
        load = ", ".join(f"{rate:,.0f} (to {_short(end)})" for end, rate in size.load)
        megabytes = [f"{number / 1e6:,.0f}" for number in (disk.bodies, disk.index, disk.versions)]
        keys = "" if disk.keys is None else f"{disk.keys:.0f}"
        rows.append([_named(size), *megabytes, keys, load])
    return table(heads, rows)


def _peer(figures: SearchFigures) -> list[str]:
    if figures.peer is None:
        return []
    rows = [[each.code, str(each.asked), str(each.same), each.difference or ""] for each in figures.peer.comparisons]
    return [table(["query, on both servers", "asked", "same result", "the first difference"], rows)]


def terminal_tables(figures: SearchFigures) -> list[Table]:
    """The same for a terminal."""
    found = Table(title=f"Searches from {CLIENTS} connections")
    for place, head in enumerate(_heads(figures)):
        found.add_column(head, justify="right" if place else "left")
    for line in _lines(figures):
        found.add_row(*line)
    tables = [found]
    if figures.peer is not None:
        compared = Table(title=f"Results beside {figures.peer.url}")
        for head in ("query", "asked", "same", "the first difference"):
            compared.add_column(head)
        for each in figures.peer.comparisons:
            compared.add_row(each.code, str(each.asked), str(each.same), each.difference or "")
        tables.append(compared)
    return tables
