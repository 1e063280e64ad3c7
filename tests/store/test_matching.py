"""Criteria judged in Python agree with the oracle, without masks."""

import pytest

from fhir_server.store.access import EVERYTHING, NOTHING, AccessFilter
from fhir_server.store.entries import Entries
from fhir_server.store.matching import Row, matches, visible
from tests.store.model import Row as ModelRow
from tests.store.model import judge, passes
from tests.store.scripts import FILTERS, START_MS, Script


@pytest.mark.parametrize("seed", range(20))
def test_every_criterion_is_judged_as_the_oracle_judges_it(seed: int) -> None:
    script = Script(seed)
    found = set()
    for _ in range(300):
        time_ms = START_MS + script.random.randrange(400)
        entries, criterion = script.entries(), script.criterion(linked=False)
        expected = judge(criterion, _model_row(time_ms, entries), frozenset())
        assert matches(criterion, Row("Patient", "a", time_ms, entries)) is expected
        found.add(expected)
    assert found == {True, False}


@pytest.mark.parametrize("access", FILTERS)
def test_every_filter_is_judged_as_the_oracle_judges_it(access: AccessFilter) -> None:
    script = Script(1)
    for _ in range(300):
        entries = script.entries()
        assert visible(access, Row("Patient", "a", START_MS, entries)) is passes(_model_row(START_MS, entries), access)


def test_everything_and_nothing() -> None:
    row = Row("Patient", "a", 0, Script(1).entries())
    assert visible(EVERYTHING, row)
    assert not visible(NOTHING, row)


def _model_row(time_ms: int, entries: Entries) -> ModelRow:
    return ModelRow(1, "Patient", "a", 1, time_ms, "create", b"{}", entries)
