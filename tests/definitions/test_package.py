import gzip
import hashlib
import json
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions import package
from fhir_server.definitions.package import Manifest, Package, PackageError, read_package
from tests.definitions.small_package import MANIFEST, archive

WANTED = frozenset({"ValueSet", "CodeSystem"})
FILES = {
    "package/package.json": json.dumps(MANIFEST).encode(),
    "package/one.json": b'{"resourceType":"ValueSet","url":"one"}',
    "package/two.json": b'{"resourceType":"ConceptMap"}',
    "package/.index.json": b"{}",
    "package/other/three.json": b"not JSON, and not read",
    "package/notes.txt": b"not read",
}


def read(tmp_path: Path, content: bytes) -> Package:
    file = tmp_path / "some.tgz"
    file.write_bytes(content)
    return read_package(file, WANTED)


def refusal(tmp_path: Path, content: bytes) -> str:
    """The message for a package that is refused; nothing of it may have been written."""
    with pytest.raises(PackageError) as caught:
        read(tmp_path, content)
    assert [each.name for each in tmp_path.iterdir()] == ["some.tgz"]
    return str(caught.value)


def test_reads_the_wanted_resources_that_lie_in_the_package_folder(tmp_path: Path) -> None:
    content = archive(FILES)
    assert read(tmp_path, content) == Package(
        manifest=Manifest("example.core", "1.2.3", ["4.0.1"], "CC0-1.0"),
        sha256=hashlib.sha256(content).hexdigest(),
        resources={"CodeSystem": {}, "ValueSet": {"one.json": FILES["package/one.json"]}},
    )


def test_reads_a_manifest_without_licence_or_fhir_version(tmp_path: Path) -> None:
    content = archive({"package/package.json": b'{"name":"a","version":"1"}'})
    assert read(tmp_path, content).manifest == Manifest("a", "1", [], "not stated")


@pytest.mark.parametrize(
    "name",
    [
        "../package/x.json",
        "/package/x.json",
        "package/../../x.json",
        "package/..",
        "package\\..\\x.json",
        "package/a\\b.json",
    ],
)
def test_refuses_a_name_that_leads_out(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path, archive(FILES | {name: b"{}"})) == (
        f"The package has a member whose name leads out of it: {name!r}."
    )


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_refuses_what_is_neither_file_nor_folder(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("package/link.json")
    member.type = kind
    member.linkname = "/etc/passwd"
    assert refusal(tmp_path, archive(FILES, member)) == (
        "The package has a member that is neither file nor folder: 'package/link.json'."
    )


def test_accepts_folders(tmp_path: Path) -> None:
    member = tarfile.TarInfo("package/examples")
    member.type = tarfile.DIRTYPE
    assert read(tmp_path, archive(FILES, member)).resources["ValueSet"] == {"one.json": FILES["package/one.json"]}


def test_refuses_two_members_of_one_name(tmp_path: Path) -> None:
    twice = archive(FILES, tarfile.TarInfo("package/./one.json"))
    assert refusal(tmp_path, twice) == "The package has two members of the same name: 'package/./one.json'."


def test_refuses_a_package_without_manifest(tmp_path: Path) -> None:
    without = {name: text for name, text in FILES.items() if name != "package/package.json"}
    assert refusal(tmp_path, archive(without)) == ("The package has no package/package.json: it is not a FHIR package.")


def test_refuses_an_empty_package(tmp_path: Path) -> None:
    assert refusal(tmp_path, archive({})) == "The package is empty."


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("package.json", b'{"name":"a"}', "Object missing required field `version`"),
        ("package.json", b'{"name":"a","version":1}', "Expected `str`, got `int` - at `$.version`"),
        ("one.json", b'{"resourceType":7}', "Expected `str`, got `int` - at `$.resourceType`"),
        ("one.json", b'{"resourceType":', "Input data was truncated"),
    ],
)
def test_names_the_file_that_is_not_what_it_should_be(tmp_path: Path, name: str, text: bytes, problem: str) -> None:
    content = archive(FILES | {f"package/{name}": text})
    assert refusal(tmp_path, content) == f"The package's {name} is not what it should be: {problem}."


@pytest.mark.parametrize("keep", [0, 5, 20, -1, -4, -9])
def test_refuses_a_file_that_is_cut_off(tmp_path: Path, keep: int) -> None:
    assert refusal(tmp_path, archive(FILES)[:keep]).startswith("The package is not a complete .tgz file: ")


def test_refuses_a_wrong_checksum(tmp_path: Path) -> None:
    content = bytearray(archive(FILES))
    content[-8] ^= 1
    assert refusal(tmp_path, bytes(content)).startswith("The package is not a complete .tgz file: CRC check failed")


def test_refuses_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"^The package .*none.tgz cannot be read: No such file or directory.$"):
        read_package(tmp_path / "none.tgz", WANTED)


def test_refuses_a_package_over_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive(FILES)
    monkeypatch.setattr(package, "MAX_PACKAGE_BYTES", len(content) - 1)
    assert refusal(tmp_path, content) == "The package is over 0 MiB."
    monkeypatch.setattr(package, "MAX_PACKAGE_BYTES", len(content))
    assert read(tmp_path, content).manifest.name == "example.core"


def test_refuses_a_member_over_the_limit_also_where_it_would_not_be_read(tmp_path: Path) -> None:
    large = archive(FILES | {"package/other/large.bin": bytes(package.MAX_MEMBER_BYTES + 1)})
    assert refusal(tmp_path, large) == "The package has a member over 16 MiB: 'package/other/large.bin'."


def test_refuses_a_package_that_unpacks_over_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_UNPACKED_BYTES", 1 << 20)
    bomb = archive(FILES | {f"package/{number}.bin": bytes(1 << 19) for number in range(3)})
    assert len(bomb) < 1 << 14
    assert refusal(tmp_path, bomb) == "The package unpacks to more than 1 MiB."


def test_refuses_what_follows_the_archive_over_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_UNPACKED_BYTES", 1 << 20)
    assert refusal(tmp_path, archive(FILES) + gzip.compress(bytes(2 << 20))) == (
        "The package unpacks to more than 1 MiB."
    )


def test_refuses_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_MEMBERS", len(FILES) - 1)
    assert refusal(tmp_path, archive(FILES)) == f"The package has more than {len(FILES) - 1} members."


@given(position=st.integers(0, 2000), byte=st.integers(1, 255))
def test_a_damaged_archive_is_read_right_or_refused(
    tmp_path_factory: pytest.TempPathFactory, position: int, byte: int
) -> None:
    plain = bytearray(gzip.decompress(archive(FILES)))
    plain[position % len(plain)] ^= byte
    file = tmp_path_factory.mktemp("damaged") / "some.tgz"
    file.write_bytes(gzip.compress(bytes(plain)))
    outcome: Package | None = None
    with suppress(PackageError):
        outcome = read_package(file, WANTED)
    assert outcome is None or set(outcome.resources) == WANTED
    assert [each.name for each in file.parent.iterdir()] == ["some.tgz"]
