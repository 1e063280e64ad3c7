"""`make crash`: kills under load on both stores, and their figures in docs/performance.md.

`--store sqlite` or `--store mongodb`: on one; `--kills N`: so many on each; `--seed N`: other ones.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fhir_server.bench.page import write_between
from fhir_server.bench.report import today
from tests import stores
from tests.crash import campaign
from tests.crash.database import Database

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "performance.md"
MARKS = {"sqlite": "crash", "mongodb": "crash-mongodb"}
KILLS = {"sqlite": 200, "mongodb": 60}
PER_STORE = 20
"""Kills on one store: a new one now and then keeps the verification of the whole store short."""
Done = list[tuple[int, campaign.Outcome]]
"""Campaigns, each with its number of workers"""


def sentence(outcomes: Done) -> str:
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
        "by half: 0. Gaps in a history: 0. Differences between index and resources: 0. Changes missing or twice in the "
        "outbox: 0. Broken audit chains: 0."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--store", choices=(*stores.KINDS, "both"), default="both")
    parser.add_argument("--kills", type=int, help="on each store (200 on SQLite, 60 on MongoDB)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md alone")
    return parser.parse_args()


def _one(store: str, kills: int, workers: int, seed: int) -> campaign.Outcome:
    """A campaign on a new store; one on MongoDB on a replica set of its own."""
    with tempfile.TemporaryDirectory(prefix="fhir-crash-") as name, ExitStack() as stack:
        database = Database(Path(name)) if store == "mongodb" else None
        if database is not None:
            stack.callback(database.stop)
        return campaign.run(Path(name), kills, workers, seed, database)


def _all(store: str, kills: int, seed: int, console: Console) -> Done | None:
    """So many kills on stores of one kind; None, and the faults are shown, where anything was found wrong."""
    outcomes: Done = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"kills on {store}", total=kills)
        done = 0
        while done < kills:
            workers = 1 + len(outcomes) % 2
            outcome = _one(store, min(PER_STORE, kills - done), workers, seed + len(outcomes))
            for fault in outcome.faults:
                console.print(fault, style="red", markup=False)
            if outcome.faults:
                return None
            outcomes.append((workers, outcome))
            done += outcome.kills
            progress.update(task, completed=done)
    return outcomes


def main() -> int:
    """Kill, verify, write the figures; 1 where anything was found wrong, 2 where a store is not to be had."""
    options = _options()
    console = Console()
    for store in stores.KINDS if options.store == "both" else (options.store,):
        try:
            outcomes = _all(store, options.kills or KILLS[store], options.seed, console)
        except pytest.skip.Exception as missing:
            console.print(str(missing), markup=False)
            return 2
        if outcomes is None:
            return 1
        console.print(f"On {store}. {sentence(outcomes)}", markup=False)
        if not options.no_page:
            write_between(PAGE, MARKS[store], sentence(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
