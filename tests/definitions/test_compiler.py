import json
from pathlib import Path
from typing import Any

import pytest

from fhir_server.definitions import write
from fhir_server.definitions.compiler import CompileReport, compile_package
from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.package import PackageError
from fhir_server.definitions.structures import CodeHierarchy, Compartment, ValueSet
from tests.definitions.small_package import (
    CANONICAL,
    MANIFEST,
    archive,
    element,
    files_of,
    package,
    search_parameter,
    structure,
    types,
)

COLOURS = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/colours",
    "content": "complete",
    "hierarchyMeaning": "is-a",
    "concept": [{"code": "red"}, {"code": "green", "concept": [{"code": "lime"}]}],
}
COLOUR_SET = {
    "resourceType": "ValueSet",
    "url": "http://example.org/ValueSet/colours",
    "compose": {"include": [{"system": "http://example.org/colours"}]},
}
COMPARTMENT = {
    "resourceType": "CompartmentDefinition",
    "url": "http://example.org/CompartmentDefinition/patient",
    "code": "Patient",
    "resource": [{"code": "Device", "param": ["owner"]}, {"code": "Patient"}],
}


def resources() -> list[dict[str, Any]]:
    required = {"strength": "required", "valueSet": "http://example.org/ValueSet/colours"}
    unknown = {"strength": "required", "valueSet": "http://example.org/ValueSet/elsewhere"}
    owner = {"code": "Reference", "targetProfile": [CANONICAL + "Patient"]}
    device = structure(
        "Device",
        "resource",
        "Resource",
        [
            element("Device.colour", "code", binding=required),
            element("Device.other", "code", binding=unknown),
            element("Device.owner", owner),
        ],
    )
    return [
        *types(),
        device,
        structure("Event", "logical", None, []),
        search_parameter("_id", "Resource", expression="Resource.id"),
        search_parameter("owner", "Device", type="reference", expression="Device.owner", target=["Patient"]),
        search_parameter("name", "Device", "Patient", expression="Device.name | Patient.name"),
        search_parameter("loose"),
        COMPARTMENT,
        COLOURS,
        COLOUR_SET,
    ]


def quiet(_: str) -> None:
    """Takes no notice of the progress."""


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_compiles_a_package_and_reports(tmp_path: Path) -> None:
    steps: list[str] = []
    target = tmp_path / "deep" / "compiled"
    report = compile_package(package(tmp_path, resources()), target, steps.append)
    size = sum(map(len, content(target).values()))
    assert report == CompileReport(
        package="example.core 1.2.3",
        counts={
            "resource types": 2,
            "complex datatypes": 2,
            "primitive datatypes": 6,
            "abstract types": 3,
            "elements": 24,
            "search parameters": 4,
            "compartments": 1,
            "value sets, complete": 1,
            "value sets, incomplete": 1,
            "code systems with a hierarchy": 1,
        },
        left_out={
            "logical model: no data of this type exists": ("Event",),
            "value set whose codes the package does not have in full: it refuses no code": (
                "http://example.org/ValueSet/elsewhere",
            ),
        },
        bytes=size,
    )
    assert steps == [
        "reading example.tgz",
        "compiling structures",
        "compiling search parameters and compartments",
        "expanding value sets",
        f"writing 21 files to {target}",
    ]
    assert sorted(each.name for each in (tmp_path / "deep").iterdir()) == ["compiled"]


def test_what_was_compiled_can_be_read(tmp_path: Path) -> None:
    target = tmp_path / "compiled"
    compile_package(package(tmp_path, resources()), target, quiet)
    definitions = Definitions(target)
    assert definitions.resource_types == ("Device", "Patient")
    assert [each.name for each in definitions.structure("Device").elements] == ["colour", "other", "owner"]
    assert list(definitions.search_parameters("Device")) == ["_id", "name", "owner"]
    assert list(definitions.search_parameters("Patient")) == ["_id", "name"]
    assert definitions.compartment("Patient") == Compartment("Patient", {"Device": ("owner",), "Patient": ()})
    assert definitions.value_set("http://example.org/ValueSet/colours") == ValueSet(
        "http://example.org/ValueSet/colours", {"http://example.org/colours": frozenset({"red", "green", "lime"})}
    )
    assert definitions.value_set("http://example.org/ValueSet/elsewhere") == ValueSet(
        "http://example.org/ValueSet/elsewhere", {}, complete=False
    )
    assert definitions.code_hierarchy("http://example.org/colours") == CodeHierarchy(
        "http://example.org/colours", frozenset({"red", "green", "lime"}), {"green": ("lime",)}
    )
    assert definitions.code_hierarchy("http://example.org/elsewhere") is None


