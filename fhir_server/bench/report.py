"""What one run of the benchmark found, as a value, as a page for people and as lines for a terminal."""

from dataclasses import dataclass
from datetime import UTC, datetime

from rich.table import Table

from fhir_server.bench.cost import Cost
from fhir_server.bench.machine import Machine
from fhir_server.bench.mapping import MappingFigures
from fhir_server.bench.page import table
from fhir_server.bench.row import Row


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the server: workers, seconds until it was ready, memory of each process in MiB."""

    workers: int
    seconds: float
    memory_mib: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one run, and how they were taken."""

    taken: str
    machine: Machine
    seconds: float
    connections: int
    starts: tuple[Start, ...]
    rows: tuple[Row, ...]
    costs: tuple[Cost, ...]
    mapping: MappingFigures

    @property
    def faults(self) -> list[str]:
        """What went wrong while measuring; such a figure is worth nothing."""
        return [f"{row.title} ({row.workers} workers): {row.fault}" for row in self.rows if row.fault]


def today() -> str:
    """The date of a run."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _heads(workers: list[int]) -> list[str]:
    names = {0: "", 1: "1 worker: ", 2: "2 workers: "}
    heads = ["what"]
    for count in workers:
        name = names.get(count, f"{count} workers: ")
        heads += [f"{name}answers/s", "median ms", "p99 ms"]
    return heads


def _cells(rows: tuple[Row, ...]) -> list[list[str]]:
    """One line for each title, with the cells of each number of workers side by side."""
    workers = sorted({row.workers for row in rows})
    found = {(row.title, row.workers): row for row in rows}
    lines = []
    for title in dict.fromkeys(row.title for row in rows):
        line = [title]
        for count in workers:
            row = found.get((title, count))
            line += _row_cells(row) if row else ["", "", ""]
        lines.append(line)
    return lines


def _row_cells(row: Row) -> list[str]:
    if row.fault:
        return ["failed", "", ""]
    rate = _number(row.rate)
    if row.resources != row.rate:
        rate += f" ({_number(row.resources)} resources)"
    return [rate, *("" if time is None else f"{time:.2f}" for time in (row.median_ms, row.p99_ms))]


def http_page(report: Report) -> str:
    """The HTTP figures as Markdown."""
    how = (
        f"{report.taken}, {report.machine.describe()} The load generator runs on the same cores: one process, "
        f"{report.connections} connections, {report.seconds:g} s a row after a warm-up."
    )
    starts = "\n".join(
        f"- {start.workers} worker{'s' if start.workers > 1 else ''}: ready {start.seconds:.2f} s after the command; "
        f"resident memory of its processes then {', '.join(f'{size:.0f}' for size in start.memory_mib)} MiB."
        for start in report.starts
    )
    figures = table(_heads(sorted({row.workers for row in report.rows})), _cells(report.rows))
    return f"{how}\n\n{figures}\n\n{starts}\n"


def cost_page(report: Report) -> str:
    """The cost of a check as Markdown."""
    heads = ["what (parse and check)", "bytes", "this server, µs", "fhir.resources (R4B), µs"]
    rows = [
        [
            cost.title,
            f"{cost.size:,}",
            _number(cost.own_us),
            "not installed" if cost.peer_us is None else _number(cost.peer_us),
        ]
        for cost in report.costs
    ]
    return table(heads, rows)


def mapper_page(report: Report) -> str:
    """The rate of the mapper as Markdown."""
    found = report.mapping
    heads = ["what", "records", "resources", "resources/s", "memory after a tenth, MiB", "memory after all, MiB"]
    memory = (f"{found.memory_early_mib:.0f}", f"{found.memory_late_mib:.0f}")
    row = ["GP Connect records", f"{found.records:,}", f"{found.resources:,}", _number(found.rate), *memory]
    return table(heads, [row])


def _http_table(report: Report, workers: int) -> Table:
    title = {0: "HTTP, the running server", 1: "HTTP, 1 worker"}.get(workers, f"HTTP, {workers} workers")
    found = Table(title=f"{title}, {report.connections} connections")
    for place, head in enumerate(_heads([0])):
        found.add_column(head, justify="right" if place else "left")
    for row in report.rows:
        if row.workers == workers:
            found.add_row(row.title, *_row_cells(row))
    return found


def terminal_tables(report: Report) -> list[Table]:
    """The same figures for a terminal: a table for each number of workers, then the cost of a check."""
    tables = [_http_table(report, workers) for workers in sorted({row.workers for row in report.rows})]
    costs = Table(title="Cost of parse and check")
    for head in ("what", "bytes", "this server, µs", "fhir.resources, µs"):
        costs.add_column(head, justify="left" if head == "what" else "right")
    for cost in report.costs:
        peer = "-" if cost.peer_us is None else _number(cost.peer_us)
        costs.add_row(cost.title, f"{cost.size:,}", _number(cost.own_us), peer)
    return [*tables, costs, _mapper_table(report.mapping)]


def _mapper_table(found: MappingFigures) -> Table:
    shown = Table(title="GP Connect records to R4, with both validations")
    for head in ("records", "resources", "resources/s", "memory after a tenth, MiB", "after all, MiB"):
        shown.add_column(head, justify="right")
    memory = (f"{found.memory_early_mib:.0f}", f"{found.memory_late_mib:.0f}")
    shown.add_row(f"{found.records:,}", f"{found.resources:,}", _number(found.rate), *memory)
    return shown
