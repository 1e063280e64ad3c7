"""Where the rows of a search come from: which index drives it, chosen by counting, never left to SQLite.

https://sqlite.org/queryplanner-ng.html: `CROSS JOIN` and `INDEXED BY` fix the order of the loops.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt

import apsw

from fhir_server.outcome import TooCostly
from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import AllOf, Criterion, DateIs, IdIs, LastUpdatedIs, Prefix, StringIs
from fhir_server.store.sqlite.queries.access_sql import RowAccess
from fhir_server.store.sqlite.queries.postings import access_words, all_words, words_for
from fhir_server.store.sqlite.queries.predicates import MOST_TERMS, TRUE, Sql, text_condition

FEW_WORDS = 16
LEAST_PROBE, MOST_PROBE = 256, 16_384


@dataclass(frozen=True, slots=True)
class Driver:
    """A source of candidate rows `v`, each once. `hits` is how many there are, as far as was counted.

    `condition` narrows the source; `answered` are criteria that its rows are known to match. `order` is the column by
    which it gives rows newest first or last without sorting, where it does. `last_resort`: to begin with it costs so
    much that a walk is tried first. `words`: the expression, where it is the full-text index.
    """

    source: Sql
    condition: Sql = TRUE
    counting: Sql | None = None
    answered: tuple[Criterion, ...] = ()
    order: str | None = None
    hits: int | None = None
    last_resort: bool = False
    words: str | None = None


def conjuncts(criteria: Sequence[Criterion]) -> list[Criterion]:
    """The criteria that must all hold, without nesting."""
    parts: list[Criterion] = []
    for criterion in criteria:
        parts += conjuncts(criterion.criteria) if isinstance(criterion, AllOf) else [criterion]
    return parts


def type_walk(type: str) -> Driver:
    """Every row of the type."""
    return Driver(Sql("version v INDEXED BY version_type"), Sql("v.type=?", (type,)), order="v.last_updated")


def drivers(type: str, criteria: Sequence[Criterion], access: AccessFilter, rows: RowAccess) -> list[Driver]:
    """The indexes that can narrow this search."""
    found = [driver for criterion in criteria if (driver := _narrow(type, criterion)) is not None]
    posting = _posting(type, criteria, access, rows)
    if posting is not None:
        found.append(posting)
    return found


def _narrow(type: str, criterion: Criterion) -> Driver | None:
    if isinstance(criterion, IdIs):
        if len(criterion.ids) > MOST_TERMS:
            raise TooCostly(f"more than {MOST_TERMS} ids in one search")
        marks = ",".join("?" * len(criterion.ids))
        where = Sql(f"v.type=? AND v.id IN ({marks})", (type, *criterion.ids))
        return Driver(Sql("version v INDEXED BY version_key"), where, answered=(criterion,), hits=0)
    if isinstance(criterion, DateIs) and criterion.prefix in _DATE_BOUNDS:
        return _from_table("date", f"{type}.{criterion.param}", _date_bound(criterion))
    if isinstance(criterion, StringIs):
        return _from_table("string", f"{type}.{criterion.param}", _text_bound(criterion))
    return None


def _from_table(table: str, field: str, bound: Sql) -> Driver:
    inner = Sql(f"SELECT DISTINCT vid FROM {table} WHERE field=? AND {bound.text}", (field, *bound.values))
    counting = Sql(f"SELECT 1 FROM {table} WHERE field=? AND {bound.text}", inner.values)
    source = Sql(f"({inner.text}) d CROSS JOIN version v ON v.vid=d.vid", inner.values)
    return Driver(source, counting=counting)


_DATE_BOUNDS: dict[Prefix, tuple[str, str]] = {
    "eq": ("low>=? AND low<=? AND high<=?", "LHH"),
    "gt": ("high>?", "H"),
    "lt": ("low<?", "L"),
    "ge": ("high>=?", "L"),
    "le": ("low<=?", "H"),
    "sa": ("low>=?", "H"),
    "eb": ("high<=?", "L"),
    "ap": ("low<? AND high>?", "HL"),
}
"""The part of the date index in which every match lies; `ne` has none."""


def _date_bound(asked: DateIs) -> Sql:
    text, order = _DATE_BOUNDS[asked.prefix]
    values = {"L": asked.low, "H": asked.high}
    return Sql(text, tuple(values[name] for name in order))


def _text_bound(asked: StringIs) -> Sql:
    exact = text_condition("text", asked.text, asked.how)
    if asked.how != "starts":
        return exact
    upper = successor(asked.text)
    if upper is None:
        return exact
    return Sql("text>=? AND text<?", (asked.text, upper))


def successor(text: str) -> str | None:
    """The least text that is above every text that starts with this one; None where there is none."""
    while text:
        last = ord(text[-1])
        if last < 0x10FFFF:
            return text[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        text = text[:-1]
    return None


def _posting(type: str, criteria: Sequence[Criterion], access: AccessFilter, rows: RowAccess) -> Driver | None:
    """The full-text index. The words of a filter with many alternatives cost more than they save where the criteria
    narrow the search already, and are only a way out where nothing else does."""
    pairs = [(criterion, words_for(type, criterion)) for criterion in criteria]
    words = all_words([part for _, part in pairs])
    visible = None if rows.everything else access_words(type, access)
    if visible is not None and (words is None or visible.count <= FEW_WORDS):
        words = all_words([words, visible])
    if words is None:
        return None
    return Driver(
        Sql("posting(?) p CROSS JOIN version v ON v.vid=p.rowid", (words.text,)),
        newest_bound(type, criteria),
        Sql("SELECT 1 FROM posting(?)", (words.text,)),
        tuple(criterion for criterion, part in pairs if part is not None and part.complete),
        order="p.rowid",
        last_resort=words.count > FEW_WORDS,
        words=words.text,
    )


def newest_bound(type: str, criteria: Sequence[Criterion]) -> Sql:
    """A lower bound of the row number where a `_lastUpdated` asks for recent changes: times rise with row numbers."""
    lows = [part.low // 1000 - 1 for part in criteria if isinstance(part, LastUpdatedIs) and part.prefix in _RECENT]
    if not lows:
        return TRUE
    return Sql(
        "p.rowid>=(SELECT ifnull(min(vid), 0x7fffffffffffffff) FROM (SELECT vid FROM version INDEXED BY version_type"
        " WHERE type=? AND last_updated>=? ORDER BY last_updated, vid LIMIT 1))",
        (type, max(lows)),
    )


_RECENT: frozenset[Prefix] = frozenset(("eq", "gt", "ge", "sa", "ap"))


def probe_limit(connection: apsw.Connection, wanted: int) -> int:
    """Up to how many candidates it is cheaper to fetch and sort all of them than to walk until enough are found."""
    total = connection.execute("SELECT max(vid) FROM version").get or 1
    return min(max(isqrt(max(wanted, 1) * total) // 2, LEAST_PROBE), MOST_PROBE)


def counted(connection: apsw.Connection, driver: Driver, limit: int) -> Driver:
    """The driver with its hits counted, up to the limit."""
    if driver.hits is not None or driver.counting is None or driver.last_resort:
        return driver
    text = f"SELECT count(*) FROM ({driver.counting.text} LIMIT ?)"
    return replace(driver, hits=connection.execute(text, (*driver.counting.values, limit)).get)


def best(connection: apsw.Connection, choices: Sequence[Driver], limit: int) -> Driver | None:
    """The driver with the fewest hits; among those over the limit the one that needs no sorting."""
    known = [counted(connection, driver, limit) for driver in choices]
    return min(known, key=lambda driver: (driver.last_resort, driver.hits or 0, driver.order is None), default=None)
