"""The options that commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fhir_server.settings import Settings, load_settings


class Auth(StrEnum):
    """Sign-in, on or off."""

    on = "on"
    off = "off"


class StoreKind(StrEnum):
    """The kinds of store: a file, or a mongod that is started for the command."""

    sqlite = "sqlite"
    mongodb = "mongodb"


class Format(StrEnum):
    """How a report is printed."""

    text = "text"
    json = "json"


StoreOption = Annotated[
    str | None, typer.Option("--store", help="sqlite:///PATH or mongodb://HOSTS/DATABASE (FHIR_STORE).")
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="A TOML file of settings (FHIR_CONFIG).")]
HostOption = Annotated[str | None, typer.Option("--host", help="The address to listen on (FHIR_HOST).")]
PortOption = Annotated[int | None, typer.Option("--port", help="The port; 0 takes a free one (FHIR_PORT).")]
WorkersOption = Annotated[int | None, typer.Option("--workers", help="Worker processes (FHIR_WORKERS).")]
BaseOption = Annotated[str | None, typer.Option("--base-url", help="The FHIR base as clients know it (FHIR_BASE_URL).")]
AuthOption = Annotated[Auth | None, typer.Option("--auth", help="Sign-in; off only on loopback (FHIR_AUTH).")]
FormatOption = Annotated[Format, typer.Option("--format", help="text for people, json for scripts.")]


def settings_of(config: Path | None = None, **options: Any) -> Settings:
    """The settings of this command; raises `SettingsFault` with all faults."""
    return load_settings(options, config=config)
