"""history: the versions of a resource, of a type or of the whole system, newest first.

https://hl7.org/fhir/R4/http.html#history

Pages are a snapshot. `Bundle.meta.lastUpdated` is the time to ask `_since` from the next time: nothing is missed.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fhir_server.interactions.bundles import ResultBundle, answer, history_entry, link
from fhir_server.interactions.context import Context, Interaction
from fhir_server.outcome import Invalid, Issue, NotFound
from fhir_server.request import FhirResponse
from fhir_server.search.paging import PageState
from fhir_server.search.parse import count_of, instant_range
from fhir_server.store.criteria import HistoryQuery

_KNOWN = frozenset({"_since", "_at", "_count", "_format", "_pretty"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a history request asks: the query, the parameters that were used, and warnings."""

    query: HistoryQuery
    used: tuple[tuple[str, str], ...]
    warnings: tuple[Issue, ...] = ()


async def _run(context: Context) -> FhirResponse:
    """200 with a history Bundle; 404 for a resource that never was or may not be seen; 410 for an old page link."""
    token = context.request.parameter("_page")
    asked = _first(context) if token is None else _continued(context, token)
    page = await context.session.history(asked.query)
    if not page.versions and asked.query.after is None and context.target.id is not None:
        await _refuse_unknown(context)
    total = await context.session.unseen.count_history(replace(asked.query, snapshot=page.snapshot, after=None))
    links = [("self", link(context, asked.used))]
    if page.next is not None:
        state = PageState(
            kind="history",
            type=context.target.type,
            id=context.target.id,
            parameters=asked.used,
            snapshot=page.snapshot,
            cursor=page.next,
            count=asked.query.count,
        )
        links.append(("next", link(context, [("_page", context.server.links.seal(state, context.caller))])))
    entries = (history_entry(context.server.base_url, version) for version in page.versions)
    return answer(context, ResultBundle("history", page.snapshot.time_ms, links, entries, total, asked.warnings))


async def _refuse_unknown(context: Context) -> None:
    """An empty history is an answer only for a resource that exists."""
    if await context.session.read(context.type, context.id) is None:
        raise NotFound(f"There is no {context.type} with the id {context.id}.")


def _first(context: Context) -> Asked:
    parameters = context.request.parameters
    unknown = [name for name, _ in parameters if name not in _KNOWN]
    if unknown and "handling=strict" in (context.header("prefer") or ""):
        raise Invalid(f"History does not know the parameter {unknown[0][:64]}.")
    used = tuple((name, value) for name, value in parameters if name in ("_since", "_at", "_count"))
    warnings = tuple(
        Issue("not-supported", f"The parameter {name[:64]} was ignored: history does not know it.", severity="warning")
        for name in unknown
    )
    return Asked(_query(context, used), used, warnings)


def _continued(context: Context, token: str) -> Asked:
    state = context.server.links.open(token, context.caller)
    if state.kind != "history" or (state.type, state.id) != (context.target.type, context.target.id):
        raise Invalid("This page link belongs to another address.")
    query = _query(context, state.parameters)
    return Asked(replace(query, snapshot=state.snapshot, after=state.cursor, count=state.count), state.parameters)


def _query(context: Context, parameters: tuple[tuple[str, str], ...]) -> HistoryQuery:
    named = dict(parameters)
    rules, timezone = context.server.rules, context.server.search.timezone
    at = named.get("_at")
    interval = None
    if at is not None:
        low, high = instant_range(at, timezone, name="_at")
        interval = (low // 1000, max(-(-high // 1000), low // 1000 + 1))
    return HistoryQuery(
        type=context.target.type,
        id=context.target.id,
        since_ms=_since(named.get("_since")),
        at=interval,
        count=count_of(named.get("_count"), default=rules.page_size, limit=rules.max_page_size),
    )


def _since(value: str | None) -> int | None:
    """`_since` is an instant: seconds and a zone are needed. Milliseconds since 1970, rounded down."""
    if value is None:
        return None
    try:
        parsed = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None or len(value) < len("2026-01-01T00:00:00Z"):
        raise Invalid("_since is an instant such as 2026-01-31T09:30:00Z.")
    delta = parsed - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * 1000 + delta.microseconds // 1000


HISTORY_INSTANCE = Interaction(
    "history-instance", "instance", (("GET", ("[type]", "[id]", "_history")),), "R", changes=False, run=_run
)
HISTORY_TYPE = Interaction("history-type", "type", (("GET", ("[type]", "_history")),), "R", changes=False, run=_run)
HISTORY_SYSTEM = Interaction("history-system", "system", (("GET", ("_history",)),), "R", changes=False, run=_run)
