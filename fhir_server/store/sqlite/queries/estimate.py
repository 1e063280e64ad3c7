"""About how many rows match: counted where that is cheap, else extrapolated from samples.

A sample is a window of rows by their number. How wide it is, where it lies and what it is multiplied by depend on all
rows, also on those that a filter hides; so under a filter everything is counted.
"""

from random import Random

from fhir_server.store.sqlite.queries.budget import UsedUp, trial
from fhir_server.store.sqlite.queries.search import Search
from fhir_server.store.sqlite.queries.sql import Sql

COUNT_STEPS = 1_000_000
WINDOWS = 40
WINDOW_ROWS = 50
ENOUGH = 50
"""Matches in a sample; where there are fewer the windows are made ten times as wide"""

_LAST = "SELECT max(vid) FROM version"


def estimate(search: Search) -> int:
    """The count, or, where nothing is hidden from the caller, a number near it."""
    if search.filtered:
        return search.count()
    try:
        with trial(search.connection, COUNT_STEPS):
            return search.count()
    except UsedUp:
        return _extrapolated(search)


def _extrapolated(search: Search) -> int:
    """The same question gets the same windows, so that an estimate does not change from page to page."""
    last = search.connection.execute(_LAST).get or 0
    part = last // WINDOWS + 1
    width, matched = WINDOW_ROWS, 0
    while True:
        matched, seen = _sampled(search, last, part, min(width, part))
        if matched >= ENOUGH or width >= part:
            return round(matched / max(seen, 1) * last)
        width *= 10


def _sampled(search: Search, last: int, part: int, width: int) -> tuple[int, int]:
    """How many rows match in a window of each part of the rows, and how many rows the windows hold."""
    random = Random(last)
    matched = seen = 0
    for begin in range(1, last + 1, part):
        first = begin + random.randrange(part - width + 1)
        end = min(first + width - 1, last)
        if first <= end:
            matched += _window(search, first, end)
            seen += end - first + 1
    return matched, seen


def _window(search: Search, first: int, end: int) -> int:
    words, matching = search.few_words, search.matching()
    if words is None:
        source = Sql("version v NOT INDEXED WHERE v.vid>=? AND v.vid<=?")
    else:
        found = "posting(?) p CROSS JOIN version v ON v.vid=p.rowid WHERE p.rowid>=? AND p.rowid<=?"
        source = Sql(found, (words.text,))
    text = f"SELECT count(*) FROM {source.text} AND {matching.text}"
    return int(search.connection.execute(text, (*source.values, first, end, *matching.values)).get)
