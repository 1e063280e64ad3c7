"""What parsing and checking a resource costs, beside fhir.resources, the usual Python library for FHIR models.

fhir.resources has no R4; R4B is the nearest. It stands here for comparison and is not needed to run.
"""

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

from fhir_server.bench import records
from fhir_server.definitions.definitions import Definitions
from fhir_server.model.json import parse
from fhir_server.validation import Validator

ROUNDS = 7
ROUND_SECONDS = 0.05
BUNDLE = 100


@dataclass(frozen=True, slots=True)
class Cost:
    """The median time of parsing and checking one body, in microseconds; `peer_us` None: the peer is not installed."""

    title: str
    size: int
    own_us: float
    peer_us: float | None


def _bodies() -> list[tuple[str, bytes]]:
    patient = {**records.patient(7), "id": "7"}
    observations = [records.blood_pressure(number, "Patient/7") for number in range(BUNDLE)]
    return [
        ("Patient", records.as_bytes(patient)),
        ("Observation, blood pressure", records.as_bytes(observations[0])),
        (f"Bundle of {BUNDLE} Observations", records.as_bytes(records.transaction(observations))),
    ]


def median_us(work: Callable[[], object]) -> float:
    """The median over several rounds of what one call takes, in microseconds, after a warm-up."""
    began = perf_counter()
    work()
    work()
    calls = max(1, int(ROUND_SECONDS / max((perf_counter() - began) / 2, 1e-6)))
    times = []
    for _ in range(ROUNDS):
        began = perf_counter()
        for _ in range(calls):
            work()
        times.append((perf_counter() - began) / calls)
    return median(times) * 1e6


def _own(validator: Validator, body: bytes) -> Callable[[], object]:
    def check() -> object:
        return validator.validate(parse(body, max_bytes=len(body)).data)

    issues = [issue for issue in validator.validate(parse(body, max_bytes=len(body)).data)]
    if any(issue.severity == "error" for issue in issues):
        raise ValueError(f"the benchmark's own resource is refused: {issues}")
    return check


def _peer(body: bytes) -> Callable[[], object] | None:
    """The same work by fhir.resources, or None where it is not installed."""
    kind: str = json.loads(body)["resourceType"]
    try:
        model: Any = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    except ImportError:
        return None
    return lambda: model.model_validate_json(body)


def costs(definitions: Definitions) -> list[Cost]:
    """The costs of a Patient, an Observation and a Bundle."""
    validator = Validator(definitions)
    found = []
    for title, body in _bodies():
        peer = _peer(body)
        own_us = median_us(_own(validator, body))
        found.append(Cost(title, len(body), own_us, median_us(peer) if peer else None))
    return found
