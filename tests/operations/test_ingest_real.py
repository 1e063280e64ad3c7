"""The public sample records through `$ingest`: only counts and checks, nothing of what they say."""

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.operations.ingesting import Report, history_of, how_many, ingest, report_of
from tests.public_data import folder
from tests.running import running

RECORDS = sorted(folder("gp-connect/tc7").glob("*.json"))
SUPPLIERS = sorted(folder("gp-connect/suppliers").glob("*.json"))


def _agrees(report: Report) -> None:
    for kind, row in report.counts.items():
        count: Counter[str] = Counter(row)
        made = count["created"] + count["updated"] + count["unchanged"] + count["retained"]
        assert count["received"] == count["mapped"] + count["kept"] + count["duplicate"] + count["aside"], kind
        if count["received"]:
            assert made == count["mapped"] + count["kept"], kind


@pytest.mark.parametrize("seed", [1])
async def test_eleven_records_in_any_order_twice_make_eleven_people(tmp_path: Path, seed: int) -> None:
    order = list(RECORDS)
    random.Random(seed).shuffle(order)
    async with running(tmp_path) as fhir:
        for path in order:
            report = report_of(await ingest(fhir, path.read_bytes()))
            _agrees(report)
            assert report.counts["Patient"] == {"received": 1, "mapped": 1, "created": 1}
        before = await history_of(fhir)
        for path in reversed(order):
            again = report_of(await ingest(fhir, path.read_bytes()))
            _agrees(again)
            assert again.written == 0
        assert await history_of(fhir) == before
        assert await how_many(fhir, "Patient") == 11
        assert await how_many(fhir, "Provenance") == 11


@pytest.mark.parametrize("suppliers_first", [True, False])
async def test_of_each_colliding_pair_the_first_stays(tmp_path: Path, suppliers_first: bool) -> None:
    first, second = (SUPPLIERS, RECORDS) if suppliers_first else (RECORDS, SUPPLIERS)
    async with running(tmp_path) as fhir:
        answers = [await ingest(fhir, path.read_bytes()) for path in (*first, *second)]
        assert Counter(answer.status_code for answer in answers) == {200: 13, 409: 2, 400: 1}
        assert await how_many(fhir, "Patient") == 13
        assert await how_many(fhir, "Task?code=review-refused-record") == 2
        for position, answer in enumerate(answers):
            if answer.status_code == 409:
                assert position >= len(first)
                assert "These differ: birthDate" in answer.json()["issue"][0]["diagnostics"]
            if answer.status_code == 400:
                assert "at line 104, column 17" in answer.json()["issue"][0]["diagnostics"]
