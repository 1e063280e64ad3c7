"""Date searches from query to answer, every prefix, against a slow reading of the specification's sentences."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.parse import parse
from fhir_server.store.criteria import Query
from fhir_server.store.matching import Row, matches
from tests.search.samples import CONTEXT, INDEXER, NOW_MS

PREFIXES = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 1, 1, tzinfo=UTC)


def moments(text: str) -> tuple[datetime, datetime]:
    """The first moment of a date (a day or a month in winter, or a time with zone), and the first one after it."""
    if "T" in text:
        start = datetime.fromisoformat(text)
        return start, start + timedelta(seconds=1)
    if len(text) == len("2026-01"):
        start = datetime.fromisoformat(f"{text}-01T00:00:00Z")
        return start, start + timedelta(days=31 if start.month != 2 else 28)
    start = datetime.fromisoformat(f"{text}T00:00:00Z")
    return start, start + timedelta(days=1)


def holds(prefix: str, low: datetime, high: datetime, asked: str) -> bool:
    """https://hl7.org/fhir/R4/search.html#prefix, for a value from `low` up to, not including, `high`."""
    first, after = moments(asked)
    contained = first <= low and high <= after
    some_before, some_after = low < first, high > after
    now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    reach = max(first - now, now - after, timedelta(0)) / 10
    return {
        "eq": contained,
        "ne": not contained,
        "gt": some_after,
        "lt": some_before,
        "ge": some_after or contained or low >= first,
        "le": some_before or contained or high <= after,
        "sa": low >= after,
        "eb": high <= first,
        "ap": low < after + reach and high > first - reach,
    }[prefix]


def found(resource: dict[str, object], prefix: str, asked: str) -> bool:
    search = asyncio.run(parse("Encounter", [("date", prefix + asked)], CONTEXT, strict=True))
    assert isinstance(search.query, Query)
    row = Row("Encounter", "1", 0, INDEXER.entries(resource))
    return all(matches(criterion, row) for criterion in search.query.criteria)


# Winter only, so that the calendar of the slow reading needs no zone; zones are tested with the dates themselves.
DAYS = st.builds("2026-{:02d}-{:02d}".format, st.sampled_from([1, 2, 11, 12]), st.integers(1, 28))
MONTHS = st.sampled_from(["2026-01", "2026-02", "2026-12", "1990-01"])
TIMES = st.builds("{}T{:02d}:{:02d}:{:02d}Z".format, DAYS, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
DATES = DAYS | MONTHS | TIMES


@given(st.sampled_from(PREFIXES), st.none() | DATES, st.none() | DATES, DATES)
def test_every_prefix_on_periods(prefix: str, start: str | None, end: str | None, asked: str) -> None:
    low = FIRST if start is None else moments(start)[0]
    high = LAST if end is None else moments(end)[1]
    if low >= high:
        assert start is not None
        assert end is not None
        low, high = moments(end)[0], moments(start)[1]
    period = {name: text for name, text in (("start", start), ("end", end)) if text is not None}
    expected = bool(period) and holds(prefix, low, high, asked)
    assert found({"resourceType": "Encounter", "period": period}, prefix, asked) is expected


EDGES = ["2026-01-14", "2026-01", "2026-01-14T00:00:00Z", "2026-01-14T23:59:59Z", "2026-01-15", "2026-01-31"]


@pytest.mark.parametrize(("prefix", "value", "asked"), list(product(PREFIXES, EDGES, EDGES)))
def test_every_prefix_at_the_edges(prefix: str, value: str, asked: str) -> None:
    period = {"start": value, "end": value}
    low, high = moments(value)
    assert found({"resourceType": "Encounter", "period": period}, prefix, asked) is holds(prefix, low, high, asked)
