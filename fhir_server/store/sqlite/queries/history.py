"""History: versions of one resource, of a type, or of all, newest first in the order of their commits."""

import apsw

from fhir_server.outcome import Invalid
from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import HistoryQuery
from fhir_server.store.sqlite.queries.access_sql import row_access
from fhir_server.store.sqlite.queries.search import Found
from fhir_server.store.sqlite.queries.sql import TRUE, Sql, all_of
from fhir_server.store.sqlite.state import State, is_number


class History:
    """One question to the history in one state under one filter, inside the caller's transaction."""

    def __init__(self, connection: apsw.Connection, access: AccessFilter, state: State, query: HistoryQuery) -> None:
        self._connection = connection
        self._state = state
        self._query = query
        self._rows = row_access(access, query.type)

    def page(self) -> Found:
        """The next page after the query's cursor."""
        if self._query.count <= 0:
            return Found((), None)
        source, order = self._source()
        where = all_of([self._conditions(), self._after()])
        text = f"SELECT v.vid FROM {source} WHERE {where.text} ORDER BY {order} LIMIT ?"
        rows = self._connection.execute(text, (*where.values, self._query.count + 1))
        vids = tuple(vid for (vid,) in rows)
        page = vids[: self._query.count]
        return Found(page, str(page[-1]) if len(vids) > len(page) else None)

    def count(self) -> int:
        """How many versions there are in all."""
        source, _ = self._source()
        if self._query.type is None and self._query.at is None and self._rows.everything:
            # This index has all that is asked then, and is a tenth of the table.
            source = "version v INDEXED BY version_type"
        where = self._conditions()
        return int(self._connection.execute(f"SELECT count(*) FROM {source} WHERE {where.text}", where.values).get)

    def _source(self) -> tuple[str, str]:
        if self._query.id is not None:
            return "version v INDEXED BY version_key", "v.version DESC"
        if self._query.type is not None:
            return "version v INDEXED BY version_type", "v.last_updated DESC, v.vid DESC"
        return "version v NOT INDEXED", "v.vid DESC"

    def _conditions(self) -> Sql:
        query = self._query
        parts = [self._state.has("v")]
        if query.type is not None:
            parts.append(Sql("v.type=?", (query.type,)))
        if query.id is not None:
            parts.append(Sql("v.id=?", (query.id,)))
        if query.since_ms is not None:
            parts.append(Sql("v.last_updated>=?", (query.since_ms,)))
            parts += self._from_time(query.since_ms)
        if query.at is not None:
            parts.append(self._current_in(*query.at))
        return all_of([*parts, self._rows.visible_then_and_now("v")])

    def _from_time(self, time_ms: int) -> list[Sql]:
        """Over all types no index has the times, but they rise with row numbers: find the first row by halving."""
        if self._query.type is not None:
            return []
        low, high = 1, (self._connection.execute("SELECT max(vid) FROM version").get or 0) + 1
        while low < high:
            middle = (low + high) // 2
            found = "SELECT vid, last_updated FROM version WHERE vid>=? ORDER BY vid LIMIT 1"
            row = self._connection.execute(found, (middle,)).fetchone()
            if row is None or row[1] >= time_ms:
                high = middle
            else:
                low = row[0] + 1
        return [Sql("v.vid>=?", (low,))]

    def _current_in(self, low_ms: int, high_ms: int) -> Sql:
        """In force at some time in [low, high), as far as the state knows."""
        still = "v.replaced IS NULL" if self._state.latest else "v.until_commit>?"
        values = () if self._state.latest else (self._state.sequence,)
        return Sql(f"v.last_updated<? AND ({still} OR v.replaced>?)", (high_ms, *values, low_ms))

    def _after(self) -> Sql:
        if self._query.after is None:
            return TRUE
        if not is_number(self._query.after):
            raise Invalid("this page link holds no place in a history")
        vid = int(self._query.after)
        if self._query.type is not None and self._query.id is None:
            last = "SELECT last_updated FROM version WHERE vid=?"
            return Sql(f"v.vid<? AND v.last_updated<=({last})", (vid, vid))
        return Sql("v.vid<?", (vid,))
