from collections.abc import Callable
from pathlib import Path

import pytest

from fhir_server.definitions.compiler import compile_package
from fhir_server.definitions.definitions import Definitions, r4
from fhir_server.definitions.layout import DefinitionsError
from fhir_server.definitions.structures import Constraint, Element, SearchParameter, Structure, TypeRef
from tests.definitions.small_package import ELE_1, package, search_parameter, types


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The compiled form of the small types, with search parameters of one code that differ in base and status."""
    parameters = [
        search_parameter("_id", "Resource", url="urn:id"),
        search_parameter("_id", "Resource", url="urn:a-example", experimental=True),
        search_parameter("active", "Patient", url="urn:active", expression="Patient.active"),
        search_parameter("active", "Patient", url="urn:z-example", experimental=True),
        search_parameter("trial", "Patient", url="urn:trial", experimental=True),
    ]
    compile_package(package(tmp_path, [*types(), *parameters]), tmp_path / "compiled", lambda _: None)
    return tmp_path / "compiled"


def test_a_structure_whole(folder: Path) -> None:
    ele_1 = Constraint("ele-1", "error", ELE_1["expression"], ELE_1["human"])
    note = Element("note", "Patient.contact.note", 1, 1, (TypeRef("string"),))
    more = Element("more", "Patient.contact.more", 0, 1, content_reference="Patient.contact")
    assert Definitions(folder).structure("Patient") == Structure(
        name="Patient",
        kind="resource",
        base="Resource",
        abstract=False,
        elements=(
            Element("id", "Patient.id", 0, 1, (TypeRef("id"),), is_summary=True),
            Element("active", "Patient.active", 0, 1, (TypeRef("boolean"),), constraints=(ele_1,), is_modifier=True),
            Element("contact", "Patient.contact", 0, None, (TypeRef("BackboneElement"),), elements=(note, more)),
        ),
    )


def test_every_part_is_loaded_once(folder: Path) -> None:
    definitions = Definitions(folder)
    assert definitions.structure("Patient") is definitions.structure("Patient")
    assert definitions.search_parameters("Patient") is definitions.search_parameters("Patient")
    assert r4() is r4()


def test_equal_parts_are_one_object(folder: Path) -> None:
    definitions = Definitions(folder)
    assert definitions.element("Patient.contact.note").types is definitions.element("Reference.reference").types


def test_elements_by_path(folder: Path) -> None:
    definitions = Definitions(folder)
    assert definitions.element("Patient.contact.note").path == "Patient.contact.note"
    for path in ("Patient", "Patient.note", "Patient.contact.note.x", "Patient.contactnote", "Nothing.id", ""):
        with pytest.raises(KeyError):
            definitions.element(path)


def test_a_search_parameter_that_is_experimental_gives_way(folder: Path) -> None:
    found = Definitions(folder).search_parameters("Patient")
    assert dict(found) == {
        "_id": SearchParameter("_id", "urn:id", "token", ("Resource",), None),
        "active": SearchParameter("active", "urn:active", "token", ("Patient",), "Patient.active"),
        "trial": SearchParameter("trial", "urn:trial", "token", ("Patient",), None),
    }
    assert list(Definitions(folder).search_parameters("Resource")) == ["_id"]


def test_unknown_names(folder: Path) -> None:
    definitions = Definitions(folder)
    for name in ("Nothing", "../index", "patient", ""):
        with pytest.raises(KeyError):
            definitions.structure(name)
        with pytest.raises(KeyError):
            definitions.search_parameters(name)
        with pytest.raises(KeyError):
            definitions.compartment(name)
        assert not definitions.is_resource_type(name)
        assert definitions.value_set(name) is None
    with pytest.raises(KeyError):
        definitions.search_parameters("string")
    assert definitions.is_resource_type("Patient")
    assert not definitions.is_resource_type("Resource")
    assert not definitions.is_resource_type("string")


def test_nothing_but_the_index_is_read_before_it_is_asked_for(folder: Path) -> None:
    for file in folder.rglob("*.json"):
        if file.name not in ("index.json", "Patient.json"):
            file.unlink()
    definitions = Definitions(folder)
    assert definitions.resource_types == ("Patient",)
    assert len(definitions.names) == 12
    assert definitions.package.name == "example.core"
    assert definitions.structure("Patient").name == "Patient"


def test_an_absent_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DefinitionsError) as caught:
        Definitions(tmp_path / "none")
    assert str(caught.value) == f"{tmp_path / 'none' / 'index.json'} cannot be read: No such file or directory."


def test_an_absent_file_is_a_clear_error(folder: Path) -> None:
    file = folder / "structures" / "Patient.json"
    file.unlink()
    with pytest.raises(DefinitionsError) as caught:
        Definitions(folder).structure("Patient")
    assert str(caught.value) == f"{file} cannot be read: No such file or directory."


@pytest.mark.parametrize(
    "name",
    ["structures/Patient.json", "search/Patient.json", "compartments.json", "value_sets.json", "hierarchies.json"],
)
@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_file_is_a_clear_error(folder: Path, name: str, damage: str) -> None:
    file = folder / name
    text = file.read_bytes()
    file.write_bytes({"cut": text[:-2], "changed": text.replace(b"\n", b" ", 1), "empty": b""}[damage])
    definitions = Definitions(folder)
    readers: dict[str, Callable[[], object]] = {
        "structures/Patient.json": lambda: definitions.structure("Patient"),
        "search/Patient.json": lambda: definitions.search_parameters("Patient"),
        "compartments.json": lambda: definitions.compartments,
        "value_sets.json": lambda: definitions.value_set("urn:any"),
        "hierarchies.json": lambda: definitions.code_hierarchy("urn:any"),
    }
    with pytest.raises(DefinitionsError) as caught:
        readers[name]()
    assert str(caught.value) == f"{file} is damaged: compile the package again."


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"format":"2"}', b'{"format":2}', b"\xff"])
def test_a_damaged_index_is_a_clear_error(folder: Path, text: bytes) -> None:
    (folder / "index.json").write_bytes(text)
    with pytest.raises(DefinitionsError, match=r"index\.json is damaged: .* Compile the package again\.$"):
        Definitions(folder)


def test_another_format_is_a_clear_error(folder: Path) -> None:
    file = folder / "index.json"
    file.write_bytes(b'{"format":1,"something":"else"}')
    with pytest.raises(DefinitionsError) as caught:
        Definitions(folder)
    assert str(caught.value) == f"{file} has format 1, not 2: compile the package again."
