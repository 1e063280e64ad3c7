"""What a migration did and what the comparison at its end found: tables for people, a JSON object for scripts."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from fhir_server.cli.failures import say
from fhir_server.cli.options import Format

if TYPE_CHECKING:
    from fhir_server.store.migration.comparing import Row
    from fhir_server.store.migration.contract import Condition
    from fhir_server.store.migration.moving import Moved

_WIDE: Final = 120
_SHOWN_OF_HASH: Final = 16


def print_report(moved: "Moved", conditions: tuple["Condition", "Condition"], format: Format) -> None:
    """Show what was done on stdout; what differs on stderr, a line each."""
    if format is Format.json:
        sys.stdout.write(json.dumps(_as_json(moved, conditions)) + "\n")
    else:
        _print_tables(moved)
        sys.stdout.write(_summary(moved, conditions))
    for line in moved.comparison.differences:
        say(line)
    if moved.gained is not None:
        say(moved.gained)
    if moved.comparison.differences:
        say(f"{conditions[1].name} differs from {conditions[0].name} and is not served: empty it and migrate again")


def _as_json(moved: "Moved", conditions: tuple["Condition", "Condition"]) -> dict[str, object]:
    found = moved.comparison
    return {
        "from": conditions[0].name,
        "to": conditions[1].name,
        "complete": moved.complete,
        "resumed": moved.resumed,
        "copied": moved.copied,
        "renumbered": moved.marker.renumbered,
        "seconds": {name: round(seconds, 3) for name, seconds in moved.seconds.items()},
        "types": [_row(row) for row in found.types],
        "chains": [_row(row) for row in found.chains],
        "unique_keys": _row(found.holds),
        "differences": found.differences,
        "gained": moved.gained,
    }


def _row(row: "Row") -> dict[str, object]:
    return {**asdict(row), "same": row.same}


def _print_tables(moved: "Moved") -> None:
    console = Console(file=sys.stdout)
    # A file or a pipe has no width of its own; nothing is gained by squeezing the columns.
    console.width = console.width if console.is_terminal else _WIDE
    found = moved.comparison
    console.print(_table(("Type", "Versions", "Current", "SHA-256 of all versions", "Same"), found.types))
    console.print(_table(("Audit chain", "Entries", "", "Last hash", "Same"), found.chains))
    console.print(_table(("", "Keys", "", "SHA-256", "Same"), [found.holds]))


def _table(titles: tuple[str, ...], rows: Iterable["Row"]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for title in titles:
        table.add_column(title, justify="right" if title in ("Versions", "Current", "Entries", "Keys") else "left")
    for row in rows:
        counts = (row.source[0], row.target[0]), (row.source[1], row.target[1])
        shown = [_both(*pair) if title else "" for pair, title in zip(counts, titles[1:3], strict=True)]
        table.add_row(row.name, *shown, _hashes(row), "yes" if row.same else "NO")
    return table


def _both(source: int, target: int) -> str:
    return f"{source:,}" if source == target else f"{source:,} / {target:,}"


def _hashes(row: "Row") -> str:
    source, target = row.source[2][:_SHOWN_OF_HASH], row.target[2][:_SHOWN_OF_HASH]
    return source if source == target else f"{source} / {target or 'nothing'}"


def _summary(moved: "Moved", conditions: tuple["Condition", "Condition"]) -> str:
    seconds = moved.seconds.get("Versions", 0.0)
    rate = f" ({moved.copied / seconds:,.0f} a second)" if moved.copied and seconds else ""
    phases = ", ".join(f"{name.lower()} {taken:.1f} s" for name, taken in moved.seconds.items())
    lines = [f"Copied {moved.copied:,} versions{rate}; {phases}."]
    if moved.resumed:
        lines.append(f"It went on where it was stopped: {moved.marker.versions:,} versions in all.")
    if moved.marker.renumbered:
        lines.append(
            f"{moved.marker.renumbered:,} changes have another number in the outbox: whoever reads it begins anew."
        )
    if moved.complete:
        lines.append(f"Complete: {conditions[1].name} has the record of {conditions[0].name}, and can be served.")
        lines.append("Serve the old store no more: what is written to one of the two is not in the other.")
    return "\n".join([*lines, ""])
