"""fhir-server bench: how fast is it, here?"""

from pathlib import Path
from typing import Annotated

import typer

from fhir_server.cli.options import Format, FormatOption


def bench(
    url: Annotated[
        str | None, typer.Option("--url", help="The FHIR base of a server that runs; otherwise one is started.")
    ] = None,
    workers: Annotated[list[int] | None, typer.Option("--workers", help="Measure with so many; repeatable.")] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.2, max=60, help="How long each figure is taken.")] = 4.0,
    connections: Annotated[int, typer.Option("--connections", min=1, max=512, help="Connections at once.")] = 32,
    folder: Annotated[Path | None, typer.Option("--folder", help="The disk that the figures are about.")] = None,
    page: Annotated[Path | None, typer.Option("--page", help="Write the figures into this page.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Drive a server over HTTP and show what it does: reads, creates, updates, transactions, history, a load.

    Every figure stands beside that of a static route of the same server, taken in the same run.
    """
    from fhir_server.bench.run import BenchOptions, run_bench

    options = BenchOptions(
        url=url,
        workers=tuple(workers or (1, 2)),
        seconds=seconds,
        connections=connections,
        folder=folder,
        page=page,
    )
    raise SystemExit(run_bench(options, "json" if format is Format.json else "text"))
