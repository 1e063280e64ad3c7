"""The command, run as a person would."""

import subprocess

from tests.cli.commands import fhir_server
from tests.migration.records import Place


def migrated(source: Place, target: Place, *more: str) -> subprocess.CompletedProcess[str]:
    """`fhir-server migrate` from one place to another."""
    return fhir_server(
        "migrate",
        "--from",
        source.url,
        "--to",
        target.url,
        "--from-heads",
        source.heads,
        "--to-heads",
        target.heads,
        *more,
        folder=source.folder,
    )


def on(at: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Any command on this store."""
    return fhir_server(*arguments, folder=at.folder, **at.environment)
