"""Organization/[id]/$residents: the people of a care home or practice, each with the ReSPECT plan in force, the latest
Clinical Frailty Scale and the latest NEWS2. docs/operations.md

However many people there are on a page: one search for them, one look at who holds a plan in force, one search for the
plans, and for each score a walk from the newest that stops when everybody has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from fhir_server.interactions.bundles import ResultBundle, answer, link
from fhir_server.interactions.context import Context
from fhir_server.model.json import dump
from fhir_server.operations.operation import Operation
from fhir_server.outcome import Invalid, NotFound
from fhir_server.request import FhirResponse
from fhir_server.respect.in_force import plan_key
from fhir_server.respect.plan import Plan, plan_of
from fhir_server.respect.status import plan_status
from fhir_server.search.paging import PageState
from fhir_server.store.criteria import AnyOf, Criterion, IdIs, Query, ReferenceTo, SortKey, TokenIs
from fhir_server.store.values import Snapshot, Version
from profiles.canonical import CANONICAL

STATUS = f"{CANONICAL}/StructureDefinition/respect-status"
"""The extension of an entry that says how its Patient stands with ReSPECT."""
SNOMED = "http://snomed.info/sct"
FRAILTY = "763264000"
NEWS2 = "1104051000000101"
_PAGE = 500
_WALKED = 10
"""So many pages of a score are walked; who has none in them is asked for one by one."""
_MOST = 200


@dataclass(slots=True)
class _People:
    """The people of one page, and what was found for each, by the id of the Patient."""

    versions: tuple[Version, ...]
    snapshot: Snapshot
    plans: dict[str, Version] = field(default_factory=dict)
    others: dict[str, list[Plan]] = field(default_factory=dict)
    scores: dict[str, list[Version]] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)

    @property
    def ids(self) -> list[str]:
        return [version.id for version in self.versions]


async def _run(context: Context) -> FhirResponse:
    """200 with a searchset Bundle: a Patient each as match, what belongs to them included. 404 for no Organization."""
    organization = await context.session.unseen.read("Organization", context.id)
    if organization is None or organization.deleted:
        raise NotFound(f"There is no Organization with the id {context.id}.")
    query = _query(context)
    page = await context.session.unseen.search(query)
    people = _People(page.versions, page.snapshot)
    total = await context.session.unseen.count(Query("Patient", query.criteria, snapshot=page.snapshot))
    if people.versions:
        await _find_plans(context, people)
        for code in (FRAILTY, NEWS2):
            await _find_scores(context, people, code)
    context.session.showing(people.versions)
    links = [("self", link(context, [("_count", str(query.count))]))]
    if page.next is not None:
        links.append(("next", link(context, [("_page", _sealed(context, page.snapshot, page.next, query.count))])))
    entries = [entry for version in people.versions for entry in _entries(context, people, version)]
    return answer(context, ResultBundle("searchset", page.snapshot.time_ms, links, entries, total))


def _query(context: Context) -> Query:
    criteria: tuple[Criterion, ...] = (
        AnyOf(
            (
                ReferenceTo("organization", "Organization", context.id),
                ReferenceTo("general-practitioner", "Organization", context.id),
            )
        ),
    )
    token = context.request.parameter("_page")
    if token is None:
        return Query("Patient", criteria, count=_count(context))
    state = context.server.links.open(token, context.caller)
    if (state.type, state.id) != ("Patient", _place(context)):
        raise Invalid("This page link belongs to another address.")
    return Query("Patient", criteria, count=state.count, snapshot=state.snapshot, after=state.cursor)


def _count(context: Context) -> int:
    asked = context.request.parameter("_count")
    if asked is None:
        return context.server.rules.page_size
    if not (asked.isascii() and asked.isdigit() and int(asked) > 0):
        raise Invalid("_count is a whole number from 1 on.", expression="_count")
    return min(int(asked), context.server.rules.max_page_size)


def _place(context: Context) -> str:
    return f"Organization/{context.id}/$residents"


def _sealed(context: Context, snapshot: Snapshot, cursor: str, count: int) -> str:
    state = PageState("search", "Patient", _place(context), (), snapshot, cursor, count)
    return context.server.links.seal(state, context.caller)


def _of_people(people: Sequence[str]) -> Criterion:
    return AnyOf(tuple(ReferenceTo("patient", "Patient", id) for id in people))


async def _find_plans(context: Context, people: _People) -> None:
    session = context.session.unseen
    held = await session.holders([plan_key(id) for id in people.ids])
    owners = {held[key][1]: id for id in people.ids if (key := plan_key(id)) in held}
    if owners:
        query = Query("QuestionnaireResponse", (IdIs(tuple(owners)),), count=len(owners))
        for version in (await session.search(query)).versions:
            people.plans[owners[version.id]] = version
    without = [id for id in people.ids if id not in people.plans]
    people.withheld = {id for id in without if await session.withheld(id)}
    if not without:
        return
    query = Query("QuestionnaireResponse", (_of_people(without),), count=_MOST, snapshot=people.snapshot)
    while True:
        page = await session.search(query)
        for version in page.versions:
            plan = _plan(version)
            for id in version.patients:
                if plan is not None:
                    people.others.setdefault(id, []).append(plan)
        if page.next is None:
            return
        query = Query(query.type, query.criteria, count=_MOST, snapshot=page.snapshot, after=page.next)


def _plan(version: Version) -> Plan | None:
    return None if version.body is None else plan_of(msgspec.json.decode(version.body))


async def _find_scores(context: Context, people: _People, code: str) -> None:
    """The newest Observation with this code of each person. Newest first, until nobody is left."""
    waiting, after = set(people.ids), None
    for _ in range(_WALKED):
        page = await context.session.unseen.search(_score_query(people, people.ids, code, _PAGE, after))
        for version in page.versions:
            for id in waiting.intersection(version.patients):
                waiting.discard(id)
                people.scores.setdefault(id, []).append(version)
        after = page.next
        if not waiting or after is None:
            return
    for id in sorted(waiting):
        page = await context.session.unseen.search(_score_query(people, [id], code, 1, None))
        people.scores.setdefault(id, []).extend(page.versions)


def _score_query(people: _People, ids: Sequence[str], code: str, count: int, after: str | None) -> Query:
    criteria = (TokenIs("code", SNOMED, code), _of_people(ids))
    newest = (SortKey("date", descending=True, type="date"),)
    return Query("Observation", criteria, newest, count=count, snapshot=people.snapshot, after=after)


def _entries(context: Context, people: _People, version: Version) -> list[bytes]:
    """The Patient with the status, and what belongs to them."""
    plan = people.plans.get(version.id)
    today = datetime.fromtimestamp(context.server.clock_ms() / 1000, UTC).astimezone(context.server.search.timezone)
    status = plan_status(
        None if plan is None else _plan(plan),
        people.others.get(version.id, ()),
        withheld=version.id in people.withheld,
        today=today.date(),
    )
    included = [*([] if plan is None else [plan]), *people.scores.get(version.id, ())]
    context.session.showing(included)
    marked = [{"url": STATUS, "valueCode": status}]
    return [_entry(context, version, "match", marked), *(_entry(context, one, "include", None) for one in included)]


def _entry(context: Context, version: Version, mode: str, extensions: list[dict[str, str]] | None) -> bytes:
    marked = b"" if extensions is None else b'"extension":' + dump(extensions) + b","
    url = f"{context.server.base_url}/{version.type}/{version.id}".encode()
    return b'{%s"fullUrl":"%s","resource":%s,"search":{"mode":"%s"}}' % (marked, url, version.body, mode.encode())


RESIDENTS = Operation("residents", ("instance",), _run, changes=False, types=("Organization",))
