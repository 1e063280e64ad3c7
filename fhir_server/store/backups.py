"""What backups of every store have in common: files with checksums, named by a manifest that is written last."""

import hashlib
import os
from pathlib import Path

import msgspec

from fhir_server.store.options import RestoreRefused

MANIFEST = "manifest.json"
_PRIVATE = 0o700


class CopiedHead(msgspec.Struct, frozen=True):
    """The last entry of a chain in the backup."""

    sequence: int
    hash: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds: each file's SHA-256 by its path in the folder, and the heads of the chains."""

    made_ms: int
    schema: int
    files: dict[str, str]
    heads: dict[str, CopiedHead]


def make_folder(folder: Path) -> None:
    """Make a folder and the missing ones above it, for their owner only."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    for part in reversed(missing):
        part.mkdir(_PRIVATE, exist_ok=True)


def make_empty_folder(folder: Path) -> None:
    """Make the folder of a backup. Raises FileExistsError where it is there and not empty."""
    make_folder(folder)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; a backup needs a folder of its own")


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make the folder a backup: whole or not at all."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    path = folder / MANIFEST
    part = path.with_name(path.name + ".part")
    with part.open("xb") as file:
        file.write(text + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    make_durable(path.parent)


def read_manifest(source: Path) -> Manifest:
    """The manifest of a backup whose files are all there, unchanged. Raises `RestoreRefused`."""
    try:
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise RestoreRefused(f"{source} holds no complete backup: its {MANIFEST} cannot be read") from error
    for name, expected in manifest.files.items():
        path = source / name
        if ".." in Path(name).parts or not path.is_file() or checksum(path) != expected:
            raise RestoreRefused(f"{name} in {source} is missing or was changed since the backup was made")
    return manifest


def make_durable(path: Path) -> None:
    """Let a file, or what a folder lists, survive a loss of power."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
