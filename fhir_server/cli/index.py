"""fhir-server index: does the index still say what the resources say? And building it anew."""

import asyncio
import json
import sys

import typer
from rich.console import Console
from rich.progress import Progress

from fhir_server.cli.failures import FOUND_WRONG
from fhir_server.cli.options import ConfigOption, Format, FormatOption, StoreOption, settings_of

index_app = typer.Typer(help="The search index.", no_args_is_help=True)


@index_app.callback()
def _index() -> None:
    """The search index."""


@index_app.command()
def verify(store: StoreOption = None, config: ConfigOption = None, format: FormatOption = Format.text) -> None:
    """Index every current resource anew, in memory, and compare. Exit code 1 and the places where it differs."""
    from fhir_server.reindexing import entries_again

    settings = settings_of(config, store=store)

    async def places() -> list[str]:
        from fhir_server.app import build_index_rules, open_settings_store

        opened = await open_settings_store(settings)
        try:
            serving = await build_index_rules(settings, opened)()
            return list(await opened.verify_index(entries_again(serving.server, opened)))
        finally:
            await opened.close()

    found = asyncio.run(places())
    if format is Format.json:
        sys.stdout.write(json.dumps({"differences": found}) + "\n")
    elif found:
        sys.stdout.write("\n".join([*found, f"{len(found)} places differ", ""]))
    else:
        sys.stdout.write("The index equals what the resources say.\n")
    if found:
        raise SystemExit(FOUND_WRONG)


@index_app.command()
def build(store: StoreOption = None, config: ConfigOption = None, format: FormatOption = Format.text) -> None:
    """Build what the index lacks: all of it after an upgrade, or what new search parameters find.

    A server that runs does so by itself in the background; this does it with nobody waiting. It may be stopped, and
    goes on where it stopped.
    """
    settings = settings_of(config, store=store)

    async def built() -> int | None:
        from fhir_server.app import build_index_rules, open_settings_store
        from fhir_server.indexing import Indexing

        opened = await open_settings_store(settings)
        try:
            with Progress(*Progress.get_default_columns(), console=Console(stderr=True), transient=True) as progress:
                task = progress.add_task("Indexing", total=None)
                indexing = Indexing(
                    opened,
                    build_index_rules(settings, opened),
                    lambda done, total: progress.update(task, completed=done, total=total),
                )
                return await indexing.once()
        finally:
            await opened.close()

    done = asyncio.run(built())
    if format is Format.json:
        sys.stdout.write(json.dumps({"indexed": done, "busy": done is None}) + "\n")
    elif done is None:
        sys.stdout.write("Another process is building the index now.\n")
    else:
        sys.stdout.write(f"{done} resource versions were indexed anew.\n" if done else "The index lacks nothing.\n")
