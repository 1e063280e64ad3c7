"""Every generated resource is valid R4: by our own validator, and by the independent models of fhir.resources."""

import importlib
from datetime import date
from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.validation import Validator
from tests.demo.verhoeff import verhoeff_is_valid
from tests.demo.written import DECODER, TODAY, everything, known_to_gp, records, written


def test_the_check_digit_is_understood() -> None:
    assert all(verhoeff_is_valid(code) for code in ("236", "73211009", "1382601000000107", "138875005"))
    # Codes that public repositories carry and that are wrong.
    assert not any(verhoeff_is_valid(code) for code in ("870431003", "108331000000102", "248234009", "450063008"))


def test_every_snomed_code_has_a_valid_check_digit_and_one_meaning() -> None:
    displays: dict[str, set[str]] = {}
    for record in records(1, 400) + known_to_gp(1, 400):
        for part in everything(record):
            if part.get("system") == "http://snomed.info/sct":
                displays.setdefault(part["code"], set()).add(part["display"])
    assert {code for code in displays if not verhoeff_is_valid(code)} == set()
    assert {code: names for code, names in displays.items() if len(names) > 1} == {}
    assert len(displays) > 60


@pytest.mark.parametrize("seed", [1, 20260331])
def test_an_independent_reader_accepts_everything(seed: int) -> None:
    models: dict[str, Any] = {}
    for record in records(seed, 20, date(2026, 3, 31)):
        for resource in record:
            kind = resource["resourceType"]
            if kind not in models:
                models[kind] = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
            read = models[kind].model_validate(resource)
            assert read.id == resource["id"]
    assert len(models) == 12


@pytest.mark.parametrize("seed", [1, 7])
def test_our_validator_finds_nothing(seed: int) -> None:
    validator = Validator(r4())
    bundles = [DECODER.decode(body) for body in written(seed, 60, TODAY)]
    assert len(bundles) == 61
    for bundle in bundles:
        assert validator.validate(bundle) == [], bundle["entry"][0]["resource"]["id"]
        for entry in bundle["entry"]:
            assert validator.validate(entry["resource"]) == []
