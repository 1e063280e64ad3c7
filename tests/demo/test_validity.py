"""Every generated resource is valid R4: by our own validator, and by the independent models of fhir.resources."""

import importlib
from datetime import date
from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.validation import Validator
from tests.demo.written import DECODER, TODAY, everything, records, written


def _dihedral(a: int, b: int) -> int:
    """The product in the dihedral group of order ten, on which Verhoeff's check digit rests."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5


def verhoeff_is_valid(number: str) -> bool:
    """Whether the last digit of a SNOMED CT identifier fits the others (J. Verhoeff, 1969)."""
    permutation = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    check = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = permutation[value]
        check = _dihedral(check, value)
    return check == 0


def test_the_check_digit_is_understood() -> None:
    assert all(verhoeff_is_valid(code) for code in ("236", "73211009", "1382601000000107", "138875005"))
    # Codes that public repositories carry and that are wrong.
    assert not any(verhoeff_is_valid(code) for code in ("870431003", "108331000000102", "248234009", "450063008"))


def test_every_snomed_code_has_a_valid_check_digit_and_one_meaning() -> None:
    displays: dict[str, set[str]] = {}
    for record in records(1, 400):
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
    assert len(models) == 15


@pytest.mark.parametrize("seed", [1, 7])
def test_our_validator_finds_nothing(seed: int) -> None:
    validator = Validator(r4())
    bundles = [DECODER.decode(body) for body in written(seed, 60, TODAY)]
    assert len(bundles) == 61
    for bundle in bundles:
        assert validator.validate(bundle) == [], bundle["entry"][0]["resource"]["id"]
        for entry in bundle["entry"]:
            assert validator.validate(entry["resource"]) == []