def test_the_order_of_the_package_makes_no_difference(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    compile_package(package(tmp_path / "first", resources()), tmp_path / "a", quiet)
    compile_package(package(tmp_path / "second", reversed(resources())), tmp_path / "b", quiet)
    first, second = content(tmp_path / "a"), content(tmp_path / "b")
    for name in ("README.md", "index.json"):  # these name the checksum of the package
        assert first.pop(name) != second.pop(name)
    assert first == second


def test_replaces_an_earlier_form_whole(tmp_path: Path) -> None:
    target = tmp_path / "compiled"
    compile_package(package(tmp_path, types()), target, quiet)
    assert Definitions(target).resource_types == ("Patient",)
    compile_package(package(tmp_path, resources()), target, quiet)
    replaced = content(target)
    compile_package(package(tmp_path, resources()), tmp_path / "fresh", quiet)
    assert replaced == content(tmp_path / "fresh")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["compiled", "example.tgz", "fresh"]


def test_fills_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "compiled").mkdir()
    compile_package(package(tmp_path, types()), tmp_path / "compiled", quiet)
    assert Definitions(tmp_path / "compiled").resource_types == ("Patient",)


def test_leaves_a_folder_of_other_files_alone(tmp_path: Path) -> None:
    target = tmp_path / "notes"
    target.mkdir()
    (target / "note.txt").write_text("mine")
    with pytest.raises(PackageError) as caught:
        compile_package(package(tmp_path, types()), target, quiet)
    assert str(caught.value) == f"{target} holds other files; name an empty or a new folder."
    assert content(target) == {"note.txt": b"mine"}


@pytest.mark.parametrize("kind", ["file", "link"])
def test_refuses_a_target_that_is_no_folder(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    if kind == "file":
        target.write_text("mine")
    else:
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PackageError) as caught:
        compile_package(package(tmp_path, types()), target, quiet)
    assert str(caught.value) == f"{target} is not a folder."


BAD = {
    "no such file": (None, "cannot be read: No such file or directory."),
    "cut off": (archive(files_of(types()))[:-200], "The package is not a complete .tgz file: "),
    "not an archive": (b"plain text", "The package is not a complete .tgz file: Not a gzipped file (b'pl')."),
    "a name that leads out": (archive(files_of(types()) | {"../evil.json": b"{}"}), "leads out of it: '../evil.json'."),
    "no manifest": (
        archive({name: text for name, text in files_of(types()).items() if "Struct" in name}),
        "The package has no package/package.json: it is not a FHIR package.",
    ),
    "another version": (
        archive(
            {**files_of(types()), "package/package.json": json.dumps(MANIFEST | {"fhirVersions": ["5.0.0"]}).encode()}
        ),
        "The package is for FHIR 5.0.0; this server is for FHIR 4.0.1.",
    ),
    "no version": (
        archive({**files_of(types()), "package/package.json": b'{"name":"a","version":"1"}'}),
        "The package is for FHIR no version; this server is for FHIR 4.0.1.",
    ),
    "no resource types": (
        archive(files_of([COLOURS])),
        "The package defines no resource types: it is not a core package of FHIR.",
    ),
    "a canonical twice": (
        archive(files_of([*types(), COLOURS, COLOURS])),
        "The package defines http://example.org/colours twice.",
    ),
    "a wrong field": (
        archive(files_of([*types(), COLOURS | {"content": 7}])),
        "The package's CodeSystem-12.json is not what it should be: Expected `str`, got `int` - at `$.content`.",
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("earlier", [False, True])
def test_a_package_that_cannot_be_used_writes_nothing(tmp_path: Path, name: str, earlier: bool) -> None:
    target = tmp_path / "compiled"
    if earlier:
        compile_package(package(tmp_path, types()), target, quiet)
    (tmp_path / "example.tgz").unlink(missing_ok=True)
    bad, message = BAD[name]
    if bad is not None:
        (tmp_path / "example.tgz").write_bytes(bad)
    before = content(tmp_path)
    with pytest.raises(PackageError) as caught:
        compile_package(tmp_path / "example.tgz", target, quiet)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert content(tmp_path) == before
    assert target.exists() == earlier


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_while_writing_leaves_the_earlier_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    target = tmp_path / "compiled"
    compile_package(package(tmp_path, types()), target, quiet)
    before = content(tmp_path)
    calls: list[Path] = []
    rename = Path.rename

    def failing(self: Path, to: Path) -> Path:
        """Moves the earlier form away, then fails once: the worst moment."""
        calls.append(self)
        if len(calls) == 2:
            raise error
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises((PackageError, KeyboardInterrupt)) as caught:
        compile_package(tmp_path / "example.tgz", target, quiet)
    assert len(calls) == 3
    assert content(tmp_path) == before
    if isinstance(error, OSError):
        assert str(caught.value) == f"The compiled form cannot be written to {target}: No space left on device."


def test_every_file_is_deterministic_text_that_ends_in_a_line_break(tmp_path: Path) -> None:
    compile_package(package(tmp_path, resources()), tmp_path / "compiled", quiet)
    for name, text in content(tmp_path / "compiled").items():
        assert text.endswith(b"\n"), name
        assert name == "README.md" or json.loads(text) is not None
    assert write.README in content(tmp_path / "compiled")
