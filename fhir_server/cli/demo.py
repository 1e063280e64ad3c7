"""fhir-server demo: the server on loopback with synthetic residents of two care homes."""

import asyncio
import shutil
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from fhir_server.cli.failures import fail
from fhir_server.cli.loading import Summary, load_bundles, load_documents
from fhir_server.cli.options import HostOption, PortOption, StoreKind, WorkersOption, settings_of
from fhir_server.cli.serve import run_server, servable
from fhir_server.demo import (
    DEFAULT_RESIDENTS,
    DEFAULT_SEED,
    demo_commands,
    gp_documents,
    implementation_guide,
    residents,
)
from fhir_server.settings import Settings
from fhir_server.store.open import MongodFailed, own_mongodb
from fhir_server.web.commands import Command

_MARK = "demo.txt"


def demo(  # noqa: PLR0913, PLR0917
    data: Annotated[Path, typer.Option("--data", help="The folder of the demo's data; kept between runs.")] = Path(
        "demo-data"
    ),
    reset: Annotated[bool, typer.Option("--reset", help="Delete the demo's data first.")] = False,
    count: Annotated[
        int, typer.Option("--residents", min=1, max=20_000, help="How many residents.")
    ] = DEFAULT_RESIDENTS,
    seed: Annotated[int, typer.Option("--seed", help="Another seed makes other people.")] = DEFAULT_SEED,
    store: Annotated[
        StoreKind, typer.Option("--store", help="A file, or a mongod that is started for the demo.")
    ] = StoreKind.sqlite,
    host: HostOption = None,
    port: PortOption = None,
    workers: WorkersOption = None,
) -> None:
    """Start a server with synthetic data, on loopback, without sign-in. Ctrl-C stops it.

    Nothing here is about real people. The same seed makes the same data.
    """
    folder = data if store is StoreKind.sqlite else data / "mongodb"
    if reset:
        _remove(folder)
    with _opened(store, folder) as url:
        heads = None if store is StoreKind.sqlite else folder / "heads"
        settings = servable(
            settings_of(host=host, port=port, workers=workers, auth="off", store=url, audit_heads=heads)
        )
        _filled(settings, folder, count, seed)
        commands = demo_commands(settings.base, seed)
        run_server(settings, demo=commands, told=_told(settings, commands))


@contextmanager
def _opened(store: StoreKind, folder: Path) -> Iterator[str]:
    """The URL of the demo's store; its database runs as long as it is used."""
    if store is StoreKind.sqlite:
        yield f"sqlite:///{(folder / 'store.db').absolute()}"
        return
    try:
        database = own_mongodb(folder)
    except MongodFailed as error:
        fail(str(error))
    try:
        yield database.url
    finally:
        database.stop()


def _remove(data: Path) -> None:
    if not data.exists():
        return
    if not (data / _MARK).exists():
        fail(f"{data} holds no demo data; --reset deletes nothing else")
    shutil.rmtree(data)


def _filled(settings: Settings, data: Path, count: int, seed: int) -> None:
    """Load the synthetic residents, unless they are there; an interrupted load goes on where it stopped."""
    mark = data / _MARK
    wanted = f"residents={count} seed={seed}"
    before = mark.read_text("utf-8") if mark.exists() else ""
    if before == wanted:
        return
    if before and "today=" not in before:
        fail(f"{data} holds other demo data ({before}); add --reset to replace it, or give another --data")
    today = date.fromisoformat(before.partition("today=")[2]) if before else date.today()
    if before and before.partition(" today=")[0] != wanted:
        fail(f"{data} holds the start of other demo data ({before}); add --reset to replace it")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark.write_text(f"{wanted} today={today.isoformat()}", "utf-8")
    bundles = chain([implementation_guide()], residents(seed, count, today))
    _loaded(load_bundles(settings, bundles, total=count + 2, title="Care homes"))
    # After them, because each GP record joins a Patient who is here already, by NHS number.
    exported = f"{today.isoformat()}T00:00:00Z"
    documents = load_documents(settings, gp_documents(seed, count, today), exported, total=count, title="GP records")
    _loaded(documents)
    mark.write_text(wanted, "utf-8")


def _loaded(load: Coroutine[Any, Any, Summary]) -> None:
    summary = asyncio.run(load)
    if summary.refused:
        fail(f"the demo data was refused: {summary.first_refusal}")


def _told(settings: Settings, commands: tuple[Command, ...]) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    lines = [
        f"Pages    http://{host}:{settings.port}/",
        f"FHIR     {settings.base}",
        "",
        "Three commands to try:",
        "",
    ]
    for command in commands:
        lines += [f"# {command.sentence}", command.line, ""]
    return "\n".join([*lines, "Ctrl-C stops the server; the data stays.", ""])
