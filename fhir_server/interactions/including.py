"""What goes into a Bundle because a reference connects it with what is in it: `_include`, `_revinclude`, `:iterate`.

https://hl7.org/fhir/R4/search.html#revinclude. Two queries for each round, of all that is referred to and of all that
refers, never one for each include or resource; at the page's snapshot and under the session's filter, so what may not
be seen is not there, and nothing shows that it is.
"""

from collections.abc import AsyncIterator, Iterable, Sequence

from fhir_server.audit.session import AuditedSession
from fhir_server.search.include import Include
from fhir_server.store.criteria import AnyOf, Criterion, IdIs, Query, ReferenceTo, ReverseChained, SortKey, SystemQuery
from fhir_server.store.values import Page, Version

_BY_ID = (SortKey("_id"),)
_PAGE = 500
_AT_ONCE = 500
"""So many references are asked for in one query"""

Named = tuple[str, str]
Wanted = tuple[str, Criterion]
"""Resources of this type for which this holds"""


async def included(session: AuditedSession, page: Page, includes: Sequence[Include], most: int) -> list[Version]:
    """What the includes add to the matches of this page, each once, none that is a match; the first `most` of it, in an
    order that is the same each time. Only looked at: what of it is shown, the caller tells the session."""
    matches = [version for version in page.versions if version.body is not None]
    gathering = _Gathering(session, page, most, {_name(version) for version in matches})
    await gathering.follow(includes, matches)
    iterating = [include for include in includes if include.iterate]
    done = 0
    while iterating and done < len(gathering.found) < most:
        new, done = gathering.found[done:], len(gathering.found)
        await gathering.follow(iterating, new)
    return gathering.found[:most]


class _Gathering:
    """What has been found so far."""

    def __init__(self, session: AuditedSession, along: Page, most: int, known: set[Named]) -> None:
        self.session = session
        self.along = along
        self.most = most
        self.known = known
        self.found: list[Version] = []

    async def follow(self, includes: Sequence[Include], sources: Sequence[Version]) -> None:
        """Add what one round of these includes leads to from these resources."""
        for query in _queries(includes, sources):
            async for version in self._all_of(query):
                if _name(version) not in self.known:
                    self.known.add(_name(version))
                    self.found.append(version)
                if len(self.found) >= self.most:
                    return

    async def _all_of(self, query: SystemQuery) -> AsyncIterator[Version]:
        after = None
        while True:
            asked = SystemQuery(query.parts, _BY_ID, _PAGE, self.along.snapshot, after)
            page = await self.session.unseen.search(asked, self.along)
            for version in page.versions:
                yield version
            after = page.next
            if after is None:
                return


def _queries(includes: Sequence[Include], sources: Sequence[Version]) -> Iterable[SystemQuery]:
    """A query for what these resources refer to, and one for what refers to them; more where they are many."""
    step = max(_AT_ONCE // max(len(includes), 1), 1)
    for first in range(0, len(sources), step):
        part = sources[first : first + step]
        for found in (_referred, _referring):
            wanted: dict[str, list[Criterion]] = {}
            for type, criterion in found(includes, part):
                wanted.setdefault(type, []).append(criterion)
            if wanted:
                yield SystemQuery(tuple(Query(type, (_any_of(criteria),)) for type, criteria in wanted.items()))


def _any_of(criteria: Sequence[Criterion]) -> Criterion:
    return criteria[0] if len(criteria) == 1 else AnyOf(tuple(criteria))


def _referring(includes: Iterable[Include], targets: Sequence[Version]) -> Iterable[Wanted]:
    """Resources of the source types that refer to one of these."""
    for include in includes:
        for version in targets if include.reverse else ():
            if version.type in include.targets:
                yield include.source, ReferenceTo(include.param, version.type, version.id, include.elements)


def _referred(includes: Iterable[Include], sources: Sequence[Version]) -> Iterable[Wanted]:
    """What these resources refer to. A type that none of them names is not asked for; a Patient may be meant without
    being named, by an NHS number."""
    for include in includes:
        part = [] if include.reverse else [version for version in sources if version.type == include.source]
        bodies = [version.body for version in part if version.body is not None]
        ids = IdIs(tuple(version.id for version in part))
        criterion = ReverseChained(include.source, include.param, (ids,), include.elements)
        for type in include.targets if part else ():
            if type == "Patient" or any(f"{type}/".encode() in body for body in bodies):
                yield type, criterion


def _name(version: Version) -> Named:
    return version.type, version.id
