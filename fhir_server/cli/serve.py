"""fhir-server serve: the server, until it is stopped."""

import asyncio
import sys
from typing import TYPE_CHECKING

from fhir_server.cli.failures import UNSAFE, fail
from fhir_server.cli.options import (
    AuthOption,
    BaseOption,
    ConfigOption,
    HostOption,
    PortOption,
    StoreOption,
    WorkersOption,
    settings_of,
)
from fhir_server.settings import Settings

if TYPE_CHECKING:
    from fhir_server.web.commands import Command


def serve(
    store: StoreOption = None,
    host: HostOption = None,
    port: PortOption = None,
    workers: WorkersOption = None,
    base_url: BaseOption = None,
    auth: AuthOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the record. Ctrl-C or SIGTERM stops: requests in flight finish first.

    Settings come from options, then FHIR_ variables, then the file; docs/settings.md lists them all.
    """
    settings = settings_of(
        config, store=store, host=host, port=port, workers=workers, base_url=base_url, auth=auth and auth.value
    )
    run_server(servable(settings))


def servable(settings: Settings) -> Settings:
    """These settings with the port that will be listened on; leaves with exit code 3 where they are unsafe."""
    from fhir_server.serving import free_port

    for sentence in settings.unsafe():
        fail(sentence, UNSAFE)
    return settings.model_copy(update={"port": free_port(settings.host, settings.port)})


def run_server(settings: Settings, *, demo: "tuple[Command, ...] | None" = None, told: str = "") -> None:
    """Check that the store opens, then serve with these settings.

    `demo`: the commands to show where the store holds demo data. `told` is printed once the server answers.
    """
    from fhir_server.app import open_settings_store
    from fhir_server.serving import run
    from fhir_server.web.assets import are_there

    async def opened() -> None:
        # Opened and closed once before the workers start, so that a damaged or newer store is one clear line here.
        await (await open_settings_store(settings)).close()

    asyncio.run(opened())
    if settings.auth == "off":
        sys.stderr.write("fhir-server: no sign-in (--auth off): anyone on this machine can read and write the record\n")

    if not are_there():
        sys.stderr.write("fhir-server: the pages are plain without the NHS.UK frontend; `make assets` brings it\n")

    def announce() -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        sys.stdout.write(f"Listening on http://{host}:{settings.port}/\n{told}")
        sys.stdout.flush()

    run(settings, demo=demo, announce=announce)
