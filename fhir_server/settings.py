"""Every setting: name, type, default, one sentence.

The environment (`FHIR_PORT`) wins over the file (`--config`, `FHIR_CONFIG`, TOML), an option on the command line over
both. An unknown or faulty one stops the start, and all faults are named at once. docs/settings.md is for people.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

PREFIX = "FHIR_"
_NOT_SETTINGS = ("FHIR_CONFIG", "FHIR_TEST_", "FHIR_R4_EXAMPLES")


class SettingsFault(Exception):
    """Settings that cannot be served with: one line for each fault."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


class Settings(BaseModel):
    """The settings of one server. Frozen; made by `load_settings`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str = Field(
        "sqlite:///fhir-data/store.db",
        description="Where the record is kept: sqlite:///PATH or mongodb://HOSTS/DATABASE.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    workers: int = Field(1, ge=1, le=64, description="How many worker processes serve.")
    base_url: str = Field(
        "", description="The address of the FHIR base as clients know it; made of host and port if empty."
    )
    auth: Literal["on", "off"] = Field("on", description="Sign-in; off only where nobody but this machine can connect.")
    references: Literal["patient", "all", "off"] = Field(
        "patient", description="Which references must resolve when they are written: to the patient, all, or none."
    )
    update_create: bool = Field(True, description="Whether a PUT to an unknown id makes a resource.")
    delete_referenced: bool = Field(False, description="Whether a resource may be deleted while others refer to it.")
    max_resource_bytes: int = Field(
        12 * 1024 * 1024, ge=1024, le=15 * 1024 * 1024, description="The largest resource, as it is stored."
    )
    max_binary_bytes: int = Field(8 * 1024 * 1024, ge=1024, description="The largest content of a Binary sent raw.")
    max_bundle_bytes: int = Field(64 * 1024 * 1024, ge=1024, description="The largest batch or transaction.")
    max_bundle_entries: int = Field(50_000, ge=1, description="The most entries of a batch or transaction.")
    header_seconds: int = Field(10, ge=1, le=120, description="How long a client may take to send its headers.")
    body_seconds: float = Field(30.0, gt=0, le=600, description="How long a client may take to send its body.")
    drain_seconds: float = Field(
        0.0,
        ge=0,
        le=300,
        description="How long a stopping server says it is not ready before it stops taking requests.",
    )
    stop_seconds: int = Field(30, ge=1, le=600, description="How long requests in flight may take to finish at a stop.")
    page_size: int = Field(50, ge=1, description="Entries on a page where the client does not say.")
    max_page_size: int = Field(1000, ge=1, description="The most entries on a page.")
    max_included: int = Field(1000, ge=1, description="The most resources that _include adds to a page.")
    conditional_delete: Literal["single", "multiple", "off"] = Field(
        "single", description="Whether a DELETE with criteria may delete one resource, several, or none."
    )
    snapshot_seconds: float = Field(3600.0, ge=1, description="How long a page link works.")
    timezone: str = Field("Europe/London", description="The zone of dates that name none.")
    audit_heads: Path | None = Field(
        None,
        description="The folder outside the database that keeps the heads of the audit chains; beside it if unset.",
    )
    reader_threads: int = Field(2, ge=1, le=64, description="Threads of a worker that run searches.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")

    @field_validator("store")
    @classmethod
    def _known_store(cls, value: str) -> str:
        if value.startswith("sqlite:///") and value != "sqlite:///":
            return value
        scheme, _, rest = value.partition("://")
        database = rest.partition("?")[0].partition("/")[2]
        if scheme not in ("mongodb", "mongodb+srv") or not database:
            raise ValueError("must be sqlite:///PATH or mongodb://HOSTS/DATABASE")
        return value

    @model_validator(mode="after")
    def _heads_outside(self) -> Self:
        if self.audit_heads is None and not self.store.startswith("sqlite:"):
            raise ValueError("audit_heads must name a folder, since a store on MongoDB has none beside it")
        return self

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is no time zone of the tz database") from error
        return value

    @field_validator("base_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
            raise ValueError("must be an absolute http or https URL without query")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _page_sizes(self) -> Self:
        if self.page_size > self.max_page_size:
            raise ValueError("page_size is over max_page_size")
        return self

    @property
    def base(self) -> str:
        """The FHIR base address, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url or f"http://{host}:{self.port}/fhir"

    def unsafe(self) -> list[str]:
        """What makes these settings unsafe to serve with, a sentence each; empty where nothing does."""
        if self.auth == "on":
            return ["auth=on: sign-in is not part of this version; serve on loopback with --auth off"]
        if not is_loopback(self.host):
            return [f"auth=off: without sign-in the server listens on loopback only, not on {self.host}"]
        return []


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def load_settings(
    options: Mapping[str, Any], *, environment: Mapping[str, str] | None = None, config: Path | None = None
) -> Settings:
    """Settings from file, environment and options (None: not given), in rising order of weight.

    Raises `SettingsFault` with all faults: unknown names, bad values, an unreadable file.
    """
    environment = os.environ if environment is None else environment
    faults: list[str] = []
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    path = config or (Path(environment["FHIR_CONFIG"]) if environment.get("FHIR_CONFIG") else None)
    layers = (
        ("the file", _from_file(path, faults)),
        ("the environment", _from_environment(environment)),
        ("the command line", {name: value for name, value in options.items() if value is not None}),
    )
    for source, layer in layers:
        for name, value in layer.items():
            if name in Settings.model_fields:
                values[name], sources[name] = value, source
            else:
                faults.append(f"{name}: there is no such setting (in {source})")
    try:
        settings = Settings(**values)
    except ValidationError as error:
        faults += [_sentence(fault, sources) for fault in error.errors()]
        raise SettingsFault(faults) from error
    if faults:
        raise SettingsFault(faults)
    return settings


def _from_file(path: Path | None, faults: list[str]) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{path}: cannot be read ({type(error).__name__})")
    except tomllib.TOMLDecodeError as error:
        faults.append(f"{path}: is not TOML ({error})")
    return {}


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and not name.startswith(_NOT_SETTINGS)
    }


def _sentence(fault: Any, sources: Mapping[str, str]) -> str:
    name = ".".join(str(part) for part in fault["loc"])
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{name}: {message} (in {sources[name]})" if name in sources else message
