"""fhir-server migrate: a whole record from one store to another."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fhir_server.cli.failures import FOUND_WRONG
from fhir_server.cli.migrate_report import print_report
from fhir_server.cli.options import ConfigOption, Format, FormatOption, settings_of
from fhir_server.settings import Settings

if TYPE_CHECKING:
    from fhir_server.store.migration.contract import Condition
    from fhir_server.store.migration.copying import Progress as Told
    from fhir_server.store.migration.moving import Moved

Conditions = tuple["Condition", "Condition"]


def migrate(
    source: Annotated[str, typer.Option("--from", help="The store that has the record; no server may be using it.")],
    target: Annotated[str, typer.Option("--to", help="An empty place: sqlite:///PATH or mongodb://HOSTS/DATABASE.")],
    source_heads: Annotated[
        Path | None, typer.Option("--from-heads", help="The folder of the audit heads of --from (FHIR_AUDIT_HEADS).")
    ] = None,
    target_heads: Annotated[
        Path | None, typer.Option("--to-heads", help="The folder for the audit heads of --to (FHIR_AUDIT_HEADS).")
    ] = None,
    config: ConfigOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Move a whole record to another store: all versions, history, audit, search parameters of your own.

    Stop the server, migrate, then serve from --to, with the settings of that server given here too: base URL and time
    zone are in the index.

    It may be stopped at any time: the same command goes on. Until it is complete --to is not served. At the end every
    version is read back from --to and compared, and every audit chain recomputed. The store at --from stays as it is.

    fhir-server migrate --from sqlite:///fhir-data/store.db --to mongodb://db1,db2,db3/record --to-heads /srv/heads
    """
    settings = settings_of(config)
    heads = source_heads or settings.audit_heads, target_heads or settings.audit_heads
    moved, conditions = asyncio.run(_moved(settings, (source, target), heads))
    print_report(moved, conditions, format)
    if not moved.complete:
        raise SystemExit(FOUND_WRONG)


async def _moved(
    settings: Settings, urls: tuple[str, str], heads: tuple[Path | None, Path | None]
) -> tuple["Moved", Conditions]:
    from fhir_server.app import build_index_rules, clock_ms
    from fhir_server.reindexing import entries_again
    from fhir_server.store.migration.moving import Migration, require_movable
    from fhir_server.store.open import StoreOptions, examine_store, open_source, open_target

    options = [StoreOptions(heads=folder) for folder in heads]
    conditions = await examine_store(urls[0], options[0]), await examine_store(urls[1], options[1])
    require_movable(*conditions)
    source = await open_source(urls[0], options[0])
    try:
        target = await open_target(urls[1], options[1])
        try:
            serving = await build_index_rules(settings, source.store)()
            entries_of = entries_again(serving.server, source.store)
            with _shown() as progress:
                migration = Migration(source, target, conditions, lambda name: _phase(progress, name))
                return await migration.run(entries_of, clock_ms()), conditions
        finally:
            await target.close()
    finally:
        await source.close()


def _shown() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=False)


@contextmanager
def _phase(shown: Progress, name: str) -> Iterator["Told"]:
    """A line of the display, which says how far a phase has come and how fast it is."""
    task = shown.add_task(name, total=None, rate="")
    begin, first = time.monotonic(), -1
    last = 0

    def told(done: int, total: int) -> None:
        nonlocal first, last
        first, last = (done if first < 0 else first), done
        seconds = time.monotonic() - begin
        rate = f"{(done - first) / seconds:,.0f}/s" if done > first and seconds > 0 else ""
        shown.update(task, completed=done, total=total, rate=rate)

    yield told
    shown.update(task, completed=last or 1, total=last or 1)
