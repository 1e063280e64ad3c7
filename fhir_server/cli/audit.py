"""fhir-server audit: is the record of who did what whole?"""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from fhir_server.cli.failures import FOUND_WRONG
from fhir_server.cli.options import ConfigOption, Format, FormatOption, StoreOption, settings_of
from fhir_server.store.values import ChainReport

audit_app = typer.Typer(help="The audit chains.", no_args_is_help=True)


@audit_app.callback()
def _audit() -> None:
    """The audit chains."""


@audit_app.command()
def verify(store: StoreOption = None, config: ConfigOption = None, format: FormatOption = Format.text) -> None:
    """Recompute every audit chain and compare it with its head outside the database.

    Exit code 1 where one is broken or ends too early; the first bad entry is named.
    """
    from fhir_server.app import open_settings_store

    settings = settings_of(config, store=store)

    async def verified() -> list[ChainReport]:
        opened = await open_settings_store(settings)
        try:
            return list(await opened.verify_audit())
        finally:
            await opened.close()

    reports = asyncio.run(verified())
    if format is Format.json:
        sys.stdout.write(json.dumps({"chains": [asdict(report) for report in reports]}) + "\n")
    else:
        for report in reports:
            state = "whole" if report.fault is None else f"BROKEN at {report.place}: {report.fault}"
            sys.stdout.write(f"{report.chain}: {report.entries} entries, {state}\n")
    if any(report.fault is not None for report in reports):
        raise SystemExit(FOUND_WRONG)


@audit_app.command(name="accept-loss")
def accept_loss_(
    reason: Annotated[str, typer.Option("--reason", help="Who decided it and why; it is written into the chain.")],
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve again from a store whose audit chain ends before its head: the loss is recorded in the chain.

    Restore a backup instead where there is one that is newer.
    """
    from fhir_server.store.open import accept_loss

    settings = settings_of(config, store=store)
    asyncio.run(accept_loss(settings.store, settings.audit_heads, reason))
    sys.stdout.write("The loss is recorded; the store can be opened again.\n")
