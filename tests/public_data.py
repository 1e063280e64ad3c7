"""The public test suites, which lie beside the checkout and are not part of it."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def folder(name: str) -> Path:
    """The folder or file `name` of the public data; skips the test, saying so, where it is absent.

    `FHIR_TEST_DATA` names the data folder; the default is `../shared/data` beside the checkout.
    """
    data = Path(os.environ.get("FHIR_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (data / name).exists():
        pytest.skip(f"public test data {name!r} is not at hand (set FHIR_TEST_DATA)", allow_module_level=True)
    return data / name
