"""The demo data as a reader gets it: written to bytes, and read again with exact decimals."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from fhir_server.demo import residents
from fhir_server.demo.facts.residents import resident
from fhir_server.demo.gp_record.document import gp_facts
from fhir_server.demo.records.moments import Moments

TODAY = date(2026, 3, 31)
"""Just after the clocks went forward, so that both offsets of London occur near the end of the data."""

ENCODER = msgspec.json.Encoder(decimal_format="number")
DECODER = msgspec.json.Decoder(float_hook=Decimal)
Json = dict[str, Any]


def written(seed: int = 1, count: int = 60, today: date = TODAY) -> list[bytes]:
    """Every Bundle as bytes."""
    return [ENCODER.encode(bundle) for bundle in residents(seed, count, today)]


@cache
def records(seed: int = 1, count: int = 60, today: date = TODAY) -> list[list[Json]]:
    """The resources of each Bundle; the first list is that of the organisations."""
    return [[entry["resource"] for entry in DECODER.decode(body)["entry"]] for body in written(seed, count, today)]


@cache
def known_to_gp(seed: int = 1, count: int = 60, today: date = TODAY) -> list[list[Json]]:
    """What the GP knows of each resident, in R4 terms: it comes in as the GP's own document."""
    moments = Moments(today)
    facts = (gp_facts(resident(seed, index, today), moments) for index in range(1, count + 1))
    return [DECODER.decode(ENCODER.encode(of_one)) for of_one in facts]


@cache
def whole(seed: int = 1, count: int = 60, today: date = TODAY) -> list[list[Json]]:
    """Of each resident, what the homes hold and what the GP knows."""
    held = records(seed, count, today)[1:]
    return [[*one, *known] for one, known in zip(held, known_to_gp(seed, count, today), strict=True)]


def of_type(resources: list[Json], type: str) -> list[Json]:
    """Those of one resource type."""
    return [resource for resource in resources if resource["resourceType"] == type]


def everything(value: Any) -> Iterator[Json]:
    """Every JSON object in a value, outermost first."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from everything(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from everything(inner)
