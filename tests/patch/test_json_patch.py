"""JSON Patch: the cases of FHIR's suite, and what is refused."""

import json
from typing import Any

import pytest

from fhir_server.outcome import FhirError, Invalid, Issue, TooLarge, Unprocessable
from fhir_server.patch.json_patch import apply
from tests.public_data import folder

CASES = json.loads(folder("fhir-test-cases/r4/patch/json-patch-tests.json").read_bytes())


def test_there_are_cases() -> None:
    assert len(CASES) == 16


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["comment"])
def test_the_suite(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(FhirError):
            apply(case["doc"], case["patch"])
    else:
        assert apply(case["doc"], case["patch"]) == case["expected"]


@pytest.mark.parametrize(
    ("operations", "kind", "sentence"),
    [
        ({}, Invalid, "A JSON Patch is an array of operations (RFC 6902)."),
        ([1], Invalid, "A JSON Patch is an array of operations (RFC 6902)."),
        ([{}] * 1001, Invalid, "A JSON Patch here has at most 1000 operations."),
        (
            [{"op": "test", "path": "/a", "value": 1}, {"op": "copy", "path": "/b"}],
            Invalid,
            "Operation 1 of the patch, counted from 0, is none that RFC 6902 allows.",
        ),
        (
            [{"op": "test", "path": "/a", "value": 1}, {"op": "test", "path": "/a", "value": 2}],
            Unprocessable,
            "Operation 1 of the patch, counted from 0, is a test that does not hold.",
        ),
        (
            [{"op": "remove", "path": "/none"}],
            Unprocessable,
            "Operation 0 of the patch, counted from 0, has a path that the resource does not have.",
        ),
        (
            [{"op": "add", "path": "/a", "value": [1]}, *[{"op": "copy", "from": "/a", "path": "/a/-"}] * 40],
            TooLarge,
            "The copy operations of a patch copy at most 1048576 bytes here.",
        ),
    ],
)
def test_what_is_refused(operations: Any, kind: type[FhirError], sentence: str) -> None:
    with pytest.raises(kind) as error:
        apply({"a": 1}, operations)
    assert error.value.issues == (Issue(kind.code, sentence),)
