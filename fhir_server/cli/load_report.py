"""What a load did, shown: a table and lines for people, a JSON object for scripts."""

import json
import sys
from collections.abc import Mapping
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from fhir_server.cli.failures import say
from fhir_server.cli.loading import Summary
from fhir_server.cli.options import Format

_WRITTEN: Final[Mapping[str, str]] = {
    "created": "Created",
    "updated": "Updated",
    "unchanged": "Unchanged",
    "deleted": "Deleted",
}
_OF_DOCUMENTS: Final[Mapping[str, str]] = {
    "received": "Received",
    "mapped": "Mapped",
    "kept": "Kept as received",
    "duplicate": "Duplicate",
    "aside": "Set aside",
    "created": "Created",
    "updated": "Updated",
    "unchanged": "Unchanged",
    "retained": "Kept as here",
}
_LINES: Final = 20
_WIDE: Final = 120


def print_summary(summary: Summary, format: Format) -> None:
    """Show a summary on stdout; what was refused on stderr, a line each."""
    if format is Format.json:
        sys.stdout.write(json.dumps(_as_json(summary)) + "\n")
        return
    columns = {**_OF_DOCUMENTS, "deleted": "Deleted"} if summary.documents else _WRITTEN
    if not summary.outcome("deleted") and summary.documents:
        columns = _OF_DOCUMENTS
    console = Console(file=sys.stdout)
    # A file or a pipe has no width of its own; nothing is gained by squeezing the columns.
    console.width = console.width if console.is_terminal else _WIDE
    console.print(_table(summary, columns))
    if summary.documents:
        sys.stdout.write(f"Records: {summary.documents}\n")
    sys.stdout.write(f"Refused: {summary.refused}\n")
    if not any(summary.outcome(name) for name in ("created", "updated", "deleted")):
        sys.stdout.write("Nothing changed.\n")
    _write_issues(summary)
    for line in summary.refusals:
        say(line)


def _as_json(summary: Summary) -> dict[str, object]:
    report: dict[str, object] = {name: summary.outcome(name) for name in _WRITTEN}
    if summary.documents:
        report |= {name: summary.outcome(name) for name in _OF_DOCUMENTS}
        report["documents"] = summary.documents
        report["types"] = {
            kind: {name: summary.counts[name, kind] for name in _OF_DOCUMENTS} for kind in _types(summary)
        }
        report["issues"] = [
            {"severity": severity, "diagnostics": sentence, "count": count}
            for (severity, sentence), count in summary.issues.most_common()
        ]
    return report | {"refused": summary.refused, "refusals": summary.refusals}


def _types(summary: Summary) -> list[str]:
    return sorted({kind for _, kind in summary.counts})


def _table(summary: Summary, columns: Mapping[str, str]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Resource", no_wrap=True)
    for title in columns.values():
        table.add_column(title, justify="right")
    for kind in _types(summary):
        table.add_row(kind, *(str(summary.counts[name, kind]) for name in columns))
    table.add_row("All", *(str(summary.outcome(name)) for name in columns), style="bold")
    return table


def _write_issues(summary: Summary) -> None:
    """What was remarked on entries, most often first, the graver ones before."""
    ordered = sorted(summary.issues.items(), key=lambda item: (item[0][0] == "information", -item[1]))
    for (severity, sentence), count in ordered[:_LINES]:
        sys.stdout.write(f"{count:>7} {severity}: {sentence}\n")
    if len(ordered) > _LINES:
        sys.stdout.write(f"        and {len(ordered) - _LINES} kinds of remark more; --format json has them all\n")
