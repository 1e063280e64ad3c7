"""A store session that writes down what it gives. Interactions see only this one: no disclosure is forgotten."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Protocol

from fhir_server.audit.trail import Trail
from fhir_server.outcome import Conflict, Contended
from fhir_server.store.contract import Session
from fhir_server.store.criteria import AuditQuery, HistoryQuery, Query
from fhir_server.store.values import (
    AuditPage,
    Commit,
    Committed,
    IndexJob,
    Page,
    RecordedAudit,
    Required,
    Snapshot,
    Version,
    Write,
)

_ATTEMPTS = 16


class Ruled(Protocol):
    """The writes of a commit under a rule: those that were given, in their order, then those that the rule adds.

    `grounds` is what the rule decided on; it is empty where the rule had nothing to say. `index_jobs`: what the commit
    makes it necessary to index anew.
    """

    @property
    def writes(self) -> tuple[Write, ...]: ...

    @property
    def grounds(self) -> Mapping[str, Hashable]: ...

    @property
    def index_jobs(self) -> tuple[IndexJob, ...]: ...


CommitRule = Callable[[Session, Sequence[Write]], Awaitable[Ruled]]
"""What holds for every commit, whichever way it came in. Raises a `FhirError` for a commit that may not be."""


class AuditedSession:
    """The session of one request. What its reads give counts as disclosed; `unseen` is for reads that only decide."""

    __slots__ = ("_index_rules", "_rule", "_trail", "unseen")

    def __init__(self, session: Session, trail: Trail, rule: CommitRule, index_rules: int | None = None) -> None:
        """`index_rules`: the number of the rules by which the index entries of what is committed are made."""
        self._index_rules = index_rules
        self.unseen = session
        self._trail = trail
        self._rule = rule

    def known_as(self, interaction: str) -> None:
        """The interaction turned out to be this one (a batch comes to the same address as a transaction)."""
        self._trail.interaction = interaction

    def changing(self, version: Version) -> None:
        """This version is about to be replaced: whose it was is recorded too, where the next one is somebody else's."""
        self._trail.about(version.patients)

    def showing(self, versions: Sequence[Version]) -> None:
        """These versions, found by reads that decide, are shown to the caller."""
        self._trail.disclosed(versions)

    async def read(self, type: str, id: str) -> Version | None:
        """The current version, for the caller to see."""
        version = await self.unseen.read(type, id)
        self._note(version, type, id)
        return version

    async def read_version(self, type: str, id: str, version: int) -> Version | None:
        """One version, for the caller to see."""
        found = await self.unseen.read_version(type, id, version)
        self._note(found, type, id)
        return found

    def _note(self, version: Version | None, type: str, id: str) -> None:
        if version is None:
            self._trail.named(f"{type}/{id}")
        else:
            self._trail.disclosed((version,))

    async def search(self, query: Query) -> Page:
        """A page of a search, for the caller to see."""
        page = await self.unseen.search(query)
        self._trail.disclosed(page.versions)
        return page

    async def history(self, query: HistoryQuery) -> Page:
        """A page of history, for the caller to see."""
        page = await self.unseen.history(query)
        self._trail.disclosed(page.versions)
        return page

    async def read_audit(self, id: str) -> RecordedAudit | None:
        """An audit entry, for the caller to see."""
        self._trail.named(f"AuditEvent/{id}")
        entry = await self.unseen.read_audit(id)
        if entry is not None:
            self._trail.about(entry.entry.patients)
        return entry

    async def search_audit(self, query: AuditQuery) -> AuditPage:
        """Audit entries, for the caller to see."""
        page = await self.unseen.search_audit(query)
        for entry in page.entries:
            self._trail.named(f"AuditEvent/{entry.id}")
            self._trail.about(entry.entry.patients)
        return page

    async def commit(
        self,
        writes: Sequence[Write],
        *,
        required: Sequence[Required] = (),
        carries: frozenset[str] = frozenset(),
        depends_on: frozenset[str] = frozenset(),
        basis: Snapshot | None = None,
        status: int | None = None,
    ) -> Committed:
        """Commit these writes together with the request's audit entry. Fails as `store.contract.Session.commit`.

        `status`: what success is answered with, where the outcome of the first write does not say it.
        """
        self._trail.committing(status)
        ruled = await self._rule(self.unseen, writes)
        for _ in range(_ATTEMPTS):
            commit = Commit(
                ruled.writes,
                self._trail.of_commit,
                tuple(required),
                carries,
                depends_on,
                basis,
                self._index_rules,
                ruled.index_jobs,
            )
            try:
                committed = await self.unseen.commit(commit)
            except (Conflict, Contended):
                before, ruled = ruled, await self._rule(self.unseen, writes)
                if before.grounds == ruled.grounds:
                    raise
                # What the rule decided on has changed meanwhile: another plan was signed in the same moment.
                continue
            self._trail.recorded = True
            return Committed(committed.written[: len(writes)], committed.time_ms)
        raise Conflict("Too many others are changing the same plan; look at it again.")
