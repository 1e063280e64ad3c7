"""AuditEvent: the server's own record of every request, read and searched, never written by a client.

https://hl7.org/fhir/R4/auditevent.html. The compact entries of the store are shown as AuditEvents here.
"""

from dataclasses import replace

from fhir_server.audit.audit_event import audit_event
from fhir_server.audit.entry import Compactor
from fhir_server.interactions.bundles import ResultBundle, answer, link
from fhir_server.interactions.context import WRITTEN_BY_SERVER, Context, Interaction
from fhir_server.interactions.parts import part_asked
from fhir_server.model.json import dump
from fhir_server.outcome import Invalid, NotFound, NotSupported
from fhir_server.request import FhirResponse
from fhir_server.search.paging import PageState
from fhir_server.search.parse import count_of, instant_range
from fhir_server.store.criteria import AuditQuery
from fhir_server.store.values import RecordedAudit

SEARCHED_BY = ("date", "patient")
"""The search parameters of AuditEvent that are offered, besides `_count`."""

_PREFIXES = ("eq", "ge", "gt", "sa", "le", "lt", "eb")
_RESULT = ("_format", "_pretty", "_count")
_COMPACTOR = Compactor()


def _shown(context: Context, recorded: RecordedAudit) -> bytes:
    entry = _COMPACTOR.unpack(recorded.entry.body)
    return dump(audit_event(recorded.id, entry, context.server.base_url))


async def _read(context: Context) -> FhirResponse:
    """200 with the AuditEvent, or 404."""
    recorded = await context.session.read_audit(context.id)
    if recorded is None:
        raise NotFound(f"There is no AuditEvent with the id {context.id}.")
    return part_asked(context, FhirResponse(200, _shown(context, recorded), (("ETag", 'W/"1"'),)))


async def _search(context: Context) -> FhirResponse:
    """200 with the entries of all chains, newest first; by `patient` and `date`."""
    token = context.request.parameter("_page")
    if token is None:
        used = context.request.parameters
        query = _query(context, used)
    else:
        state = context.server.links.open(token, context.caller)
        if state.kind != "audit":
            raise Invalid("This page link belongs to another address.")
        used = state.parameters
        query = replace(_query(context, used), snapshot=state.snapshot, after=state.cursor)
    page = await context.session.search_audit(query)
    links = [("self", link(context, used))]
    if page.next is not None:
        state = PageState("audit", "AuditEvent", None, used, page.snapshot, page.next, query.count)
        links.append(("next", link(context, [("_page", context.server.links.seal(state, context.caller))])))
    entries = [
        b'{"fullUrl":"%s/AuditEvent/%s","resource":%s,"search":{"mode":"match"}}'
        % (context.server.base_url.encode(), entry.id.encode(), _shown(context, entry))
        for entry in page.entries
    ]
    return answer(context, ResultBundle("searchset", page.snapshot.time_ms, links, entries))


def _query(context: Context, parameters: tuple[tuple[str, str], ...]) -> AuditQuery:
    rules = context.server.rules
    patient: str | None = None
    low: int | None = None
    high: int | None = None
    count = rules.page_size
    for name, value in parameters:
        if name == "patient":
            if patient is not None:
                raise Invalid("AuditEvents are searched by one patient at a time.")
            patient = value.removeprefix("Patient/")
        elif name == "date":
            lower, upper = _bounds(context, value)
            low = max((bound for bound in (low, lower) if bound is not None), default=None)
            high = min((bound for bound in (high, upper) if bound is not None), default=None)
        elif name == "_count":
            count = count_of(value, default=rules.page_size, limit=rules.max_page_size)
        elif name not in _RESULT:
            raise NotSupported(f"AuditEvents are searched by {' and '.join(SEARCHED_BY)} only, not by {name[:64]}.")
    return AuditQuery(patient, low, high, max(count, 1))


def _bounds(context: Context, value: str) -> tuple[int | None, int | None]:
    """The times [low, high) in milliseconds that a date with its prefix allows; None is no bound."""
    prefix = value[:2] if value[:1].isalpha() else "eq"
    if prefix not in _PREFIXES:
        raise NotSupported(f"The date of AuditEvents takes the prefixes {', '.join(_PREFIXES)}.")
    low, high = instant_range(value.removeprefix(prefix), context.server.search.timezone, name="date")
    first, after = low // 1000, -(-high // 1000)
    return {
        "eq": (first, after),
        "ge": (first, None),
        "gt": (after, None),
        "sa": (after, None),
        "le": (None, after),
        "lt": (None, first),
        "eb": (None, first),
    }[prefix]


READ_AUDIT_EVENT = Interaction(
    "read", "instance", (("GET", ("[type]", "[id]")),), "R", changes=False, run=_read, types=WRITTEN_BY_SERVER
)
SEARCH_AUDIT_EVENT = Interaction(
    "search-type",
    "type",
    (("GET", ("[type]",)), ("POST", ("[type]", "_search"))),
    "E",
    changes=False,
    run=_search,
    types=WRITTEN_BY_SERVER,
)
