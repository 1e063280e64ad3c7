"""Where the rows of a search come from: which index drives it, chosen by counting, never left to SQLite.

https://sqlite.org/queryplanner-ng.html: `CROSS JOIN` and `INDEXED BY` fix the order of the loops.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt

import apsw
import msgspec

from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import (
    AllOf,
    Criterion,
    DateIs,
    IdIs,
    InGroup,
    LastUpdatedIs,
    Not,
    NumberIs,
    Prefix,
    QuantityIs,
    TokenIs,
)
from fhir_server.store.sqlite.queries.access_sql import RowAccess
from fhir_server.store.sqlite.queries.narrowing import Narrowed, narrowed, narrowed_beside
from fhir_server.store.sqlite.queries.postings import access_words, all_words, words_for
from fhir_server.store.sqlite.queries.predicates import json_list
from fhir_server.store.sqlite.queries.resolved import Resolved, Words
from fhir_server.store.sqlite.queries.sql import TRUE, Sql

FEW_WORDS = 16
FEW_ROWS = 1_000
LEAST_PROBE, MOST_PROBE = 256, 16_384

Asked = Criterion | Resolved


@dataclass(frozen=True, slots=True)
class Driver:
    """A source of candidate rows `v`, each once. `hits` is how many there are, as far as was counted.

    `by` names the index. `condition` narrows the source; `answered` are criteria that its rows are known to match.
    `order` is the column by which it gives rows newest first or last without sorting, where it does. `last_resort`: to
    begin with it costs so much that a walk is tried first. `words`: the expression, where it is the full-text index.
    `lists`: what is counted are row numbers, each once; `rows` are all of them, where they are few.
    """

    by: str
    source: Sql
    condition: Sql = TRUE
    counting: Sql | None = None
    answered: tuple[Asked, ...] = ()
    order: str | None = None
    hits: int | None = None
    last_resort: bool = False
    words: str | None = None
    lists: bool = False
    rows: tuple[int, ...] | None = None

    def again(self) -> "Driver":
        """The same source for those who need all of it: rows that counting has found already need no index."""
        if self.rows is None:
            return self
        source = Sql("json_each(?) p CROSS JOIN version v ON v.vid=p.value", (msgspec.json.encode(self.rows).decode(),))
        return replace(self, source=source, condition=TRUE, order=None)


def conjuncts(criteria: Sequence[Asked]) -> list[Asked]:
    """The criteria that must all hold, without nesting."""
    parts: list[Asked] = []
    for criterion in criteria:
        parts += conjuncts(criterion.criteria) if isinstance(criterion, AllOf) else [criterion]
    return parts


def type_walk(type: str) -> Driver:
    """Every row of the type."""
    return Driver("type", Sql("version v INDEXED BY version_type"), Sql("v.type=?", (type,)), order="v.last_updated")


def drivers(type: str, criteria: Sequence[Asked], access: AccessFilter, rows: RowAccess) -> list[Driver]:
    """The indexes that can narrow this search."""
    found = [driver for criterion in criteria if (driver := _narrow(type, criterion)) is not None]
    return found + _beside(type, criteria) + _postings(type, criteria, access, rows)


def _beside(type: str, criteria: Sequence[Asked]) -> list[Driver]:
    """A code with a quantity or date: of the resource, where its entries say that the two belong together; or with a
    number of one group."""
    pairs: list[tuple[TokenIs, NumberIs | QuantityIs | DateIs]] = []
    for criterion in criteria:
        if isinstance(criterion, QuantityIs | DateIs):
            pairs += [(token, criterion) for token in _tokens(criteria) if token.param in criterion.beside]
        elif isinstance(criterion, InGroup):
            within = conjuncts(criterion.criteria)
            numbers = [part for part in within if isinstance(part, NumberIs | QuantityIs)]
            pairs += [(token, number) for token in _tokens(within) for number in numbers]
    found = [narrowed_beside(type, token.code, number) for token, number in pairs if token.code]
    return [replace(_from_table(narrow), by=f"{narrow.table} by code") for narrow in found if narrow is not None]


def _tokens(criteria: Sequence[Asked]) -> list[TokenIs]:
    return [part for part in criteria if isinstance(part, TokenIs) and part.code]


def _narrow(type: str, criterion: Asked) -> Driver | None:
    if isinstance(criterion, IdIs | Resolved):
        return None if criterion.ids is None else _by_id(type, criterion, criterion.ids)
    narrow = narrowed(type, criterion)
    return None if narrow is None else _from_table(narrow)


def _by_id(type: str, criterion: Asked, ids: Sequence[str]) -> Driver:
    once = list(dict.fromkeys(ids))
    source = "json_each(?) i CROSS JOIN version v INDEXED BY version_key ON v.type=? AND v.id=i.value"
    return Driver("id", Sql(source, (json_list(once), type)), answered=(criterion,), hits=len(once))


def _from_table(narrow: Narrowed) -> Driver:
    inner = " UNION ".join(f"SELECT vid FROM {part.text}" for part in narrow.parts)
    counting = " UNION ALL ".join(f"SELECT 1 FROM {part.text}" for part in narrow.parts)
    values = tuple(value for part in narrow.parts for value in part.values)
    if len(narrow.parts) == 1:
        inner = inner.replace("SELECT", "SELECT DISTINCT", 1)
    source = Sql(f"({inner}) d CROSS JOIN version v ON v.vid=d.vid", values)
    return Driver(narrow.table, source, counting=Sql(counting, values))


def _postings(type: str, criteria: Sequence[Asked], access: AccessFilter, rows: RowAccess) -> list[Driver]:
    """The full-text index. What a criterion excludes costs more than it saves where another one narrows the search."""
    pairs = [(criterion, words) for criterion in criteria if (words := words_for(type, criterion)) is not None]
    pairs = [pair for pair in pairs if not isinstance(pair[0], Not)] or pairs
    few = [(criterion, words) for criterion, words in pairs if len(words.alternatives) <= FEW_WORDS]
    many = [_spread(criterion, words) for criterion, words in pairs if len(words.alternatives) > FEW_WORDS]
    together = _together(type, criteria, few, None if rows.everything else access_words(type, access), bool(many))
    return many if together is None else [*many, together]


def _together(
    type: str,
    criteria: Sequence[Asked],
    pairs: Sequence[tuple[Asked, Words]],
    visible: Words | None,
    narrowed: bool,
) -> Driver | None:
    """One expression of all words. Those of a filter with many alternatives cost more than they save where the criteria
    narrow the search already, and are only a way out where nothing else does."""
    words = all_words([part for _, part in pairs])
    costly = False
    if visible is not None and (visible.count <= FEW_WORDS or (words is None and not narrowed)):
        words, costly = all_words([words, visible]), visible.count > FEW_WORDS
    if words is None:
        return None
    return Driver(
        "posting",
        Sql("posting(?) p CROSS JOIN version v ON v.vid=p.rowid", (words.text,)),
        newest_bound(type, criteria),
        Sql("SELECT rowid FROM posting(?)", (words.text,)),
        tuple(criterion for criterion, part in pairs if part.complete),
        order="p.rowid",
        last_resort=costly,
        words=words.text,
        lists=True,
    )


def _spread(criterion: Asked, choice: Words) -> Driver:
    """Many words of which one is enough: each is asked for alone. One expression of all of them takes time that grows
    with their square."""
    found, values = "json_each(?) w CROSS JOIN posting(w.value) p", (json_list(choice.alternatives),)
    return Driver(
        "posting, word by word",
        Sql(f"(SELECT DISTINCT p.rowid AS vid FROM {found}) d CROSS JOIN version v ON v.vid=d.vid", values),
        counting=Sql(f"SELECT DISTINCT p.rowid FROM {found}", values),
        lists=True,
        answered=(criterion,) if choice.complete else (),
    )


def newest_bound(type: str, criteria: Sequence[Asked]) -> Sql:
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
    if driver.lists:
        return _listed(connection, driver, driver.counting, limit)
    text = f"SELECT count(*) FROM ({driver.counting.text} LIMIT ?)"
    return replace(driver, hits=connection.execute(text, (*driver.counting.values, limit)).get)


def _listed(connection: apsw.Connection, driver: Driver, listing: Sql, limit: int) -> Driver:
    """The rows that the full-text index finds are kept where they are few."""
    found = [vid for (vid,) in connection.execute(f"{listing.text} LIMIT ?", (*listing.values, limit))]
    few = len(found) < limit and len(found) <= FEW_ROWS
    return replace(driver, hits=len(found), rows=tuple(found) if few else None)


def best(connection: apsw.Connection, choices: Sequence[Driver], limit: int) -> Driver | None:
    """The driver with the fewest hits; among those over the limit the one that needs no sorting. None is counted
    further than it takes to see that another one has fewer."""
    known: list[Driver] = []
    enough = limit
    for driver in choices:
        known.append(counted(connection, driver, enough))
        if not driver.last_resort and (hits := known[-1].hits) is not None:
            enough = min(enough, hits + 1)
    return min(known, key=lambda driver: (driver.last_resort, driver.hits or 0, driver.order is None), default=None)
