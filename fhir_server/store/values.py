"""What a store takes and gives: bodies, versions, writes, commits, pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from fhir_server.store.entries import NO_ENTRIES, Entries


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of the store. `value` is opaque above the store and never changes its meaning.

    `time_ms`: whatever is committed after the snapshot has a lastUpdated of at least this, so a client that polls
    history from it misses nothing.
    """

    value: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Body:
    """A resource as compact JSON, cut where the server's `meta.versionId` and `meta.lastUpdated` go."""

    before: bytes
    after: bytes

    def at(self, version: int, last_updated_ms: int) -> bytes:
        """The bytes to store: the same resource as this version."""
        stamp = f'"versionId":"{version}","lastUpdated":"{instant(last_updated_ms)}"'
        return self.before + stamp.encode() + self.after


def instant(milliseconds: int) -> str:
    """A FHIR instant in UTC with milliseconds, as `meta.lastUpdated` holds it."""
    seconds, ms = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


Method = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource. `body` is None for a deletion.

    `masked` names the elements that were left out of the body for this session. `patients` are the ids of the Patient
    compartments that it lies in (for a deletion: that its last version lay in), for the audit.
    """

    type: str
    id: str
    version: int
    last_updated_ms: int
    body: bytes | None
    method: Method
    patients: tuple[str, ...] = ()
    masked: frozenset[str] = frozenset()

    @property
    def deleted(self) -> bool:
        return self.body is None


@dataclass(frozen=True, slots=True)
class Write:
    """One change of one resource.

    create: the id is new; taken is a `Conflict`. update: replaces the current version, or brings a deleted or (if
    `create_if_absent`) unknown id into being, else `MethodNotAllowed`; equal to the current version it changes nothing.
    delete: of nothing or of something deleted changes nothing.

    `if_match`: `PreconditionFailed` unless the current version is this. `if_absent`: `PreconditionFailed` if there is a
    current version. `based_on`: `Contended` unless the current version is this (0: there is none or it is deleted);
    the caller then reads and decides again. `holds`: unique keys that the resource holds from now on (what it held
    before and does not name is released); one that another resource holds is a `Conflict`. `refuse_if_referenced`: a
    delete of what a current resource outside this commit's deletions refers to is a `Conflict` that names the first
    referrers that the session may see.
    """

    method: Method
    type: str
    id: str
    body: Body | None = None
    entries: Entries = NO_ENTRIES
    if_match: int | None = None
    if_absent: bool = False
    based_on: int | None = None
    create_if_absent: bool = True
    refuse_if_referenced: bool = False
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Required:
    """A resource that must exist, current and visible to the session, when the commit happens (a write of the same
    commit counts); otherwise `Unprocessable` with this expression and position.

    `based_on`: the version in which it was found by criteria; `Contended` unless it is still that one, visible, so that
    the caller looks again.
    """

    type: str
    id: str
    expression: str
    position: int
    based_on: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did."""

    type: str
    id: str
    version: int
    last_updated_ms: int
    outcome: Literal["created", "updated", "unchanged", "deleted", "absent"]
    patients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A compact audit entry: JSON bytes, and the patients it names (by id), by which it can be found."""

    body: bytes
    recorded_ms: int
    patients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedAudit:
    """An audit entry as it stands in its chain. `id` is the id of the AuditEvent, unique in the store."""

    id: str
    entry: AuditEntry


AuditOf = Callable[[Sequence[Written], int], AuditEntry]
"""Makes the audit entry of a commit from what was written and the commit's time (ms). Pure; runs inside the commit."""


@dataclass(frozen=True, slots=True)
class IndexJob:
    """Indexing anew what is there of some types, because `source` (`SearchParameter/1`) has changed how that is done.
    A source has one job, its latest. `done` of `total` current resources (None: not counted yet) have their new
    entries."""

    source: str
    types: tuple[str, ...]
    done: int = 0
    total: int | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """Any number of writes that happen together or not at all, with everything that belongs to them.

    `depends_on`: keys on which the decision to write rests (the criteria of a conditional write); if a commit after
    `basis` carried one of them: `Contended`. `carries`: keys that this commit carries (the identifiers in its bodies,
    the criteria of its conditional writes). A resource is written at most once in a commit.

    `index_rules`: the number of the rules by which its entries were made; `RulesChanged` unless they are the store's
    (None: not asked). `index_jobs`: what is to be indexed anew because of it; the number of the rules then rises.
    """

    writes: tuple[Write, ...]
    audit: AuditOf
    required: tuple[Required, ...] = ()
    carries: frozenset[str] = frozenset()
    depends_on: frozenset[str] = frozenset()
    basis: Snapshot | None = None
    index_rules: int | None = None
    index_jobs: tuple[IndexJob, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """The results of a commit, one for each write in its order, and its time."""

    written: tuple[Written, ...]
    time_ms: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search or history: `next` is the cursor of the page after it, None on the last; `previous`, for
    searches, that of the page before it, None on the first. `moment`: what the store keeps to say when it was found."""

    versions: tuple[Version, ...]
    snapshot: Snapshot
    next: str | None = None
    previous: str | None = None
    moment: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A part of a search's plan: what it does ("drive", "filter", "sort", "walk", "resolve" …), by which index or
    condition, and how many rows it was thought to give and gave (None: not known)."""

    does: str
    by: str
    estimated: int | None = None
    actual: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a search was run, for operators: its steps in their order, and how long it took."""

    steps: tuple[PlanStep, ...]
    microseconds: int


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of audit entries."""

    entries: tuple[RecordedAudit, ...]
    snapshot: Snapshot
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An outbox entry: one change, in commit order (`sequence` rises, gaps allowed)."""

    sequence: int
    type: str
    id: str
    version: int
    method: Method


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The verification of one audit chain: entries read, and the first fault (`place`: the AuditEvent id), if any."""

    chain: str
    entries: int
    fault: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class CleanReport:
    """What a clean-up removed: index entries of superseded versions, and claims."""

    index_entries: int = 0
    claims: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """Current resources by type."""

    by_type: dict[str, int] = field(default_factory=dict)
