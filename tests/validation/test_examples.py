"""Published examples: all are accepted but those that are at fault, which are listed with the reason."""

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.model.json import body_of, parse
from fhir_server.outcome import FhirError
from fhir_server.validation import Validator
from tests.public_data import folder
from tests.validation.official_examples import ALSO_FOUND, FAULTY, Found

VALIDATOR = Validator(r4())
INDEX = re.compile(r"\[\d+\]")


def _found(raw: bytes) -> Found:
    issues = VALIDATOR.validate(parse(raw, max_bytes=len(raw)).data)
    return Counter((issue.code, INDEX.sub("", issue.expression[0])) for issue in issues)


def _expected(name: str) -> Found:
    return FAULTY[name].found + ALSO_FOUND.get(name, Counter()) if name in FAULTY else Counter()


def test_every_example_of_the_test_cases_is_judged_rightly() -> None:
    examples = sorted(folder("fhir-test-cases/r4/examples").glob("*.json"))
    assert len(examples) > 70
    judged = {path.name: _found(path.read_bytes()) for path in examples}
    assert judged == {path.name: _expected(path.name) for path in examples}


@pytest.mark.skipif("FHIR_R4_EXAMPLES" not in os.environ, reason="FHIR_R4_EXAMPLES names no folder of the examples")
def test_every_official_example_is_judged_rightly_and_comes_back_exactly() -> None:
    examples = [
        path for path in sorted(Path(os.environ["FHIR_R4_EXAMPLES"]).glob("*.json")) if path.name != "package.json"
    ]
    assert len(examples) == 5306
    judged: dict[str, Found] = {}
    for path in examples:
        raw = path.read_bytes()
        judged[path.name] = _found(raw)
        stored = body_of(parse(raw, max_bytes=len(raw)).text, "new").at(1, 0)
        assert _without_stamp(stored) == _without_stamp(raw), path.name
    assert {name: found for name, found in judged.items() if found} == {
        name: _expected(name) for name in FAULTY if name in judged
    }


def _without_stamp(raw: bytes) -> list[tuple[str, Any]]:
    pairs = json.loads(raw, object_pairs_hook=list, parse_float=str, parse_int=str)
    return [pair for pair in pairs if pair[0] not in ("id", "meta")]


# HL7's own validator finds more, where it needs profiles, terminology or other resources; never less.
HL7_CASES = "validator"


def test_nothing_is_refused_that_the_validator_of_hl7_accepts() -> None:
    root = folder(HL7_CASES)
    cases = json.loads((root / "manifest.json").read_bytes())["test-cases"]
    accepted = {
        case["file"]
        for case in cases
        if case["file"].endswith(".json") and (root / case["file"]).exists() and _is_accepted(root, case.get("java"))
    }
    assert len(accepted) > 30
    refused = {name: found for name in accepted if (found := _outcome((root / name).read_bytes()))}
    assert refused == {}


def _is_accepted(root: Path, outcome: Any) -> bool:
    path = root / "outcomes" / outcome if isinstance(outcome, str) else root
    if not path.is_file():
        return False
    issues = json.loads(path.read_bytes()).get("issue", [])
    return not any(issue["severity"] in ("error", "fatal") for issue in issues)


def _outcome(raw: bytes) -> list[str]:
    try:
        issues = VALIDATOR.validate(parse(raw, max_bytes=len(raw)).data)
    except FhirError as error:
        issues = list(error.issues)
    return [issue.diagnostics for issue in issues]
