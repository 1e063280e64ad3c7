"""A search carried out: one page of it as a Bundle, with what goes along and the links that lead on.

https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html#paging. The first page fixes a snapshot; its
links lead through it in both directions without repeating or skipping, whatever others write meanwhile.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from fhir_server.interactions.bundles import ResultBundle, answer, link, match_entry
from fhir_server.interactions.contained_results import contained_entries
from fhir_server.interactions.context import Context
from fhir_server.interactions.explaining import explained
from fhir_server.interactions.including import included
from fhir_server.interactions.parts import part
from fhir_server.outcome import Invalid, Issue
from fhir_server.request import FhirResponse
from fhir_server.search.context import SearchContext
from fhir_server.search.paging import PageState
from fhir_server.search.parse import Search
from fhir_server.store.criteria import Query, SystemQuery
from fhir_server.store.values import Page, Version

Parameters = Sequence[tuple[str, str]]
Read = Callable[[Parameters, SearchContext, bool], Awaitable[Search]]
"""Reads query parameters, strictly or not"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where is searched: a type (None: the whole system), and the compartment that bounds it."""

    type: str | None = None
    compartment: tuple[str, str] | None = None

    @property
    def within(self) -> str | None:
        """The compartment as a page link names it."""
        return None if self.compartment is None else "/".join(self.compartment)


async def search(context: Context, place: Place, read: Read) -> FhirResponse:
    """The page that is asked for: by query parameters the first one, by a link's token the one that it names.

    Raises what reading the parameters raises, `Invalid` for a link of another address, `SnapshotExpired`.
    """
    token, now_ms = context.request.parameter("_page"), context.server.search.clock_ms()
    if token is None:
        asked = await read(context.request.parameters, _at_the_time(context, now_ms), _strict(context))
        return await _Answering(context, place, asked, now_ms).page()
    state = context.server.links.open(token, context.caller)
    if state.kind != "search" or (state.type, state.id) != (place.type, place.within):
        raise Invalid("This page link belongs to another address.")
    # Strictly: a parameter that has gone since would otherwise be left out, and the pages show too much.
    asked = await read(state.parameters, _at_the_time(context, state.asked_ms), True)
    return await _Answering(context, place, asked, state.asked_ms, state).page()


def _at_the_time(context: Context, now_ms: int) -> SearchContext:
    """What the search goes by, at this time: all pages of a search have the same one."""
    return replace(context.server.search, clock_ms=lambda: now_ms)


class _Answering:
    """One page on its way."""

    def __init__(
        self, context: Context, place: Place, asked: Search, asked_ms: int, state: PageState | None = None
    ) -> None:
        self.context = context
        self.place = place
        self.asked = asked
        self.asked_ms = asked_ms
        self.state = state
        self.query = _at(asked.query, state)

    async def page(self) -> FhirResponse:
        """The Bundle."""
        asked, query = self.asked, self.query
        issues: tuple[Issue, ...] = asked.issues
        if asked.explain and self.state is None:
            issues += await explained(self.context, query)
        if asked.summary == "count" or query.count == 0:
            return await self._counted(issues)
        page = await self.context.session.unseen.search(query)
        total = await self._total(page)
        added, more = await self._included(page)
        going_on = self.state is not None and self.state.included > 0
        matches = [] if going_on else [each for each in page.versions if each.body is not None]
        self.context.session.showing([*matches, *added])
        entries = [entry for version in matches for entry in self._matches(version)]
        entries += [self._shown(version, b"include") for version in added]
        links = self._links(page, more)
        return answer(self.context, ResultBundle("searchset", page.snapshot.time_ms, links, entries, total, issues))

    async def _counted(self, issues: tuple[Issue, ...]) -> FhirResponse:
        snapshot = self.query.snapshot or await self.context.session.unseen.snapshot()
        total = await self.context.session.unseen.count(replace(self.query, snapshot=snapshot))
        links = [("self", link(self.context, self.asked.used))]
        return answer(self.context, ResultBundle("searchset", snapshot.time_ms, links, (), total, issues))

    async def _total(self, page: Page) -> int | None:
        if self.asked.total == "none":
            return None
        query = replace(self.query, snapshot=page.snapshot, after=None, before=None)
        session = self.context.session.unseen
        return await (session.count(query) if self.asked.total == "accurate" else session.estimate(query))

    async def _included(self, page: Page) -> tuple[list[Version], bool]:
        """What goes along with this page and was not on pages before; whether there is more than one page takes."""
        if not self.asked.includes:
            return [], False
        before = 0 if self.state is None else self.state.included
        most = self.context.server.rules.max_included
        found = await included(self.context.session, page, self.asked.includes, before + most + 1)
        return found[before : before + most], len(found) > before + most

    def _matches(self, version: Version) -> list[bytes]:
        if self.asked.contained is not None:
            return contained_entries(self.context, self.asked.contained, version)
        return [self._shown(version, b"match")]

    def _shown(self, version: Version, mode: bytes) -> bytes:
        """An entry. `_elements` names elements of what is searched for, so what goes along is whole."""
        assert version.body is not None
        elements = self.asked.elements if mode == b"match" else ()
        whole = not elements and self.asked.summary in (None, "false")
        definitions = self.context.server.definitions
        body = version.body if whole else part(version.body, definitions, elements, self.asked.summary)
        return match_entry(self.context.server.base_url, version, body, mode=mode)

    def _links(self, page: Page, more: bool) -> list[tuple[str, str]]:
        """`self` says what was really used. Where this page goes on with what was included, `next` stays on it."""
        links = [("self", link(self.context, self.asked.used))]
        own = self.state or self._state(page, "", backwards=False)
        if self.state is not None:
            links.append(("first", self._sealed(self._state(page, "", backwards=False))))
        most = self.context.server.rules.max_included
        if own.included:
            links.append(("previous", self._sealed(replace(own, included=max(own.included - most, 0)))))
        elif page.previous is not None:
            links.append(("previous", self._sealed(self._state(page, page.previous, backwards=True))))
        if more:
            links.append(("next", self._sealed(replace(own, included=own.included + most))))
        elif page.next is not None:
            links.append(("next", self._sealed(self._state(page, page.next, backwards=False))))
        return links

    def _state(self, page: Page, cursor: str, *, backwards: bool) -> PageState:
        return PageState(
            kind="search",
            type=self.place.type,
            id=self.place.within,
            parameters=self.asked.used,
            snapshot=page.snapshot,
            cursor=cursor,
            count=self.query.count,
            backwards=backwards,
            asked_ms=self.asked_ms,
        )

    def _sealed(self, state: PageState) -> str:
        return link(self.context, [("_page", self.context.server.links.seal(state, self.context.caller))])


def _at(query: Query | SystemQuery, state: PageState | None) -> Query | SystemQuery:
    """The query for the page that a link names."""
    if state is None:
        return query
    cursor = state.cursor or None
    after, before = (None, cursor) if state.backwards else (cursor, None)
    return replace(query, snapshot=state.snapshot, after=after, before=before)


def _strict(context: Context) -> bool:
    return "handling=strict" in (context.header("prefer") or "").replace(" ", "")
