"""One line of the table of figures."""

from dataclasses import dataclass

from fhir_server.bench.traffic import Tally


@dataclass(frozen=True, slots=True)
class Row:
    """Answers and resources a second, times in milliseconds where they were taken, and what went wrong, if anything.

    `workers` is 0 where the number of the server's processes is not known.
    """

    title: str
    workers: int
    rate: float
    resources: float
    median_ms: float | None = None
    p99_ms: float | None = None
    fault: str | None = None


def row_of(tally: Tally, workers: int, resources: int) -> Row:
    """The row of a stream. Answers with a wrong status and broken connections make its fault."""
    wrong = sum(tally.statuses.values()) - tally.answered
    faults = []
    if wrong:
        counts = ", ".join(f"{status}: {number}" for status, number in sorted(tally.statuses.items()))
        faults.append(f"{wrong} answers with a wrong status ({counts})")
    if tally.broken:
        faults.append(f"{tally.broken} connections ended without an answer")
    if not tally.answered:
        faults.append("nothing was answered")
    if faults and tally.sample:
        faults.append(f"the first: {tally.sample}")
    return Row(
        title=tally.name,
        workers=workers,
        rate=tally.rate,
        resources=tally.rate * resources,
        median_ms=tally.median * 1000,
        p99_ms=tally.p99 * 1000,
        fault="; ".join(faults) or None,
    )
