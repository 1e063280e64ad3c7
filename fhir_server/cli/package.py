"""fhir-server package compile: a FHIR package as the compact form that the server reads."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fhir_server.cli.options import Format, FormatOption

package_app = typer.Typer(help="FHIR packages.", no_args_is_help=True)


@package_app.callback()
def _package() -> None:
    """FHIR packages."""


@package_app.command(name="compile")
def compile_(
    package: Annotated[Path, typer.Argument(help="The package, a .tgz (hl7.fhir.r4.core.tgz).")],
    to: Annotated[Path, typer.Option("--to", help="The folder to write; replaced only when all went well.")],
    format: FormatOption = Format.text,
) -> None:
    """Compile the definitions of a FHIR package. Nothing is written where the package is faulty."""
    from fhir_server.definitions.compiler import compile_package

    def progress(sentence: str) -> None:
        if format is Format.text:
            sys.stderr.write(f"{sentence}\n")

    report = compile_package(package, to, progress)
    if format is Format.json:
        sys.stdout.write(json.dumps(asdict(report), default=str) + "\n")
        return
    sys.stdout.write(f"{report.package}: {report.bytes:,} bytes in {to}\n")
    for kind, count in report.counts.items():
        sys.stdout.write(f"{count:>7,} {kind}\n")
    for reason, names in report.left_out.items():
        sys.stdout.write(
            f"{len(names):>7,} left out: {reason} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})\n"
        )
