"""What one client was told: every acknowledged write, and the one that it was waiting for when the server died.

Each client writes to resources of its own, so its ledger alone says what must be in the store.
"""

from dataclasses import dataclass, field

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Effect:
    """One version that a write makes. `marker` is found in the stored resource (None: it is a deletion); `id` None: the
    server gives one; `after` is the version that it follows (0: none)."""

    type: str
    id: str | None
    marker: str | None
    after: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that was sent: it has all of its effects or none. `request_id` stands in the audit."""

    request_id: str
    effects: tuple[Effect, ...] = ()


@dataclass(slots=True)
class Ledger:
    """The acknowledged versions: `versions[type, id][version]` is the marker (None: deleted).

    `fresh` are those of this round, `requests` the ids of this round's answered requests, `in_doubt` the attempt whose
    answer never came, `faults` what was already wrong while the server ran.
    """

    versions: dict[Key, dict[int, str | None]] = field(default_factory=dict)
    fresh: set[tuple[str, str, int]] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    in_doubt: Attempt | None = None
    faults: list[str] = field(default_factory=list)

    def version(self, key: Key) -> int:
        """The newest version that is known of a resource, 0 where there is none."""
        return max(self.versions.get(key, {0: None}))

    def marker(self, key: Key) -> str | None:
        """The marker of the newest version."""
        return self.versions[key][self.version(key)]

    def write(self, key: Key, version: int, marker: str | None) -> None:
        """A version is known to be there."""
        expected = self.version(key) + 1
        if version != expected:
            self.faults.append(f"{'/'.join(key)}: version {version} was acknowledged, {expected} was due")
        self.versions.setdefault(key, {})[version] = marker
        self.fresh.add((*key, version))

    def next_round(self) -> None:
        """Forget what belongs to one round only."""
        self.fresh.clear()
        self.requests.clear()
        self.in_doubt = None
