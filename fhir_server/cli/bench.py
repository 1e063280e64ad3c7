"""fhir-server bench: how fast is it, here?"""

from pathlib import Path
from typing import Annotated

import typer

from fhir_server.cli.options import Format, FormatOption, StoreKind

bench_app = typer.Typer(help="How fast is it, here?")


@bench_app.callback(invoke_without_command=True)
def bench(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option("--url", help="The FHIR base of a server that runs; otherwise one is started.")
    ] = None,
    workers: Annotated[list[int] | None, typer.Option("--workers", help="Measure with so many; repeatable.")] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.2, max=60, help="How long each figure is taken.")] = 4.0,
    connections: Annotated[int, typer.Option("--connections", min=1, max=512, help="Connections at once.")] = 32,
    store: Annotated[StoreKind, typer.Option("--store", help="The kind of store.")] = StoreKind.sqlite,
    folder: Annotated[Path | None, typer.Option("--folder", help="The disk that the figures are about.")] = None,
    page: Annotated[Path | None, typer.Option("--page", help="Write the figures into this page.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Drive a server over HTTP and show what it does: reads, creates, updates, transactions, history, a load.

    Every figure stands beside that of a static route of the same server, taken in the same run.
    """
    if context.invoked_subcommand is not None:
        return
    from fhir_server.bench.run import BenchOptions, run_bench

    options = BenchOptions(
        url=url,
        workers=tuple(workers or (1, 2)),
        seconds=seconds,
        connections=connections,
        folder=folder,
        page=page,
        store=store.value,
    )
    raise SystemExit(run_bench(options, "json" if format is Format.json else "text"))


@bench_app.command()
def search(  # noqa: PLR0913, PLR0917
    size: Annotated[
        list[int] | None, typer.Option("--size", min=1, help="Measure with so many resources; repeatable.")
    ] = None,
    store: Annotated[list[StoreKind] | None, typer.Option("--store", help="The kind of store; repeatable.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Worker processes of the server.")] = 2,
    seconds: Annotated[float, typer.Option("--seconds", min=0.2, max=60, help="How long each figure is taken.")] = 4.0,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Keep what is loaded here: another run goes on with it.")
    ] = None,
    peer: Annotated[
        str | None, typer.Option("--peer", help="The FHIR base of another server, loaded and asked the same.")
    ] = None,
    page: Annotated[Path | None, typer.Option("--page", help="Write the figures into this page.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Search 10,000, 100,000 and 1,000,000 resources of made-up residents and their GP records.

    The population is written into files and loaded by transactions first, which for a million takes some ten minutes
    and 6 GB. With --folder both are kept, a run that was stopped goes on, and the next run searches at once.
    """
    from fhir_server.bench.search.run import SearchOptions, run_search_bench

    options = SearchOptions(
        sizes=tuple(size or SearchOptions().sizes),
        workers=workers,
        seconds=seconds,
        folder=folder,
        peer=peer,
        page=page,
        stores=tuple(each.value for each in store or [StoreKind.sqlite]),
    )
    raise SystemExit(run_search_bench(options, "json" if format is Format.json else "text"))
