"""A FHIR package -> the compact form that `Definitions` reads; the same package always gives the same bytes.

https://hl7.org/fhir/R4/packages.html
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from fhir_server.definitions.compile_hierarchies import compile_hierarchies
from fhir_server.definitions.compile_search import compile_compartments, compile_search_parameters
from fhir_server.definitions.compile_structures import compile_structures
from fhir_server.definitions.compile_value_sets import ValueSetCompiler
from fhir_server.definitions.layout import PackageEntry
from fhir_server.definitions.package import Decoded, Package, PackageError, decode, read_package
from fhir_server.definitions.source import (
    CodeSystemSource,
    CompartmentSource,
    SearchSource,
    StructureSource,
    ValueSetSource,
)
from fhir_server.definitions.write import Form, check_target, files_of, write

FHIR_VERSION: Final = "4.0.1"
SOURCES: dict[type[Any], str] = {
    StructureSource: "StructureDefinition",
    SearchSource: "SearchParameter",
    CompartmentSource: "CompartmentDefinition",
    ValueSetSource: "ValueSet",
    CodeSystemSource: "CodeSystem",
}

Canonical = TypeVar("Canonical", ValueSetSource, CodeSystemSource)


@dataclass(frozen=True, slots=True)
class CompileReport:
    """What was compiled: how many of each kind, what was left out (reason -> names), and the size of the form."""

    package: str
    counts: dict[str, int]
    left_out: dict[str, tuple[str, ...]]
    bytes: int


def compile_package(package: Path, target: Path, progress: Callable[[str], None]) -> CompileReport:
    """Compiles a core package of FHIR R4 into the folder `target`; `progress` is told each step.

    A compiled form that is already there is replaced. Raises `PackageError` where the package cannot be used or
    `target` holds something else; then nothing is written.
    """
    check_target(target)
    progress(f"reading {package.name}")
    read = read_package(package, frozenset(SOURCES.values()))
    if FHIR_VERSION not in read.manifest.fhir_versions:
        versions = ", ".join(read.manifest.fhir_versions) or "no version"
        raise PackageError(f"The package is for FHIR {versions}; this server is for FHIR {FHIR_VERSION}.")
    form, left_out = _compile(read, progress)
    files = files_of(form)
    progress(f"writing {len(files)} files to {target}")
    write(files, target)
    return CompileReport(
        package=f"{form.package.name} {form.package.version}",
        counts=_counts(form),
        left_out={reason: tuple(sorted(names)) for reason, names in sorted(left_out.items())},
        bytes=sum(map(len, files.values())),
    )


def _compile(package: Package, progress: Callable[[str], None]) -> tuple[Form, dict[str, list[str]]]:
    progress("compiling structures")
    structures = compile_structures(_sources(package, StructureSource))
    if not any(each.kind == "resource" for each in structures.entries):
        raise PackageError("The package defines no resource types: it is not a core package of FHIR.")
    progress("compiling search parameters and compartments")
    names = frozenset(each.name for each in structures.entries)
    search = compile_search_parameters(_sources(package, SearchSource), names)
    compartments, examples = compile_compartments(_sources(package, CompartmentSource), search)
    progress("expanding value sets")
    code_systems = _by_url(_sources(package, CodeSystemSource))
    value_sets = ValueSetCompiler(_by_url(_sources(package, ValueSetSource)), code_systems).entries(
        structures.value_sets
    )
    hierarchies = compile_hierarchies(code_systems.values())
    left_out = structures.left_out | examples
    incomplete = [each.url for each in value_sets if not each.complete]
    if incomplete:
        left_out["value set whose codes the package does not have in full: it refuses no code"] = incomplete
    entry = PackageEntry(
        name=package.manifest.name,
        version=package.manifest.version,
        fhir_version=FHIR_VERSION,
        license=package.manifest.license,
        sha256=package.sha256,
    )
    return Form(entry, structures.entries, search, compartments, value_sets, hierarchies), left_out


def _sources(package: Package, kind: type[Decoded]) -> list[Decoded]:
    return [decode(text, kind, file) for file, text in sorted(package.resources[SOURCES[kind]].items())]


def _by_url(sources: Iterable[Canonical]) -> dict[str, Canonical]:
    by_url: dict[str, Canonical] = {}
    for source in sources:
        if by_url.setdefault(source.url, source) is not source:
            raise PackageError(f"The package defines {source.url} twice.")
    return by_url


def _counts(form: Form) -> dict[str, int]:
    kinds = [each.kind for each in form.structures if not each.abstract]
    return {
        "resource types": kinds.count("resource"),
        "complex datatypes": kinds.count("complex-type"),
        "primitive datatypes": kinds.count("primitive-type"),
        "abstract types": len(form.structures) - len(kinds),
        "elements": sum(len(each.elements) for each in form.structures),
        "search parameters": len(form.search),
        "compartments": len(form.compartments),
        "value sets, complete": sum(each.complete for each in form.value_sets),
        "value sets, incomplete": sum(not each.complete for each in form.value_sets),
        "code systems with a hierarchy": len(form.hierarchies),
    }
