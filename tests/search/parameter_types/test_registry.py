"""The registry of parameter types is complete, and agrees with R4."""

from pathlib import Path

from fhir_server.definitions.definitions import r4
from fhir_server.search import parameter_types
from fhir_server.search.parameter_types import PARAMETER_TYPES, TYPE_BY_NAME


def test_every_file_is_listed() -> None:
    folder = Path(str(parameter_types.__file__)).parent
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert files == {each.name for each in PARAMETER_TYPES} == set(TYPE_BY_NAME)


def test_every_type_of_r4_is_there() -> None:
    definitions = r4()
    used = {each.type for name in definitions.resource_types for each in definitions.search_parameters(name).values()}
    assert used == set(TYPE_BY_NAME)
