"""`make crash`: two hundred kills, and their figure in docs/performance.md. `--kills N` and `--seed N` change it."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fhir_server.bench.page import write_between
from fhir_server.bench.report import today
from tests.crash import campaign

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "performance.md"
PER_STORE = 20
"""Kills on one store: a new one now and then keeps the verification of the whole store short."""


def sentence(outcomes: list[tuple[int, campaign.Outcome]]) -> str:
    """The figure as a sentence for the page."""
    found = [outcome for _, outcome in outcomes]
    by_workers = {1: 0, 2: 0}
    for workers, outcome in outcomes:
        by_workers[workers] += outcome.kills
    return (
        f"{today()}: {sum(outcome.kills for outcome in found)} kills ({by_workers[1]} with one worker, {by_workers[2]} "
        f"with two) in {sum(outcome.seconds for outcome in found) / 60:.0f} minutes, on {len(found)} stores. "
        f"{sum(outcome.requests for outcome in found):,} requests were answered, "
        f"{sum(outcome.versions for outcome in found):,} versions are in the histories, and "
        f"{sum(outcome.in_doubt for outcome in found):,} requests were under way when the server died. Lost: 0. Done "
        "by half: 0. Gaps in a history: 0. Differences between index and resources: 0. Broken audit chains: 0."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md alone")
    return parser.parse_args()


def main() -> int:
    """Kill, verify, write the figure; 1 where anything was found wrong."""
    options = _options()
    console = Console()
    outcomes: list[tuple[int, campaign.Outcome]] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("kills", total=options.kills)
        done = 0
        while done < options.kills:
            workers = 1 + len(outcomes) % 2
            kills = min(PER_STORE, options.kills - done)
            with tempfile.TemporaryDirectory(prefix="fhir-crash-") as folder:
                outcome = campaign.run(Path(folder), kills, workers, options.seed + len(outcomes))
                for fault in outcome.faults or []:
                    console.print(fault, style="red", markup=False)
                if outcome.faults:
                    return 1
            outcomes.append((workers, outcome))
            done += outcome.kills
            progress.update(task, completed=done)
    console.print(sentence(outcomes), markup=False)
    if not options.no_page:
        write_between(PAGE, "crash", sentence(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
