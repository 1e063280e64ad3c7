"""What goes into a Bundle because a reference connects it with what is in it: `_include`, `_revinclude`, `:iterate`.

https://hl7.org/fhir/R4/search.html#revinclude. A query for each include and round, never one for each resource; at the
page's snapshot and under the session's filter, so what may not be seen is not there, and nothing shows that it is.
"""

from collections.abc import AsyncIterator, Iterable, Sequence

from fhir_server.audit.session import AuditedSession
from fhir_server.search.include import Include
from fhir_server.store.criteria import AnyOf, IdIs, Query, ReferenceTo, ReverseChained, SortKey, SystemQuery
from fhir_server.store.values import Snapshot, Version

_BY_ID = (SortKey("_id"),)
_PAGE = 500
_AT_ONCE = 500
"""So many references are asked for in one query"""

Named = tuple[str, str]


async def included(
    session: AuditedSession, matches: Sequence[Version], includes: Sequence[Include], snapshot: Snapshot, most: int
) -> list[Version]:
    """What the includes add to these matches, each once, none that is a match; the first `most` of it, in an order that
    is the same each time. Only looked at: what of it is shown, the caller tells the session."""
    gathering = _Gathering(session, snapshot, most, {_name(version) for version in matches})
    await gathering.follow(includes, matches)
    iterating = [include for include in includes if include.iterate]
    done = 0
    while iterating and done < len(gathering.found) < most:
        new, done = gathering.found[done:], len(gathering.found)
        await gathering.follow(iterating, new)
    return gathering.found[:most]


class _Gathering:
    """What has been found so far."""

    def __init__(self, session: AuditedSession, snapshot: Snapshot, most: int, known: set[Named]) -> None:
        self.session = session
        self.snapshot = snapshot
        self.most = most
        self.known = known
        self.found: list[Version] = []

    async def follow(self, includes: Sequence[Include], sources: Sequence[Version]) -> None:
        """Add what one round of these includes leads to from these resources."""
        for include in includes:
            for query in _queries(include, sources):
                async for version in self._all_of(query):
                    if _name(version) not in self.known:
                        self.known.add(_name(version))
                        self.found.append(version)
                    if len(self.found) >= self.most:
                        return

    async def _all_of(self, query: SystemQuery) -> AsyncIterator[Version]:
        after = None
        while True:
            asked = SystemQuery(query.parts, _BY_ID, _PAGE, self.snapshot, after)
            page = await self.session.unseen.search(asked)
            for version in page.versions:
                yield version
            after = page.next
            if after is None:
                return


def _queries(include: Include, sources: Sequence[Version]) -> Iterable[SystemQuery]:
    if include.reverse:
        yield from _referring(include, [_name(version) for version in sources if version.type in include.targets])
    else:
        yield from _referred(include, [version for version in sources if version.type == include.source])


def _referring(include: Include, targets: Sequence[Named]) -> Iterable[SystemQuery]:
    """Resources of the source type that refer to one of these."""
    for first in range(0, len(targets), _AT_ONCE):
        criteria = tuple(
            ReferenceTo(include.param, type, id, include.elements) for type, id in targets[first : first + _AT_ONCE]
        )
        yield SystemQuery((Query(include.source, (AnyOf(criteria),)),))


def _referred(include: Include, sources: Sequence[Version]) -> Iterable[SystemQuery]:
    """What these resources refer to. A type that none of them names is not asked for; a Patient may be meant without
    being named, by an NHS number."""
    for first in range(0, len(sources), _AT_ONCE):
        part = sources[first : first + _AT_ONCE]
        bodies = [version.body for version in part if version.body is not None]
        types = [
            type for type in include.targets if type == "Patient" or any(f"{type}/".encode() in body for body in bodies)
        ]
        ids = IdIs(tuple(version.id for version in part))
        criterion = ReverseChained(include.source, include.param, (ids,), include.elements)
        if types:
            yield SystemQuery(tuple(Query(type, (criterion,)) for type in types))


def _name(version: Version) -> Named:
    return version.type, version.id
