"""About how many rows match: counted where that is cheap, else extrapolated from samples.

A sample is a window of candidates behind some row number. Only rows that match and that the filter lets through are
counted in it, so that an estimate says nothing of what is hidden.
"""

from random import Random

from fhir_server.store.sqlite.queries.budget import UsedUp, trial
from fhir_server.store.sqlite.queries.search import Search
from fhir_server.store.sqlite.queries.sql import Sql

COUNT_STEPS = 1_000_000
WINDOWS = 40
WINDOW_ROWS = 50

_LAST = "SELECT max(vid) FROM version"


def estimate(search: Search) -> int:
    """The count, or a number near it."""
    try:
        with trial(search.connection, COUNT_STEPS):
            return search.count()
    except UsedUp:
        return _extrapolated(search)


def _extrapolated(search: Search) -> int:
    """The same question gets the same windows, so that an estimate does not change from page to page."""
    last = search.connection.execute(_LAST).get or 0
    width = last // WINDOWS + 1
    random = Random(last)
    matched = seen = 0
    for number in range(WINDOWS):
        begin = number * width + random.randrange(max(width - WINDOW_ROWS, 0) + 1) + 1
        found, reached = _window(search, begin, min((number + 1) * width, last))
        matched += found
        seen += reached - begin + 1
    return round(matched / max(seen, 1) * last)


def _window(search: Search, begin: int, end: int) -> tuple[int, int]:
    """How many of the next candidates match, and up to which row number was looked."""
    if begin > end:
        return 0, begin - 1
    words = search.words
    if words is None:
        source = Sql("SELECT vid FROM version NOT INDEXED WHERE vid>=? AND vid<=? ORDER BY vid LIMIT ?")
    else:
        source = Sql(
            "SELECT rowid AS vid FROM posting(?) WHERE rowid>=? AND rowid<=? ORDER BY rowid LIMIT ?", (words.text,)
        )
    matching = search.matching()
    text = (
        f"SELECT count(*), max(c.vid), ifnull(sum({matching.text}), 0) FROM ({source.text}) c"
        f" CROSS JOIN version v ON v.vid=c.vid"
    )
    values = (*matching.values, *source.values, begin, end, WINDOW_ROWS)
    rows, reached, found = search.connection.execute(text, values).get
    return found, reached if rows == WINDOW_ROWS else end
