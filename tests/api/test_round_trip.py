"""What was sent comes back: every public R4 example through create, update and read."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.public_data import folder
from tests.running import Client, running

FAULTY = {
    "bundle-questionnaire.json": "Questionnaire.item.linkId is missing, 50 times",
    "devicemetric-example.json": "DeviceMetric.parent refers to a type that it may not",
    "deviceusestatement-example.json": "DeviceUseStatement refers to a type that it may not",
    "medicationrequest0301.json": "MedicationRequest refers to a type that it may not",
}
"""Examples that break R4 themselves; tests/validation/official_examples.py has the places."""

NOT_STORED = {"Parameters": "has no endpoint", "AuditEvent": "is written by the server alone"}
STAMP = re.compile(rb'"versionId":"1","lastUpdated":"[^"]*"')


def _load(raw: bytes) -> Any:
    return json.loads(raw, parse_float=Decimal, object_pairs_hook=list)


def _without_stamp(pairs: Any) -> Any:
    """The members of a resource, in their order, without what the server sets."""
    kept = []
    for name, value in pairs:
        if name == "id":
            continue
        if name == "meta":
            value = [(n, v) for n, v in value if n not in ("versionId", "lastUpdated")]
            if not value:
                continue
        kept.append((name, value))
    return kept


async def test_all_public_examples_survive_create_and_read(tmp_path: Path) -> None:
    examples = sorted(folder("fhir-test-cases/r4/examples").glob("*.json"))
    tried = 0
    async with running(tmp_path, references="off") as fhir:
        for example in examples:
            raw = example.read_bytes()
            resource_type = dict(_load(raw))["resourceType"]
            if resource_type in NOT_STORED:
                continue
            tried += 1
            if example.name in FAULTY:
                refused = await fhir.send("POST", resource_type, raw, content_type="application/fhir+json")
                assert refused.status_code == 400, example.name
                continue
            made = await fhir.send("POST", resource_type, raw, content_type="application/fhir+json")
            assert made.status_code == 201, (example.name, made.text[:500])
            place = f"{resource_type}/{made.json()['id']}"
            read = await fhir.get(place, accept="application/fhir+json")
            assert read.content == made.content
            assert _without_stamp(_load(read.content)) == _without_stamp(_load(raw)), example.name
    assert tried > 50


@pytest.mark.parametrize(
    "literal", ["1.10", "0.010", "1.0e3", "1E-7", "100", "-0.0", "0.00000001", "12345678.123456789"]
)
async def test_decimals_come_back_as_written(fhir: Client, literal: str) -> None:
    body = (
        f'{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},"valueQuantity":{{"value":{literal}}}}}'
    )
    made = await fhir.send("POST", "Observation", body.encode(), content_type="application/fhir+json")
    assert made.status_code == 201, made.text
    assert f'"value":{literal}}}'.encode() in made.content
    place = f"Observation/{made.json()['id']}"
    assert (await fhir.get(place)).content == made.content
    found = (await fhir.get(f"Observation?_id={made.json()['id']}")).content
    assert made.content in found


async def test_order_escapes_and_other_meta_are_the_clients(fhir: Client) -> None:
    body = (
        b'{"meta":{"source":"urn:x","lastUpdated":"2001-01-01T00:00:00Z","profile":["http://example.org/p"]},\n'
        b' "active": true, "resourceType" :"Patient","name":[ {"text":"caf\\u00e9 \\/ \xc3\xa9"} ],"id":"p"}'
    )
    made = await fhir.send("PUT", "Patient/p", body, content_type="application/fhir+json")
    assert made.status_code == 201
    assert STAMP.sub(b"STAMP", made.content) == (
        b'{"meta":{STAMP,"source":"urn:x","profile":["http://example.org/p"]},'
        b'"active":true,"resourceType":"Patient","name":[{"text":"caf\\u00e9 \\/ \xc3\xa9"}],"id":"p"}'
    )
