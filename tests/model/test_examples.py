"""The published examples come back as they were, but for what the server sets."""

import json
from pathlib import Path
from typing import Any

import pytest

from fhir_server.model.json import body_of, parse
from tests.public_data import folder

EXAMPLES = sorted(folder("fhir-test-cases/r4/examples").glob("*.json"))


def _spelled(raw: bytes) -> list[tuple[str, Any]]:
    """The members as the standard library reads them, in their order, numbers as they are written."""
    pairs: list[tuple[str, Any]] = json.loads(raw, object_pairs_hook=list, parse_float=str, parse_int=str)
    return pairs


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 70


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_comes_back_as_it_was(path: Path) -> None:
    raw = path.read_bytes()
    document = parse(raw, max_bytes=len(raw))
    body = body_of(document.text, "new")
    stored = body.at(7, 1000)
    sent, back = _spelled(raw), _spelled(stored)
    assert [pair for pair in back if pair[0] not in ("id", "meta")] == [
        pair for pair in sent if pair[0] not in ("id", "meta")
    ]
    kept = [pair for pair in dict(sent).get("meta", []) if pair[0] not in ("versionId", "lastUpdated")]
    assert dict(back)["id"] == "new"
    assert dict(back)["meta"] == [("versionId", "7"), ("lastUpdated", "1970-01-01T00:00:01.000Z"), *kept]
    # A second time around changes nothing at all.
    again = body_of(parse(stored, max_bytes=len(stored)).text, "new")
    assert again == body
