"""The compact form -> files. The bytes depend on the package alone, and a change of one line of it is a change of one
line here, so that a new edition can be reviewed."""

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fhir_server.definitions import layout
from fhir_server.definitions.layout import (
    HierarchyEntry,
    IndexedStructure,
    PackageEntry,
    SearchEntry,
    StructureEntry,
    ValueSetEntry,
)
from fhir_server.definitions.package import PackageError

README = "README.md"


@dataclass(frozen=True, slots=True)
class Form:
    """All that is written."""

    package: PackageEntry
    structures: list[StructureEntry]
    search: list[SearchEntry]
    compartments: dict[str, dict[str, tuple[str, ...]]]
    value_sets: list[ValueSetEntry]
    hierarchies: list[HierarchyEntry]


def files_of(form: Form) -> dict[str, bytes]:
    """Every file of the form: name relative to the folder -> bytes."""
    files = {layout.structure_file(each.name): _structure(each) for each in form.structures}
    for base, entries in _by_only_base(form.search).items():
        files[layout.search_file(base) if base else layout.SEARCH_SHARED] = _list(entries) + b"\n"
    files[layout.COMPARTMENTS] = _object({name: _plain(each) for name, each in form.compartments.items()}) + b"\n"
    files[layout.VALUE_SETS] = _list(form.value_sets) + b"\n"
    files[layout.HIERARCHIES] = _list(form.hierarchies) + b"\n"
    files[layout.INDEX] = _index(form, files)
    files[README] = _readme(form.package)
    return files


def check_target(target: Path) -> None:
    """Raises `PackageError` unless the target is absent, empty or a compiled form: nothing else is replaced."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise PackageError(f"{target} is not a folder.")
    if target.is_dir() and any(target.iterdir()) and not (target / layout.INDEX).is_file():
        raise PackageError(f"{target} holds other files; name an empty or a new folder.")


def write(files: Mapping[str, bytes], target: Path) -> None:
    """Writes beside the target, then moves the folder into its place. Raises `PackageError` where that fails; what was
    at the target is then there as before."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as beside:
            fresh = Path(beside, "new")
            for name, text in files.items():
                file = fresh / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text)
            _swap(fresh, target, Path(beside, "old"))
    except OSError as error:
        raise PackageError(f"The compiled form cannot be written to {target}: {error.strerror}.") from error


def _swap(fresh: Path, target: Path, old: Path) -> None:
    if target.exists():
        target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:  # an interruption too: the folder beside is deleted, and the old form is in it
        if old.exists():
            old.rename(target)
        raise


def _by_only_base(entries: Iterable[SearchEntry]) -> dict[str, list[SearchEntry]]:
    """The entries by their only base; under "" those with several or none."""
    groups: dict[str, list[SearchEntry]] = {"": []}
    for entry in entries:
        groups.setdefault(entry.base[0] if len(entry.base) == 1 else "", []).append(entry)
    return groups


def _structure(structure: StructureEntry) -> bytes:
    values = {name: msgspec.json.encode(getattr(structure, name)) for name in structure.__struct_fields__}
    values["constraints"] = _plain(structure.constraints)
    values["elements"] = _list(structure.elements)
    return _object(values) + b"\n"


def _index(form: Form, files: Mapping[str, bytes]) -> bytes:
    structures = [IndexedStructure(each.name, each.kind, each.base, each.abstract) for each in form.structures]
    values = {
        "format": msgspec.json.encode(layout.FORMAT),
        "package": _plain(msgspec.structs.asdict(form.package)),
        "structures": _list(structures),
        "files": _plain({name: hashlib.sha256(text).hexdigest() for name, text in sorted(files.items())}),
    }
    return _object(values) + b"\n"


def _plain(values: Mapping[str, object]) -> bytes:
    return _object({name: msgspec.json.encode(value) for name, value in values.items()})


def _object(values: Mapping[str, bytes]) -> bytes:
    return b"{\n" + b",\n".join(msgspec.json.encode(name) + b":" + value for name, value in values.items()) + b"\n}"


def _list(entries: Iterable[object]) -> bytes:
    return b"[\n" + b",\n".join(msgspec.json.encode(entry) for entry in entries) + b"\n]"


def _readme(package: PackageEntry) -> bytes:
    return f"""# Compiled definitions of FHIR

Made by `fhir-server package compile` from the package below; not edited by hand. A rebuild from the same package gives
the same bytes.

| | |
|---|---|
| package | `{package.name}` |
| version | {package.version} |
| FHIR | {package.fhir_version} |
| licence | {package.license} |
| SHA-256 of the package file | `{package.sha256}` |

Left out: descriptions, mappings, examples, profiles and definitions of extensions. The files are described in
`fhir_server/definitions/layout.py`.
""".encode()
