"""What every store does. One conformance suite (`tests/store/conformance.py`) holds for all implementations.

Two rules above all: either all of a commit is visible afterwards or none of it; and a session never gives, counts,
matches, names or changes a row that its access filter does not let through.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import AuditQuery, HistoryQuery, Query, SystemQuery
from fhir_server.store.entries import Entries
from fhir_server.store.values import (
    AuditEntry,
    AuditPage,
    ChainReport,
    CleanReport,
    Commit,
    Committed,
    Counts,
    Event,
    Explanation,
    IndexJob,
    Page,
    RecordedAudit,
    Snapshot,
    Version,
)


class Session(Protocol):
    """Everything a request may do with the store, under one access filter. Cheap to make; one per request."""

    async def snapshot(self) -> Snapshot:
        """The state of now: the last commit that is visible."""

    async def read(self, type: str, id: str) -> Version | None:
        """The current version (a deletion has no body), or None where there is none or it may not be seen."""

    async def read_version(self, type: str, id: str, version: int) -> Version | None:
        """One version. It is visible if both that version and the current one pass the filter."""

    async def search(self, query: Query | SystemQuery, along: Page | None = None) -> Page:
        """Resources that match at the snapshot, not deleted then, and that pass the filter then and now. So do the
        resources that chains and hierarchies lead over. `along`: a page that is shown together with what is found, so
        that now may be the moment in which it was found.

        Raises `SnapshotExpired` for a snapshot that is no longer kept, `TooCostly` beyond the store's limits.
        """

    async def count(self, query: Query | SystemQuery) -> int:
        """How many resources the query matches in all (its count, sort and cursor play no part)."""

    async def estimate(self, query: Query | SystemQuery) -> int:
        """As `count`; where the filter hides nothing perhaps not exactly, and never slower than a page. What is hidden
        has no influence on it."""

    async def explain(self, query: Query | SystemQuery) -> Explanation:
        """Runs the search and says how; for operators only, since it counts rows that the filter hides."""

    async def history(self, query: HistoryQuery) -> Page:
        """Versions, newest first, in the order of their commits. Raises as `search` does.

        A version is shown if both it and the current version of its resource pass the filter.
        """

    async def count_history(self, query: HistoryQuery) -> int:
        """How many versions the query gives in all."""

    async def holders(self, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """Which resource (type, id) holds each of these unique keys (`Write.holds`) now: only those that are held, by a
        resource that passes the filter."""

    async def withheld(self, patient: str) -> bool:
        """Whether a current resource in this patient's compartment is hidden or masked by the filter."""

    async def commit(self, commit: Commit) -> Committed:
        """All of it or none of it, durable when it returns, with its audit entry and outbox entries.

        A target that exists but may not be seen is treated as `values.Write` says for one that may not be used:
        update, create and delete raise `NotFound`. A new version must pass the filter too, else `Forbidden`.
        lastUpdated is max(clock, the resource's previous + 1 ms). Raises `Conflict`, `Contended`,
        `PreconditionFailed`, `Unprocessable`, `MethodNotAllowed`, `StoreFull`, `Unavailable`; nothing is then written.
        """

    def record(self, entry: AuditEntry) -> Awaitable[None]:
        """Append an audit entry (of a read, or of a refusal); durable when the awaitable is done."""

    async def read_audit(self, id: str) -> RecordedAudit | None:
        """One audit entry by its AuditEvent id, or None where there is none or it may not be seen."""

    async def search_audit(self, query: AuditQuery) -> AuditPage:
        """Audit entries of all chains, newest first."""


class Store(Protocol):
    """A store that is open. One per process; several processes may have the same store open."""

    def session(self, access: AccessFilter) -> Session:
        """A session under this filter."""

    def unbound_session(self) -> Session:
        """A session that sees everything: for start-up, migrations and `audit verify` only, never for a request."""

    async def close(self) -> None:
        """Finish the commits that wait, then let go of everything."""

    async def check(self) -> None:
        """A round trip that shows that the store can be read and audit entries written; raises `Unavailable`."""

    async def counts(self) -> Counts:
        """How many current resources of each type there are, for operators."""

    def secret(self, name: str, size: int) -> bytes:
        """A random key of this size, made once and then the same for every process of this store."""

    async def acquire_lease(self, name: str, holder: str, seconds: float) -> bool:
        """Whether `holder` now has the lease: it was free, had run out, or was its own (and is prolonged)."""

    async def release_lease(self, name: str, holder: str) -> None:
        """Give a lease back; of another holder's it changes nothing."""

    async def events(self, after: int, count: int) -> Sequence[Event]:
        """Outbox entries after this sequence number, in order; an entry appears only when all before it have."""

    async def clean(self, snapshot_seconds: float) -> CleanReport:
        """Remove index entries that only snapshots older than this could name, and claims no decision can rest on any
        more. Safe to interrupt; a small batch per transaction."""

    async def verify_audit(self) -> Sequence[ChainReport]:
        """Recompute every chain, and compare each with its head that is kept outside the database."""

    async def verify_index(self, entries_of: Callable[[Version], Awaitable[Entries]]) -> Sequence[str]:
        """Compare the index of every current version with entries made anew from its body; the places that differ."""

    async def index_rules(self) -> int:
        """The number of the rules by which index entries are made now: it rises when a search parameter comes, changes
        or goes, and when indexing by one is complete."""

    async def index_jobs(self) -> Sequence[IndexJob]:
        """The latest job of each source, oldest first."""

    async def run_index_job(self, entries_of: Callable[[Version], Awaitable[Entries]], rules: int) -> IndexJob | None:
        """Do one batch of the oldest job that is not complete, with entries made by the rules of this number; the
        job as it then stands, None where none is left. Safe to interrupt, and for several processes at once.

        Raises `RulesChanged` where the store has other rules by now.
        """

    def needs_reindex(self) -> bool:
        """Whether the index was made in another format, or by other rules, than this program's. Until it is built anew
        searches and filtered sessions are `Unavailable`."""

    async def reindex(
        self,
        entries_of: Callable[[Version], Awaitable[Entries]],
        batch: int = 200,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Build the index anew where that is needed, or go on with it; how many versions this call indexed.
        `progress` is told how far it has come, and of how much."""

    async def backup(self, target: Path) -> None:
        """An exact, consistent copy with checksums and the audit heads, while the server works."""
