"""fhir-server backup and restore."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from fhir_server.cli.options import ConfigOption, StoreOption, settings_of


def backup(
    target: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Copy the record, the audit and its heads into a folder with checksums, while the server works."""
    from fhir_server.app import open_settings_store

    settings = settings_of(config, store=store)

    async def copied() -> None:
        opened = await open_settings_store(settings)
        try:
            await opened.backup(target)
        finally:
            await opened.close()

    asyncio.run(copied())
    sys.stdout.write(f"Backed up to {target}\n")


def restore(
    source: Annotated[Path, typer.Argument(help="A folder that `backup` made.")],
    store: StoreOption = None,
    config: ConfigOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also where the backup is older than the audit head kept at the target.")
    ] = False,
) -> None:
    """Put a backup in the place of a store that is not there. Checksums and audit heads are compared first."""
    from fhir_server.store.open import restore_store

    settings = settings_of(config, store=store)
    restore_store(source, settings.store, heads=settings.audit_heads, force=force)
    sys.stdout.write(f"Restored {source} to {settings.store}\n")
