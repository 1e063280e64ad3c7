"""Reads a FHIR package (`.tgz`) in memory: no file of it is ever written to disk, and a hostile one cannot fill it.

https://hl7.org/fhir/R4/packages.html, https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

import msgspec

Decoded = TypeVar("Decoded")

MAX_PACKAGE_BYTES: Final = 64 << 20
MAX_MEMBER_BYTES: Final = 16 << 20
MAX_UNPACKED_BYTES: Final = 512 << 20
MAX_MEMBERS: Final = 50_000


class PackageError(Exception):
    """The package cannot be used; the message says which part of it and why, in one line.

    Names from the package stand in it: what would break the line or steer a terminal is replaced.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in message))


class Manifest(msgspec.Struct, frozen=True):
    """The fields of `package/package.json` that matter here."""

    name: str
    version: str
    fhir_versions: list[str] = msgspec.field(name="fhirVersions", default_factory=list)
    license: str = "not stated"


@dataclass(frozen=True, slots=True)
class Package:
    """A package: its manifest, the SHA-256 of its file, and its resources, type -> file name -> JSON text."""

    manifest: Manifest
    sha256: str
    resources: dict[str, dict[str, bytes]]


class _Header(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType", default="")


def read_package(path: Path, wanted: frozenset[str]) -> Package:
    """The package at `path` with its resources of the `wanted` types.

    Raises `PackageError` where the file is absent, damaged, over a limit, holds anything but files and folders, names
    that lead out of it or twice to the same place, or has no manifest.
    """
    compressed = _read_file(path)
    manifest: Manifest | None = None
    resources: dict[str, dict[str, bytes]] = {kind: {} for kind in sorted(wanted)}
    for name, text in _json_files(compressed):
        if name == "package.json":
            manifest = decode(text, Manifest, name)
            continue
        kind = decode(text, _Header, name).resource_type
        if kind in wanted:
            resources[kind][name] = text
    if manifest is None:
        raise PackageError("The package has no package/package.json: it is not a FHIR package.")
    return Package(manifest, hashlib.sha256(compressed).hexdigest(), resources)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            compressed = file.read(MAX_PACKAGE_BYTES + 1)
    except OSError as error:
        raise PackageError(f"The package {path} cannot be read: {error.strerror}.") from error
    if len(compressed) > MAX_PACKAGE_BYTES:
        raise PackageError(f"The package is over {MAX_PACKAGE_BYTES >> 20} MiB.")
    return compressed


def _json_files(compressed: bytes) -> Iterator[tuple[str, bytes]]:
    """Name within `package/` and text of the JSON files that lie directly in it; every member's name is checked."""
    seen: set[str] = set()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(compressed)) as file:
            unpacked = _Limited(file)
            with tarfile.open(fileobj=unpacked, mode="r|") as archive:
                for member in archive:
                    name = _checked_name(member, seen)
                    if member.isfile() and name.parent == PurePosixPath("package") and name.suffix == ".json":
                        yield name.name, _member_bytes(archive, member)
            while unpacked.read(1 << 20):
                pass  # to the end, where the checksum of the whole is
    except (tarfile.TarError, EOFError, OSError, ValueError, RecursionError, zlib.error) as error:
        raise PackageError(f"The package is not a complete .tgz file: {error}.") from error
    if not seen:
        raise PackageError("The package is empty.")


def _checked_name(member: tarfile.TarInfo, seen: set[str]) -> PurePosixPath:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or "\0" in member.name:
        raise PackageError(f"The package has a member whose name leads out of it: {member.name!r}.")
    if not (member.isfile() or member.isdir()):
        raise PackageError(f"The package has a member that is neither file nor folder: {member.name!r}.")
    if member.size > MAX_MEMBER_BYTES:
        raise PackageError(f"The package has a member over {MAX_MEMBER_BYTES >> 20} MiB: {member.name!r}.")
    if member.isfile() and str(name) in seen:
        raise PackageError(f"The package has two members of the same name: {member.name!r}.")
    seen.add(str(name))
    if len(seen) > MAX_MEMBERS:
        raise PackageError(f"The package has more than {MAX_MEMBERS} members.")
    return name


def _member_bytes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    text = file.read() if file else b""
    if len(text) != member.size:
        raise PackageError(f"The package is not a complete .tgz file: {member.name!r} is cut off.")
    return text


def decode(text: bytes, kind: type[Decoded], name: str) -> Decoded:
    """The JSON text of the file `name` as a value of `kind`; raises `PackageError` where it is not one."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PackageError(f"The package's {name} is not what it should be: {error}.") from error


class _Limited(io.BufferedIOBase):
    """A reader that stops where the unpacked bytes pass the limit: a small file may unpack without end."""

    def __init__(self, source: io.BufferedIOBase) -> None:
        self._source = source
        self._left = MAX_UNPACKED_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        most = self._left + 1
        data = self._source.read(most if size is None or size < 0 else min(size, most))
        self._left -= len(data)
        if self._left < 0:
            raise PackageError(f"The package unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB.")
        return data
