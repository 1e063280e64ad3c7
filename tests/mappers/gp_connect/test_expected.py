"""Whole results of invented records, shape by shape, compared with the files that were read and kept."""

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.model.json import dump
from fhir_server.validation import Validator
from mappers.gp_connect.resources import MAPS
from tests.mappers.gp_connect.documents import mapped
from tests.mappers.gp_connect.shapes import FOLDER, SHAPES, Shape, shown


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_the_result_is_the_one_that_was_kept(shape: Shape) -> None:
    assert shown(mapped(dump(shape()))).decode() == (FOLDER / f"{shape.__name__}.json").read_text("utf-8")


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_the_result_is_valid(shape: Shape) -> None:
    validator = Validator(r4())
    for one in mapped(dump(shape())).resources:
        assert validator.validate(one.resource) == []


def test_every_kept_file_belongs_to_a_shape() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == {shape.__name__ for shape in SHAPES}


def test_the_shapes_show_every_type_that_real_records_have() -> None:
    shown_types = {entry["resource"]["resourceType"] for shape in SHAPES for entry in shape()["entry"]}
    never_met = {"Appointment", "FamilyMemberHistory", "HealthcareService", "Location", "Procedure"}
    assert {one.source for one in MAPS} - shown_types == never_met
