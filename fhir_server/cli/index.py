"""fhir-server index verify: does the index still say what the resources say?"""

import asyncio
import json
import sys

import typer

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
        from fhir_server.app import build_server, open_settings_store

        opened = await open_settings_store(settings)
        try:
            return list(await opened.verify_index(entries_again(build_server(settings, opened), opened)))
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
